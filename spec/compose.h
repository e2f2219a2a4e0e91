#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "spec/spec.h"

namespace spec {

enum class Severity : std::uint8_t { warning, error };

// Where and what, for a person: "shop.yaml:7:13: services.web.ports[0]: expected ...".
struct Diagnostic {
    Severity severity{};
    std::string file;
    int line{};    // from 1; 0: the file as a whole
    int column{};  // from 1
    std::string key;
    std::string message;
};

[[nodiscard]] std::string to_string(Diagnostic const& diagnostic);

struct ComposeFile {
    std::string project;
    std::vector<ServiceSpec> services;    // sorted by name; empty unless usable()
    std::vector<Diagnostic> diagnostics;  // in file order
    [[nodiscard]] bool usable() const;    // no error among the diagnostics
};

inline constexpr std::size_t compose_file_max = 1 << 20;

// Reads a Compose file (Compose Specification, YAML 1.2). `file` is used in messages and its stem
// is the project where the text has no `name:`. Never throws; text that nobody vouches for.
[[nodiscard]] ComposeFile read_compose(std::string_view file, std::string_view text);

}  // namespace spec
