#pragma once

#include <string>
#include <vector>

#include "base/hash.h"
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

}  // namespace placement
