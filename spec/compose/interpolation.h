#pragma once

#include <expected>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace spec {

inline constexpr std::size_t substituted_max = 64 * 1024;  // bytes of a text afterwards
inline constexpr std::size_t substitution_depth_max = 32;  // defaults within defaults
inline constexpr std::size_t unset_max = 1000;             // variables named as not set

// The value of a variable; null: it is not set.
using Lookup = std::function<std::string const*(std::string_view name)>;

struct Substitution {
    std::string text;
    std::vector<std::string> unset;  // variables that are not set and have no default: empty text
};

// Replaces references to variables (Compose Specification, 12-interpolation): $A, ${A}, ${A:-word},
// ${A-word}, ${A:?word}, ${A?word}, ${A:+word}, ${A+word}, where a word may hold references, and $$
// for a plain $. Any other $ stays. In linear time; an error says what is wrong and what to do.
[[nodiscard]] std::expected<Substitution, std::string> substitute(std::string_view text,
                                                                  Lookup const& lookup);

}  // namespace spec
