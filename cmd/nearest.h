#pragma once

#include <span>
#include <string>
#include <string_view>

namespace cmd {

// The candidate that `typed` was probably meant to be; empty if none is near.
[[nodiscard]] std::string_view nearest(std::string_view typed,
                                       std::span<std::string const> candidates);

}  // namespace cmd
