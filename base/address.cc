#include "base/address.h"

#include <algorithm>
#include <cstring>

#include <arpa/inet.h>

#include "base/check.h"
#include "base/text.h"

namespace base {

static constexpr std::array<std::uint8_t, 12> mapped_prefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255};

IpAddress IpAddress::v4(std::uint32_t host_order) {
    IpAddress ip;
    std::ranges::copy(mapped_prefix, ip.bytes.begin());
    for (unsigned at = 0; at < 4; ++at) {
        ip.bytes[12 + at] = static_cast<std::uint8_t>(host_order >> (24 - 8 * at));
    }
    return ip;
}

bool IpAddress::is_v4() const {
    return std::ranges::equal(std::span(bytes).first<12>(), mapped_prefix);
}

bool IpAddress::is_unspecified() const {
    return *this == IpAddress{} || *this == v4(0);
}

std::uint32_t IpAddress::v4_value() const {
    CHECK(is_v4());
    std::uint32_t value = 0;
    for (unsigned at = 12; at < 16; ++at) {
        value = (value << 8) | bytes[at];
    }
    return value;
}

bool Prefix::contains(IpAddress const& ip) const {
    return ip.is_v4() && (length == 0 || ((ip.v4_value() ^ address) >> (32 - length)) == 0);
}

IpAddress Prefix::host(std::uint32_t index) const {
    CHECK(length == 0 || index < (std::uint64_t{1} << (32 - length)));
    return IpAddress::v4(address + index);
}

std::string to_string(IpAddress const& ip) {
    char text[INET6_ADDRSTRLEN];
    if (ip.is_v4()) {
        ::inet_ntop(AF_INET, ip.bytes.data() + 12, text, sizeof text);
    } else {
        ::inet_ntop(AF_INET6, ip.bytes.data(), text, sizeof text);
    }
    return text;
}

std::string to_string(SocketAddress const& address) {
    std::string const ip = to_string(address.ip);
    return address.ip.is_v4() ? concat(ip, ':', address.port) : concat('[', ip, "]:", address.port);
}

std::string to_string(Prefix const& prefix) {
    return concat(to_string(IpAddress::v4(prefix.address)), '/', static_cast<int>(prefix.length));
}

std::optional<IpAddress> parse_ip(std::string_view text) {
    std::string const terminated(text);
    std::array<std::uint8_t, 4> quad{};
    if (::inet_pton(AF_INET, terminated.c_str(), quad.data()) == 1) {
        return IpAddress::v4(
            static_cast<std::uint32_t>(quad[0] << 24 | quad[1] << 16 | quad[2] << 8 | quad[3]));
    }
    IpAddress ip;
    if (::inet_pton(AF_INET6, terminated.c_str(), ip.bytes.data()) == 1) {
        return ip;
    }
    return std::nullopt;
}

std::optional<SocketAddress> parse_socket_address(std::string_view text,
                                                  std::uint16_t default_port) {
    std::string_view host = text;
    std::string_view port;
    if (text.starts_with('[')) {
        std::size_t const close = text.find(']');
        if (close == std::string_view::npos) {
            return std::nullopt;
        }
        host = text.substr(1, close - 1);
        port = text.substr(close + 1);
        if (!port.empty() && (port.front() != ':' || port.size() == 1)) {
            return std::nullopt;
        }
        port = port.empty() ? port : port.substr(1);
    } else if (std::ranges::count(text, ':') == 1) {
        std::size_t const colon = text.find(':');
        host = text.substr(0, colon);
        port = text.substr(colon + 1);
        if (port.empty()) {
            return std::nullopt;
        }
    }
    auto const ip = parse_ip(host);
    auto const number =
        port.empty() ? std::optional(default_port) : parse_integer<std::uint16_t>(port);
    if (!ip || !number) {
        return std::nullopt;
    }
    return SocketAddress{*ip, *number};
}

std::optional<Prefix> parse_prefix(std::string_view text) {
    std::size_t const slash = text.find('/');
    if (slash == std::string_view::npos) {
        return std::nullopt;
    }
    auto const ip = parse_ip(text.substr(0, slash));
    auto const length = parse_integer<std::uint8_t>(text.substr(slash + 1));
    if (!ip || !ip->is_v4() || !length || *length > 32) {
        return std::nullopt;
    }
    std::uint32_t const address = ip->v4_value();
    if (*length < 32 && (address << *length) != 0) {
        return std::nullopt;
    }
    return Prefix{address, *length};
}

}  // namespace base
