#include "agent/tables.h"

#include <algorithm>
#include <set>

#include "base/text.h"

namespace agent {

Endpoints endpoints(State const& state, Roster const& roster) {
    Endpoints healthy;
    Endpoints running;
    for (auto const& [node, records] : state.instances()) {
        auto const live = roster.find(node);
        if (live == roster.end()) {
            continue;
        }
        for (auto const& [slot, record] : records) {
            // A container without network can be used by nobody.
            if (!state.services().contains(slot.service) || record.address.is_unspecified()) {
                continue;
            }
            ServiceEndpoint const endpoint{slot.slot, record.address, live->second.suspect};
            if (record.phase == runtime::Phase::healthy) {
                healthy[slot.service].push_back(endpoint);
            } else if (record.phase == runtime::Phase::running) {
                running[slot.service].push_back(endpoint);
            }
        }
    }
    for (auto& [service, found] : running) {
        healthy.try_emplace(service, std::move(found));
    }
    for (auto& [service, found] : healthy) {
        std::ranges::sort(found, {}, [](ServiceEndpoint const& endpoint) {
            return std::pair(endpoint.slot, endpoint.address);
        });
    }
    return healthy;
}

std::vector<VirtualPort> virtual_ports(spec::ServiceSpec const& spec) {
    std::set<VirtualPort> ports;
    for (spec::Port const& port : spec.ports) {
        ports.insert({port.target, port.protocol == spec::Protocol::udp});
    }
    for (std::uint16_t const port : spec.expose) {
        ports.insert({port, false});
    }
    return {ports.begin(), ports.end()};
}

namespace {

constexpr std::uint16_t dns_port = 53;

// Whom a container's service wants asked for names that are not the fleet's.
void add_resolvers(base::IpAddress client, std::string const& service, State const& state,
                   dns::ZoneData& zone) {
    auto const known = state.services().find(service);
    if (known == state.services().end()) {
        return;
    }
    for (std::string const& server : known->second.spec.networking.dns) {
        if (auto const address = base::parse_ip(server)) {
            zone.resolvers[client].push_back({*address, dns_port});
        }
    }
}

}  // namespace

dns::ZoneData make_zone(std::string const& origin, State const& state, Roster const& roster,
                        Endpoints const& endpoints, std::span<runtime::Instance const> local) {
    dns::ZoneData zone;
    zone.origin = origin;
    for (auto const& [key, service] : state.services()) {
        dns::ServiceRecord record;
        record.project = service.spec.project;
        record.name = service.spec.name;
        std::vector<VirtualPort> const ports = virtual_ports(service.spec);
        if (!ports.empty()) {
            record.vip = state.vip(key);
        }
        for (VirtualPort const& port : ports) {
            record.ports.push_back({std::to_string(port.port), port.port, port.udp});
        }
        if (auto const found = endpoints.find(key); found != endpoints.end()) {
            for (ServiceEndpoint const& endpoint : found->second) {
                record.endpoints.push_back({endpoint.slot, endpoint.address});
            }
        }
        zone.services.push_back(std::move(record));
    }
    for (auto const& [id, live] : roster) {
        zone.hosts.push_back({live.name, live.address.ip});
    }
    for (runtime::Instance const& instance : local) {
        std::string const& service = instance.assignment.service;
        if (!instance.address.is_unspecified() &&
            instance.address != runtime::host_network_address()) {
            zone.projects[instance.address] = service.substr(0, service.find('/'));
            add_resolvers(instance.address, service, state, zone);
        }
    }
    return zone;
}

Balancing make_frontends(State const& state, Endpoints const& endpoints) {
    Balancing out;
    std::map<std::pair<lb::Protocol, base::SocketAddress>, lb::Frontend> frontends;
    for (auto const& [key, service] : state.services()) {
        auto const found = endpoints.find(key);
        auto const backends = [&](std::uint16_t port) {
            std::vector<lb::Backend> list;
            if (found != endpoints.end()) {
                for (ServiceEndpoint const& endpoint : found->second) {
                    list.push_back({{endpoint.address, port}, endpoint.doubtful});
                }
            }
            return list;
        };
        if (auto const vip = state.vip(key)) {
            for (VirtualPort const& port : virtual_ports(service.spec)) {
                lb::Protocol const protocol = port.udp ? lb::Protocol::udp : lb::Protocol::tcp;
                base::SocketAddress const listen{*vip, port.port};
                frontends[{protocol, listen}] = {key, listen, protocol, backends(port.port)};
            }
        }
        for (spec::Port const& port : service.spec.ports) {
            // In the host's network the container itself listens there.
            if (port.published == 0 || service.spec.networking.mode == spec::NetworkMode::host) {
                continue;
            }
            bool const udp = port.protocol == spec::Protocol::udp;
            lb::Protocol const protocol = udp ? lb::Protocol::udp : lb::Protocol::tcp;
            base::SocketAddress const listen{base::IpAddress::v4(0), port.published};
            auto const [at, fresh] = frontends.try_emplace({protocol, listen});
            if (!fresh) {
                out.refused[key] = base::concat("port ", port.published, udp ? "/udp" : "/tcp",
                                                " is already published by ", at->second.service);
                continue;
            }
            at->second = {key, listen, protocol, backends(port.target)};
        }
    }
    for (auto const& [key, service] : state.services()) {
        if (service.spec.networking.mode != spec::NetworkMode::host) {
            continue;
        }
        // Every host listens there for the other service, so the container cannot.
        for (VirtualPort const& port : virtual_ports(service.spec)) {
            lb::Protocol const protocol = port.udp ? lb::Protocol::udp : lb::Protocol::tcp;
            auto const at = frontends.find({protocol, {base::IpAddress::v4(0), port.port}});
            if (at != frontends.end()) {
                out.refused[key] =
                    base::concat("port ", port.port, port.udp ? "/udp" : "/tcp",
                                 " of its hosts is published by ", at->second.service);
            }
        }
    }
    for (auto& [place, frontend] : frontends) {
        out.frontends.push_back(std::move(frontend));
    }
    return out;
}

std::vector<SubnetRoute> make_routes(base::NodeId self, State const& state,
                                     std::map<base::NodeId, gossip::Member> const& members) {
    std::vector<SubnetRoute> routes;
    for (auto const& [prefix, owner] : state.subnets()) {
        auto const member = members.find(owner);
        if (owner != self && member != members.end() && member->second.address.ip.is_v4() &&
            member->second.state != gossip::State::evicted) {
            routes.push_back({prefix, member->second.address.ip});
        }
    }
    std::ranges::sort(routes);
    return routes;
}

}  // namespace agent
