#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "agent/effects.h"
#include "agent/roster.h"
#include "agent/state.h"
#include "dns/zone.h"
#include "lb/table.h"
#include "runtime/supervisor.h"

namespace agent {

// An instance that may be used: desired, running, healthy, on a live host. When no instance of a
// service is healthy, all that run are given (panic mode).
struct ServiceEndpoint {
    std::uint32_t slot{};
    base::IpAddress address;
    bool doubtful{};  // its host is suspected
};

using Endpoints = std::map<std::string, std::vector<ServiceEndpoint>, std::less<>>;

[[nodiscard]] Endpoints endpoints(State const& state, Roster const& roster);

// TCP and UDP ports on a service's virtual IP: those it publishes and those it exposes.
struct VirtualPort {
    std::uint16_t port{};
    bool udp{};
    friend auto operator<=>(VirtualPort const&, VirtualPort const&) = default;
};

[[nodiscard]] std::vector<VirtualPort> virtual_ports(spec::ServiceSpec const& spec);

[[nodiscard]] dns::ZoneData make_zone(std::string const& origin, State const& state,
                                      Roster const& roster, Endpoints const& endpoints,
                                      std::span<runtime::Instance const> local);

struct Balancing {
    std::vector<lb::Frontend> frontends;
    // Services whose published port another service has, with the reason for a person.
    std::map<std::string, std::string> refused;
};

[[nodiscard]] Balancing make_frontends(State const& state, Endpoints const& endpoints);

// Routes to the other hosts' subnets, through the addresses that membership knows.
[[nodiscard]] std::vector<SubnetRoute> make_routes(
    base::NodeId self, State const& state, std::map<base::NodeId, gossip::Member> const& members);

}  // namespace agent
