#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace runtime {

inline constexpr std::size_t reference_size_max = 512;

// The full form of what people write: "busybox" is "docker.io/library/busybox:latest",
// "ghcr.io/a/b@sha256:..." stays as it is, and so does "sha256:...", the id of an image.
[[nodiscard]] base::Result<std::string> normalized_reference(std::string_view text);

// "sha256:" and 64 lower-case hexadecimal digits.
[[nodiscard]] bool is_digest(std::string_view text);

// The part before tag or digest of a normalized reference.
[[nodiscard]] std::string_view repository_of(std::string_view reference);

}  // namespace runtime
