#pragma once

#include <charconv>
#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"

namespace base {

// Lower-case hexadecimal, two digits a byte.
[[nodiscard]] std::string hex(ByteView bytes);

// The bytes of an even number of hexadecimal digits of either case, else nothing.
[[nodiscard]] std::optional<Bytes> unhex(std::string_view text);

// The whole text as a decimal number in range, else nothing: no sign, space or prefix is skipped.
template <std::integral Integer>
[[nodiscard]] std::optional<Integer> parse_integer(std::string_view text) {
    Integer value{};
    char const* const end = text.data() + text.size();
    auto const [stop, error] = std::from_chars(text.data(), end, value);
    if (text.empty() || error != std::errc{} || stop != end) {
        return std::nullopt;
    }
    return value;
}

// The parts between separators, empty ones included: split("a,,b", ',') has three.
[[nodiscard]] std::vector<std::string_view> split(std::string_view text, char separator);

[[nodiscard]] std::string_view trim(std::string_view text);
[[nodiscard]] std::string lower(std::string_view text);

namespace detail {
inline void append(std::string& out, std::string_view part) {
    out += part;
}

inline void append(std::string& out, char part) {
    out += part;
}

template <std::integral Integer>
    requires(!std::same_as<Integer, char> && !std::same_as<Integer, bool>)
void append(std::string& out, Integer part) {
    out += std::to_string(part);
}
}  // namespace detail

// The parts one after the other: concat("port ", 7700, " is in use").
template <class... Parts>
[[nodiscard]] std::string concat(Parts const&... parts) {
    std::string out;
    (detail::append(out, parts), ...);
    return out;
}

}  // namespace base
