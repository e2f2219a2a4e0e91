#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "base/hash.h"
#include "base/random.h"
#include "base/text.h"
#include "placement/placement.h"

namespace placement {

inline base::NodeId node_id(std::uint64_t number) {
    base::NodeId id;
    std::uint64_t const hash = base::mix(number);
    for (std::size_t at = 0; at < 8; ++at) {
        id.bytes[at] = static_cast<std::uint8_t>(hash >> (8 * at));
        id.bytes[8 + at] = static_cast<std::uint8_t>(number >> (8 * at));
    }
    return id;
}

inline Node make_node(std::uint64_t number) {
    Node node;
    node.id = node_id(number);
    node.attributes["node.hostname"] = "host" + std::to_string(number);
    node.capacity = {4000, 8'000'000};
    return node;
}

inline std::vector<Node> make_nodes(std::uint64_t count) {
    std::vector<Node> nodes;
    for (std::uint64_t number = 1; number <= count; ++number) {
        nodes.push_back(make_node(number));
    }
    return nodes;
}

inline Service make_service(std::string key, std::uint32_t replicas) {
    Service service;
    service.key = std::move(key);
    service.replicas = replicas;
    return service;
}

// What the fleet reports once the plan has been carried out.
inline std::vector<Incumbent> carried_out(Plan const& plan) {
    std::vector<Incumbent> incumbents;
    for (Assignment const& assignment : plan.assignments) {
        incumbents.push_back(
            {assignment.service, assignment.slot, assignment.node, Phase::healthy});
    }
    return incumbents;
}

struct Fleet {
    std::vector<Node> nodes;
    std::vector<Service> services;
    std::vector<Incumbent> incumbents;
};

// Nodes of several sizes, zones and weights; services with every kind of wish; records that partly
// contradict each other.
inline Fleet random_fleet(base::Prng& prng) {
    Fleet fleet{make_nodes(1 + prng.below(30)), {}, {}};
    for (Node& node : fleet.nodes) {
        node.weight = prng.chance(0.1) ? 0 : static_cast<std::uint32_t>(500 + prng.below(3000));
        node.accepts = !prng.chance(0.1);
        node.capacity = {prng.below(8000), prng.below(8000)};
        node.attributes["node.labels.zone"] = base::concat("z", prng.below(3));
    }
    std::uint64_t const count = prng.below(20);
    for (std::uint64_t number = 0; number < count; ++number) {
        Service service =
            make_service(base::concat("p/s", number), static_cast<std::uint32_t>(prng.below(12)));
        service.global = prng.chance(0.15);
        service.max_per_node = static_cast<std::uint32_t>(prng.below(3));
        service.reservation = {prng.below(900), prng.below(900)};
        if (prng.chance(0.3)) {
            service.constraints.push_back(
                {"node.labels.zone", prng.chance(0.5), base::concat("z", prng.below(3))});
        }
        if (prng.chance(0.2)) {
            service.host_ports = {static_cast<std::uint32_t>(80 + prng.below(4))};
        }
        fleet.services.push_back(service);
    }
    for (std::uint64_t number = prng.below(60); number > 0 && count > 0; --number) {
        Service const& service = fleet.services[prng.below(count)];
        base::NodeId const node = fleet.nodes[prng.below(fleet.nodes.size())].id;
        auto const slot = service.global ? global_slot(service.key, node)
                                         : static_cast<std::uint32_t>(prng.below(12));
        fleet.incumbents.push_back({service.key, slot, node, static_cast<Phase>(prng.below(3))});
    }
    return fleet;
}

inline bool same(Plan const& a, Plan const& b) {
    return a.assignments == b.assignments &&
           std::ranges::equal(a.pending, b.pending, [](Pending const& x, Pending const& y) {
               return x.service == y.service && x.slot == y.slot && x.obstacle == y.obstacle;
           });
}

}  // namespace placement
