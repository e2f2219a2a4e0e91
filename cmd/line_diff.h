#pragma once

#include <string>
#include <string_view>

namespace cmd {

// The lines that differ, "- " before those of `before` only and "+ " before those of `after` only,
// "  " before up to three lines around them. Of large texts (a million pairs of lines) everything
// between the first and the last difference is shown.
[[nodiscard]] std::string line_diff(std::string_view before, std::string_view after);

}  // namespace cmd
