#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <vector>

#include "base/ids.h"
#include "placement/placement.h"

namespace placement {

// assign() for inputs that change little from one plan to the next. It keeps them, and of a plan
// what no change touches: after the loss of a node only its slots are placed anew, each at the cost
// of one pass over the nodes.
//
// plan() is what assign() gives for the services, the nodes that are set and their incumbents.
class Planner {
public:
    // All of them; keys are distinct. Incumbents are forgotten: set those of every node again.
    void set_services(std::vector<Service> services);
    // Adds a node, or replaces what is known of it; its incumbents stay.
    void set_node(Node node);
    // With its incumbents. One that is not there is ignored.
    void remove_node(base::NodeId id);
    // All that one node holds, instead of what was set before. Ignored for a node that is not set.
    void set_incumbents(base::NodeId id, std::span<Incumbent const> held);

    [[nodiscard]] Plan const& plan();

private:
    // An incumbent whose slot is wanted. Services are numbered in the order of their keys.
    struct Claim {
        std::uint32_t service{};
        std::uint32_t slot{};
        Phase phase{};
    };

    struct Host {
        Node node;
        std::uint64_t hash{};
        std::vector<Claim> claims;
        // Of what is planned to run on it so far.
        Resources used;
        std::vector<std::uint32_t> ports;
        std::vector<std::uint32_t> running;  // the service of each slot
    };

    struct Held {
        std::uint32_t slot{};
        std::uint32_t host{};
    };

    struct Demand {
        Service service;
        std::vector<Held> held;  // slots that their incumbents keep, sorted
    };

    struct Placed {
        std::uint32_t service{};
        std::uint32_t host{};
    };

    // How many slots of one service a host runs: of the service at hand, if it is named.
    struct Count {
        std::uint32_t service{};
        std::uint32_t slots{};
    };

    // Where a free slot may go.
    struct Candidate {
        std::uint64_t hash{};
        std::uint32_t host{};
        std::uint32_t weight{};
    };

    struct Rival {
        Claim claim;
        std::uint32_t host{};
    };

    [[nodiscard]] std::optional<std::uint32_t> find(base::NodeId id) const;
    [[nodiscard]] std::optional<Claim> claim_of(Host const& host, Incumbent const& incumbent) const;
    // Adds a claim beside those that are kept; false if they are in each other's way.
    bool keep(Claim const& claim, std::uint32_t host);
    void release(Claim const& claim, std::uint32_t host);
    void keep_all();
    void put_best_first(std::span<Rival> rivals) const;

    void fill();
    void fill_replicated(std::uint32_t service);
    void fill_global(std::uint32_t service);
    // Nodes that take slots and match the constraints.
    std::span<Candidate const> candidates(std::uint32_t service);
    std::optional<Obstacle> fill_slot(std::uint32_t service, std::uint32_t slot);
    [[nodiscard]] Obstacle closest_obstacle(std::uint32_t service) const;
    void place(std::uint32_t service, std::uint32_t slot, std::uint32_t host);
    void fill_with(std::uint32_t service, std::uint32_t slot, std::uint32_t host);
    void unfill();

    void charge(std::uint32_t service, std::uint32_t host);
    void discharge(std::uint32_t service, std::uint32_t host);
    static void clear(Host& host);
    void count_held(std::uint32_t service);
    [[nodiscard]] std::uint32_t count(std::uint32_t service, std::uint32_t host) const;

    std::vector<Host> hosts_;
    std::vector<std::uint32_t> vacant_;            // of hosts_: those of removed nodes
    std::map<base::NodeId, std::uint32_t> by_id_;  // where the others are
    std::vector<Demand> demands_;                  // sorted by service key
    std::vector<Placed> filled_;                   // charged by fill()
    // Of fill(): by host, and candidates by node id.
    std::vector<Count> counts_;
    std::vector<Candidate> any_node_, matching_;
    std::uint32_t matching_for_{};  // the service that `matching_` match
    Plan plan_;
    bool stale_ = true;
    // Some claim was refused, or may have to be: the next plan weighs all of them. Otherwise every
    // claim is kept, whatever the order in which they are looked at.
    bool contested_ = false;
};

}  // namespace placement
