#pragma once

#include <optional>
#include <string_view>

#include "spec/compose.h"

namespace spec {

// Nesting of brackets, counted without regard to quotes, that no real file comes near. It keeps
// the YAML scanner's queue small; the depth that counts is yaml_depth_max.
inline constexpr int bracket_balance_max = 4096;

inline constexpr std::size_t directives_max = 64;

// What is wrong with a text before it is looked at as YAML: too long, not UTF-8, a control
// character, endless brackets,
// endless directives. Nothing: it may be parsed.
[[nodiscard]] std::optional<Diagnostic> check_text(std::string_view text);

// `text` for a message: what is no printable UTF-8 shown as '?'.
[[nodiscard]] std::string printable(std::string_view text);
// The same between quotes, shortened.
[[nodiscard]] std::string quote(std::string_view text);

}  // namespace spec
