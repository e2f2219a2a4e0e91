#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/time.h"

// What a well-formed ServiceSpec keeps to. The file reader says which rule a file breaks; decode()
// refuses bytes that break one, so that nothing else has to check again.
namespace spec {

inline constexpr std::size_t text_max = 32 * 1024;  // bytes of one string
inline constexpr std::size_t image_max = 512;       // bytes of an image reference
inline constexpr std::size_t list_max = 1024;       // items of one list or map
inline constexpr std::uint32_t retries_max = 1000;  // failed health checks in a row
inline constexpr base::Duration duration_max = std::chrono::hours(24 * 365);
inline constexpr std::uint64_t cpu_milli_max = 1'000'000;
inline constexpr std::uint64_t memory_max = std::uint64_t{1} << 50;
inline constexpr std::uint64_t pids_max = std::uint64_t{1} << 22;
inline constexpr std::int32_t oom_score_max = 1000;
inline constexpr std::int32_t priority_max = 1000;
inline constexpr std::uint32_t file_mode_max = 07777;

// No NUL byte and at most text_max bytes.
[[nodiscard]] bool valid_text(std::string_view text);
// The characters of REGISTRY:PORT/NAME:TAG@DIGEST, at least one.
[[nodiscard]] bool valid_image(std::string_view image);
// At least one character, no '='.
[[nodiscard]] bool valid_variable(std::string_view name);
// Absolute, in the one form that names a place: no ".", "..", "//" or "/" at the end.
[[nodiscard]] bool valid_container_path(std::string_view path);
// A left side of a Constraint.
[[nodiscard]] bool valid_attribute(std::string_view left);

}  // namespace spec
