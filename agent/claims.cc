#include "agent/claims.h"

#include "base/hash.h"

namespace agent {

namespace {
constexpr std::uint8_t subnet_length = 24;
constexpr int draws_max = 16;
}  // namespace

std::optional<base::Prefix> own_subnet(State const& state, base::NodeId self) {
    for (auto const& [prefix, owner] : state.subnets()) {
        if (owner == self) {
            return prefix;
        }
    }
    return std::nullopt;
}

std::optional<base::Prefix> free_subnet(State const& state, base::NodeId self, base::Prefix fleet,
                                        base::Prefix virtual_range) {
    std::uint64_t const count = std::uint64_t{1} << (subnet_length - fleet.length);
    auto const subnet = [&](std::uint64_t number) {
        auto const index = static_cast<std::uint32_t>(number % count);
        return base::Prefix{fleet.address + (index << (32 - subnet_length)), subnet_length};
    };
    // A first choice in the virtual range is drawn again: all those would else race for the subnet
    // behind it.
    std::uint64_t first = base::stable_hash(std::as_bytes(std::span(self.bytes)));
    for (int draw = 0; draw < draws_max && virtual_range.contains(subnet(first).host(0)); ++draw) {
        first = base::mix(first);
    }
    first %= count;
    for (std::uint64_t step = 0; step < count; ++step) {
        base::Prefix const prefix = subnet(first + step);
        if (!virtual_range.contains(prefix.host(0)) && !state.subnets().contains(prefix)) {
            return prefix;
        }
    }
    return std::nullopt;
}

std::optional<base::IpAddress> free_vip(State const& state, std::string_view service,
                                        base::Prefix range) {
    // The first and last address of the range stay free: they look like network and broadcast.
    std::uint64_t const count = (std::uint64_t{1} << (32 - range.length)) - 2;
    std::uint64_t const first = base::stable_hash(service) % count;
    for (std::uint64_t step = 0; step < count; ++step) {
        auto const address = range.host(1 + static_cast<std::uint32_t>((first + step) % count));
        if (!state.vips().contains(address)) {
            return address;
        }
    }
    return std::nullopt;
}

}  // namespace agent
