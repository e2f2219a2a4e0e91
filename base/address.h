#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace base {

// An IPv4 or IPv6 address. IPv4 is held as ::ffff:a.b.c.d (RFC 4291, section 2.5.5.2), so both
// kinds compare and encode as 16 bytes.
struct IpAddress {
    std::array<std::uint8_t, 16> bytes{};

    friend constexpr auto operator<=>(IpAddress const&, IpAddress const&) = default;

    [[nodiscard]] static IpAddress v4(std::uint32_t host_order);
    [[nodiscard]] bool is_v4() const;
    [[nodiscard]] bool is_unspecified() const;
    // The address as a number; is_v4() must hold.
    [[nodiscard]] std::uint32_t v4_value() const;
};

struct SocketAddress {
    IpAddress ip;
    std::uint16_t port{};
    friend constexpr auto operator<=>(SocketAddress const&, SocketAddress const&) = default;
};

// An IPv4 network such as 10.128.3.0/24; the host bits of `address` are zero.
struct Prefix {
    std::uint32_t address{};
    std::uint8_t length{};
    friend constexpr auto operator<=>(Prefix const&, Prefix const&) = default;

    [[nodiscard]] bool contains(IpAddress const& ip) const;
    // The `index`th address; index < 2^(32 - length).
    [[nodiscard]] IpAddress host(std::uint32_t index) const;
};

// Dotted quad, or RFC 5952 form for IPv6.
[[nodiscard]] std::string to_string(IpAddress const& ip);
// "10.0.0.1:7700" or "[fd00::1]:7700".
[[nodiscard]] std::string to_string(SocketAddress const& address);
[[nodiscard]] std::string to_string(Prefix const& prefix);

[[nodiscard]] std::optional<IpAddress> parse_ip(std::string_view text);
// "IP", "IP:PORT", "[IPv6]:PORT"; `default_port` where none is given.
[[nodiscard]] std::optional<SocketAddress> parse_socket_address(std::string_view text,
                                                                std::uint16_t default_port);
// "a.b.c.d/len" with zero host bits.
[[nodiscard]] std::optional<Prefix> parse_prefix(std::string_view text);

}  // namespace base
