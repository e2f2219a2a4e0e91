#include "model.h"

#include <algorithm>
#include <tuple>

#include "base/check.h"
#include "placement/score.h"

namespace placement::model {

namespace {

// A node, and what is planned to run on it so far.
struct Host {
    Node const* node{};
    std::uint64_t hash{};
    Resources used;
    std::vector<std::uint32_t> ports;
};

struct Held {
    std::uint32_t slot{};
    std::size_t host{};
};

// A service, and which slots their incumbents keep.
struct Demand {
    Service const* service{};
    std::vector<Held> held;  // sorted by slot
};

// An incumbent whose node and service both exist.
struct Claim {
    std::size_t service{};
    std::uint32_t slot{};
    Phase phase{};
    std::uint64_t score{};
    std::size_t host{};
};

char lower(char letter) {
    return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter - 'A' + 'a') : letter;
}

// As in Swarm, letter case does not matter and an absent label differs from every value.
bool satisfies(Node const& node, Constraint const& constraint) {
    auto const found = node.attributes.find(constraint.left);
    bool const equal = found != node.attributes.end() &&
                       std::ranges::equal(found->second, constraint.right, {}, lower, lower);
    return equal == constraint.equal;
}

bool holds_any(Host const& host, std::vector<std::uint32_t> const& ports) {
    return std::ranges::any_of(ports, [&](std::uint32_t port) {
        return std::ranges::find(host.ports, port) != host.ports.end();
    });
}

// Why one more slot of the service, beside `count` others, cannot run on the host.
std::optional<Obstacle> obstacle_on(Host const& host, Service const& service, std::uint32_t count) {
    Node const& node = *host.node;
    if (!node.accepts) {
        return Obstacle::no_nodes;
    }
    if (!std::ranges::all_of(service.constraints,
                             [&](Constraint const& c) { return satisfies(node, c); })) {
        return Obstacle::constraints;
    }
    if (service.reservation.cpu_milli > node.capacity.cpu_milli - host.used.cpu_milli ||
        service.reservation.memory_bytes > node.capacity.memory_bytes - host.used.memory_bytes) {
        return Obstacle::resources;
    }
    if (service.max_per_node != 0 && count >= service.max_per_node) {
        return Obstacle::max_per_node;
    }
    if (holds_any(host, service.host_ports)) {
        return Obstacle::host_ports;
    }
    return std::nullopt;
}

class Planner {
public:
    Planner(std::span<Node const> nodes, std::span<Service const> services);

    // Incumbents of every service come before any free slot, so that none is displaced by one.
    void keep(std::span<Incumbent const> incumbents);
    void fill();
    [[nodiscard]] Plan take();

private:
    [[nodiscard]] std::optional<Claim> claim(Incumbent const& incumbent) const;
    void keep(Claim const& claim);
    void fill_replicated(Demand const& demand);
    void fill_global(Demand const& demand);
    std::optional<Obstacle> fill_slot(Service const& service, std::uint32_t slot);
    void charge(Service const& service, std::size_t host);
    void count_held(Demand const& demand);

    std::vector<Host> hosts_;            // sorted by node id
    std::vector<Demand> demands_;        // sorted by service key
    std::vector<std::uint32_t> counts_;  // by host: slots of the service at hand
    Plan plan_;
};

Planner::Planner(std::span<Node const> nodes, std::span<Service const> services)
    : counts_(nodes.size()) {
    for (Node const& node : nodes) {
        hosts_.push_back({&node, node_hash(node.id), {}, {}});
    }
    for (Service const& service : services) {
        demands_.push_back({&service, {}});
    }
    auto const id_of = [](Host const& host) { return host.node->id; };
    auto const key_of = [](Demand const& demand) -> auto& { return demand.service->key; };
    std::ranges::sort(hosts_, {}, id_of);
    std::ranges::sort(demands_, {}, key_of);
    // The caller keeps both in maps, by id and by key.
    CHECK(std::ranges::adjacent_find(hosts_, {}, id_of) == hosts_.end());
    CHECK(std::ranges::adjacent_find(demands_, {}, key_of) == demands_.end());
}

std::optional<Claim> Planner::claim(Incumbent const& incumbent) const {
    auto const host = std::ranges::lower_bound(hosts_, incumbent.node, {},
                                               [](Host const& h) { return h.node->id; });
    auto const demand = std::ranges::lower_bound(
        demands_, incumbent.service, {}, [](Demand const& d) -> auto& { return d.service->key; });
    if (host == hosts_.end() || host->node->id != incumbent.node || demand == demands_.end() ||
        demand->service->key != incumbent.service) {
        return std::nullopt;
    }
    Service const& service = *demand->service;
    bool const wanted = service.global ? incumbent.slot == global_slot(service.key, incumbent.node)
                                       : incumbent.slot != 0 && incumbent.slot <= service.replicas;
    if (!wanted) {
        return std::nullopt;
    }
    return Claim{static_cast<std::size_t>(demand - demands_.begin()), incumbent.slot,
                 incumbent.phase,
                 pair_score(slot_hash(service.key, incumbent.slot), host->hash, host->node->weight),
                 static_cast<std::size_t>(host - hosts_.begin())};
}

void Planner::keep(std::span<Incumbent const> incumbents) {
    std::vector<Claim> claims;
    for (Incumbent const& incumbent : incumbents) {
        if (auto const found = claim(incumbent)) {
            claims.push_back(*found);
        }
    }
    // The best claim on a slot first.
    std::ranges::sort(claims, [](Claim const& a, Claim const& b) {
        return std::tie(a.service, a.slot, b.phase, a.score, a.host) <
               std::tie(b.service, b.slot, a.phase, b.score, b.host);
    });
    for (std::size_t at = 0; at < claims.size(); ++at) {
        if (at == 0 || claims[at].service != claims[at - 1].service) {
            std::ranges::fill(counts_, 0);
        }
        keep(claims[at]);
    }
}

void Planner::keep(Claim const& claim) {
    Demand& demand = demands_[claim.service];
    bool const taken = !demand.held.empty() && demand.held.back().slot == claim.slot;
    if (taken || obstacle_on(hosts_[claim.host], *demand.service, counts_[claim.host])) {
        return;
    }
    demand.held.push_back({claim.slot, claim.host});
    charge(*demand.service, claim.host);
}

void Planner::charge(Service const& service, std::size_t host) {
    Host& charged = hosts_[host];
    charged.used.cpu_milli += service.reservation.cpu_milli;
    charged.used.memory_bytes += service.reservation.memory_bytes;
    charged.ports.insert(charged.ports.end(), service.host_ports.begin(), service.host_ports.end());
    ++counts_[host];
}

void Planner::count_held(Demand const& demand) {
    std::ranges::fill(counts_, 0);
    for (Held const& held : demand.held) {
        ++counts_[held.host];
        plan_.assignments.push_back({demand.service->key, held.slot, hosts_[held.host].node->id});
    }
}

void Planner::fill() {
    for (Demand const& demand : demands_) {
        count_held(demand);
        if (demand.service->global) {
            fill_global(demand);
        } else {
            fill_replicated(demand);
        }
    }
}

void Planner::fill_replicated(Demand const& demand) {
    auto held = demand.held.begin();
    // Nothing is ever freed, so what stops one slot stops the later ones too.
    std::optional<Obstacle> obstacle;
    for (std::uint32_t slot = 1; slot <= demand.service->replicas && slot != 0; ++slot) {
        if (held != demand.held.end() && held->slot == slot) {
            ++held;
            continue;
        }
        if (!obstacle) {
            obstacle = fill_slot(*demand.service, slot);
        }
        if (obstacle) {
            plan_.pending.push_back({demand.service->key, slot, *obstacle});
        }
    }
}

// Assigns the slot, or says what stopped the node that came closest.
std::optional<Obstacle> Planner::fill_slot(Service const& service, std::uint32_t slot) {
    std::uint64_t const hash = slot_hash(service.key, slot);
    Obstacle closest = Obstacle::no_nodes;
    std::optional<std::size_t> best;
    std::uint64_t best_score = 0;
    for (std::size_t at = 0; at < hosts_.size(); ++at) {
        Host const& host = hosts_[at];
        if (host.node->weight == 0 || (best && counts_[at] > counts_[*best])) {
            continue;
        }
        if (auto const obstacle = obstacle_on(host, service, counts_[at])) {
            closest = std::max(closest, *obstacle);
            continue;
        }
        std::uint64_t const score = pair_score(hash, host.hash, host.node->weight);
        if (!best || counts_[at] < counts_[*best] || score < best_score) {
            best = at;
            best_score = score;
        }
    }
    if (!best) {
        return closest;
    }
    charge(service, *best);
    plan_.assignments.push_back({service.key, slot, hosts_[*best].node->id});
    return std::nullopt;
}

void Planner::fill_global(Demand const& demand) {
    Service const& service = *demand.service;
    for (std::size_t at = 0; at < hosts_.size(); ++at) {
        Node const& node = *hosts_[at].node;
        if (counts_[at] != 0 || node.weight == 0) {
            continue;
        }
        std::uint32_t const slot = global_slot(service.key, node.id);
        auto const obstacle = obstacle_on(hosts_[at], service, 0);
        if (!obstacle) {
            charge(service, at);
            plan_.assignments.push_back({service.key, slot, node.id});
        } else if (*obstacle > Obstacle::constraints) {
            // A node that drains or does not match is not meant; one that is too full is.
            plan_.pending.push_back({service.key, slot, *obstacle});
        }
    }
}

Plan Planner::take() {
    std::ranges::sort(plan_.assignments);
    std::ranges::sort(plan_.pending, {}, [](Pending const& pending) {
        return std::tie(pending.service, pending.slot, pending.obstacle);
    });
    return std::move(plan_);
}

}  // namespace

Plan assign(std::span<Node const> nodes, std::span<Service const> services,
            std::span<Incumbent const> incumbents) {
    Planner planner(nodes, services);
    planner.keep(incumbents);
    planner.fill();
    return planner.take();
}

}  // namespace placement::model
