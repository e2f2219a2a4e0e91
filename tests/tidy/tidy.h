#pragma once

#include <string>
#include <string_view>
#include <vector>

// The rules of the house that a machine can check: who may include whom, where third-party headers
// and the operating system may appear, how long files and functions get. ARCHITECTURE.md tells the
// reasons.
namespace tidy {

struct Finding {
    std::string file;
    int line{};  // from 1
    std::string rule;

    friend bool operator==(Finding const&, Finding const&) = default;
};

inline constexpr int file_lines_max = 600;
inline constexpr int function_lines_max = 70;

// The findings in one source file. `path` is relative to the project's root ("gossip/codec.cc").
[[nodiscard]] std::vector<Finding> check(std::string_view path, std::string_view text);

// Whether the file belongs to a pure library: it takes time as an argument and returns effects.
[[nodiscard]] bool is_pure(std::string_view path);

}  // namespace tidy
