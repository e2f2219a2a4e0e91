#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "base/address.h"

namespace dns {

// Names are kept in wire form (RFC 1035, 3.1): each label behind its length, the root's empty label
// last, letters in lower case. "web.shop" is "\3web\4shop\0", and a name's ancestors are suffixes.

inline constexpr std::size_t name_max = 255;
inline constexpr std::size_t label_max = 63;

// A name as a person writes it, with or without the last dot. Nothing when a label is empty or too
// long, or the name is.
[[nodiscard]] std::optional<std::string> name_from_text(std::string_view text);

// A relative name such as "3.web" under a name in wire form; nothing as above.
[[nodiscard]] std::optional<std::string> name_under(std::string_view text, std::string_view suffix);

// The first label's bytes; empty for the root.
[[nodiscard]] std::string_view first_label(std::string_view name);

// The name without its first label; the root is its own parent.
[[nodiscard]] std::string_view parent(std::string_view name);

[[nodiscard]] std::size_t label_count(std::string_view name);

// 4.3.2.1.in-addr.arpa, or the 32 nibbles under ip6.arpa (RFC 3596).
[[nodiscard]] std::string reverse_name(base::IpAddress const& address);

[[nodiscard]] char lower(char letter);

}  // namespace dns
