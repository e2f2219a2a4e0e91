#pragma once

#include <cstddef>
#include <string_view>

namespace base {

// How many letters must be put in, left out or changed, or neighbours exchanged, to make one text
// of the other (Levenshtein's distance with the exchange of neighbours). Costs the product of both
// lengths: bound what somebody else gave.
[[nodiscard]] std::size_t edit_distance(std::string_view left, std::string_view right);

}  // namespace base
