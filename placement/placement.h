#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"

namespace placement {

struct Resources {
    std::uint64_t cpu_milli{};
    std::uint64_t memory_bytes{};
};

// A host that could run something.
struct Node {
    base::NodeId id;
    // What constraints look at: "node.hostname", "node.platform.arch", "node.labels.zone", ...
    std::map<std::string, std::string> attributes;
    std::uint32_t weight = 1000;  // share of the slots, relative to the others'; 0: nothing new
    Resources capacity;
    bool accepts = true;  // false (drain): nothing runs here
};

struct Constraint {
    std::string left;
    bool equal{};
    std::string right;
};

struct Service {
    std::string key;  // "project/name"
    bool global{};    // one slot on every fitting node, `replicas` unused
    std::uint32_t replicas{};
    std::vector<Constraint> constraints;
    std::uint32_t max_per_node{};           // 0: no limit
    Resources reservation;                  // per slot
    std::vector<std::uint32_t> host_ports;  // exclusive on a node; (port << 1) | is_udp
};

// An instance record of a live host: it holds this slot now. The more advanced of two holders of
// one slot keeps it.
enum class Phase : std::uint8_t { starting, running, healthy };

struct Incumbent {
    std::string service;
    std::uint32_t slot{};
    base::NodeId node;
    Phase phase{};
};

struct Assignment {
    std::string service;
    std::uint32_t slot{};
    base::NodeId node;
    friend auto operator<=>(Assignment const&, Assignment const&) = default;
};

// Why a slot runs nowhere: the check, in this order, at which the node that came closest failed. A
// node that drains, or of weight 0, counts as none.
enum class Obstacle : std::uint8_t { no_nodes, constraints, resources, max_per_node, host_ports };

struct Pending {
    std::string service;
    std::uint32_t slot{};
    Obstacle obstacle{};
};

struct Plan {
    std::vector<Assignment> assignments;  // sorted by (service, slot)
    std::vector<Pending> pending;         // likewise
};

// Who runs what: a pure function, so every host that holds the same state computes the same plan.
// Slots are numbered from 1. A slot whose incumbent still fits stays there; a free slot goes to
// the fitting node that runs the fewest slots of its service, ties by weighted rendezvous score.
// Losing a node therefore moves only what it ran, and a node that joins takes nothing by itself.
// For `global` services the slot is the node's rank: see global_slot(). The order of the inputs
// does not matter; node ids and service keys are distinct. Values of constraints compare without
// regard to ASCII case, and an absent attribute differs from every value (as in Swarm).
[[nodiscard]] Plan assign(std::span<Node const> nodes, std::span<Service const> services,
                          std::span<Incumbent const> incumbents);

// A global service's slot on a node: stable whatever other nodes exist. A 32-bit hash, so two nodes
// may share one (1 fleet of 1,000 hosts in 8,000); both run it.
[[nodiscard]] std::uint32_t global_slot(std::string_view service, base::NodeId node);

// The weighted rendezvous score -ln(h) / w of (service, slot) on a node, as fixed point: the lowest
// wins. The logarithm is computed in integers, so every CPU gets the same bits (Ceph's straw2 does
// the same). Weight 0 gives the highest value.
[[nodiscard]] std::uint64_t score(std::string_view service, std::uint32_t slot, base::NodeId node,
                                  std::uint32_t weight);

// All nodes by rising score: the first is the owner, the second takes over, and so on.
[[nodiscard]] std::vector<base::NodeId> ranking(std::string_view service, std::uint32_t slot,
                                                std::span<Node const> nodes);

}  // namespace placement
