#pragma once

#include <expected>
#include <functional>
#include <map>
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
    // Every path that was read or looked for, sorted: the file is to be read again when one of them
    // changes, appears or goes.
    std::vector<std::string> inputs;
    [[nodiscard]] bool usable() const;  // no error among the diagnostics
};

inline constexpr std::size_t compose_file_max = 1 << 20;  // bytes of one file
inline constexpr std::size_t inputs_max = 100;            // files that one file leads to
inline constexpr std::size_t inputs_bytes_max = 4 << 20;  // bytes of all of them

using Variables = std::map<std::string, std::string, std::less<>>;

struct SourceFile {
    std::string text;
    bool others_may_read{};  // users beside its owner and its group
};

struct SourceProblem {
    bool absent{};       // there is no such file
    std::string reason;  // "cannot be read: Permission denied"
};

// Reads a file. A text of more than compose_file_max bytes may be cut after the first byte beyond.
using FileSource = std::function<std::expected<SourceFile, SourceProblem>(std::string const& path)>;

struct ComposeRequest {
    std::vector<std::string> files;      // the Compose file, then those that override it; not empty
    std::vector<std::string> env_files;  // of variables; none: `.env` beside the first file
    Variables variables;                 // win over those of files
    std::vector<std::string> profiles;   // active, with those of COMPOSE_PROFILES and of x-covey
};

// Reads Compose files (Compose Specification, YAML 1.2): variables substituted, includes, extends
// and overrides resolved, env files read. The stem of the first file is the project where no text
// has a `name:`. All I/O is the source's; paths are those of `files`, and those that files name
// joined to the folder of the first. Never throws; text that nobody vouches for.
[[nodiscard]] ComposeFile read_compose(ComposeRequest const& request, FileSource const& source);

// The same for one text, when no other file is there.
[[nodiscard]] ComposeFile read_compose(std::string_view file, std::string_view text);

}  // namespace spec
