#include "placement/planner.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "base/check.h"
#include "base/hash.h"
#include "placement/score.h"

namespace placement {

namespace {

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

// Why no slot of the service can ever run on the node.
std::optional<Obstacle> unfit(Node const& node, Service const& service) {
    if (!node.accepts) {
        return Obstacle::no_nodes;
    }
    bool const fits = std::ranges::all_of(
        service.constraints, [&](Constraint const& one) { return satisfies(node, one); });
    return fits ? std::nullopt : std::optional(Obstacle::constraints);
}

bool holds_any(std::span<std::uint32_t const> held, std::span<std::uint32_t const> ports) {
    return std::ranges::any_of(
        ports, [&](std::uint32_t port) { return std::ranges::find(held, port) != held.end(); });
}

// Why no more of the service, beside `count` slots of it, has room on a fitting node.
std::optional<Obstacle> crowded(Node const& node, Resources const& used,
                                std::span<std::uint32_t const> ports, Service const& service,
                                std::uint32_t count) {
    if (service.reservation.cpu_milli > node.capacity.cpu_milli - used.cpu_milli ||
        service.reservation.memory_bytes > node.capacity.memory_bytes - used.memory_bytes) {
        return Obstacle::resources;
    }
    if (service.max_per_node != 0 && count >= service.max_per_node) {
        return Obstacle::max_per_node;
    }
    if (holds_any(ports, service.host_ports)) {
        return Obstacle::host_ports;
    }
    return std::nullopt;
}

}  // namespace

void Planner::set_services(std::vector<Service> services) {
    unfill();
    demands_.clear();
    for (Service& service : services) {
        demands_.push_back({std::move(service), {}});
    }
    auto const key_of = [](Demand const& demand) -> auto& { return demand.service.key; };
    std::ranges::sort(demands_, {}, key_of);
    // The caller keeps them in a map.
    CHECK(std::ranges::adjacent_find(demands_, {}, key_of) == demands_.end());
    for (Host& host : hosts_) {
        host.claims.clear();
        clear(host);
    }
    contested_ = false;
}

void Planner::set_node(Node node) {
    unfill();
    if (auto const known = find(node.id)) {
        hosts_[*known].node = std::move(node);
        contested_ = contested_ || !hosts_[*known].claims.empty();
        return;
    }
    if (vacant_.empty()) {
        vacant_.push_back(static_cast<std::uint32_t>(hosts_.size()));
        hosts_.emplace_back();
    }
    std::uint32_t const place = vacant_.back();
    vacant_.pop_back();
    by_id_.emplace(node.id, place);
    hosts_[place] = {
        .node = std::move(node), .hash = {}, .claims = {}, .used = {}, .ports = {}, .running = {}};
    hosts_[place].hash = node_hash(hosts_[place].node.id);
}

void Planner::remove_node(base::NodeId id) {
    auto const place = find(id);
    if (!place) {
        return;
    }
    unfill();
    set_incumbents(id, {});
    hosts_[*place] = {};
    by_id_.erase(id);
    vacant_.push_back(*place);
}

void Planner::set_incumbents(base::NodeId id, std::span<Incumbent const> held) {
    auto const place = find(id);
    if (!place) {
        return;
    }
    Host& host = hosts_[*place];
    std::vector<Claim> claims;
    for (Incumbent const& incumbent : held) {
        if (auto const claim = claim_of(host, incumbent)) {
            claims.push_back(*claim);
        }
    }
    auto const slot_of = [](Claim const& claim) { return std::pair(claim.service, claim.slot); };
    bool const same = std::ranges::equal(claims, host.claims, {}, slot_of, slot_of);
    if (!contested_ && same) {
        host.claims = std::move(claims);  // of uncontested ones the phases decide nothing
        return;
    }
    unfill();
    if (!contested_) {
        for (Claim const& claim : host.claims) {
            release(claim, *place);
        }
        for (Claim const& claim : claims) {
            contested_ = contested_ || !keep(claim, *place);
        }
    }
    host.claims = std::move(claims);
}

Plan const& Planner::plan() {
    if (stale_) {
        if (contested_) {
            keep_all();
        }
        fill();
        stale_ = false;
    }
    return plan_;
}

std::optional<std::uint32_t> Planner::find(base::NodeId id) const {
    auto const found = by_id_.find(id);
    return found == by_id_.end() ? std::nullopt : std::optional(found->second);
}

std::optional<Planner::Claim> Planner::claim_of(Host const& host,
                                                Incumbent const& incumbent) const {
    auto const demand = std::ranges::lower_bound(
        demands_, incumbent.service, {}, [](Demand const& d) -> auto& { return d.service.key; });
    if (demand == demands_.end() || demand->service.key != incumbent.service) {
        return std::nullopt;
    }
    Service const& service = demand->service;
    bool const wanted = service.global ? incumbent.slot == global_slot(service.key, host.node.id)
                                       : incumbent.slot != 0 && incumbent.slot <= service.replicas;
    if (!wanted) {
        return std::nullopt;
    }
    return Claim{static_cast<std::uint32_t>(demand - demands_.begin()), incumbent.slot,
                 incumbent.phase};
}

bool Planner::keep(Claim const& claim, std::uint32_t host) {
    Demand& demand = demands_[claim.service];
    auto const at = std::ranges::lower_bound(demand.held, claim.slot, {}, &Held::slot);
    if (at != demand.held.end() && at->slot == claim.slot) {
        return false;
    }
    Host const& holder = hosts_[host];
    auto const others =
        static_cast<std::uint32_t>(std::ranges::count(holder.running, claim.service));
    if (unfit(holder.node, demand.service) ||
        crowded(holder.node, holder.used, holder.ports, demand.service, others)) {
        return false;
    }
    demand.held.insert(at, {claim.slot, host});
    charge(claim.service, host);
    return true;
}

void Planner::release(Claim const& claim, std::uint32_t host) {
    std::vector<Held>& held = demands_[claim.service].held;
    held.erase(std::ranges::lower_bound(held, claim.slot, {}, &Held::slot));
    discharge(claim.service, host);
}

// Incumbents of every service come before any free slot, so that none is displaced by one.
void Planner::keep_all() {
    std::vector<Rival> rivals;
    for (auto const& [id, place] : by_id_) {
        Host& host = hosts_[place];
        clear(host);
        for (Claim const& claim : host.claims) {
            rivals.push_back({claim, place});
        }
    }
    for (Demand& demand : demands_) {
        demand.held.clear();
    }
    auto const slot_of = [](Rival const& rival) {
        return std::pair(rival.claim.service, rival.claim.slot);
    };
    std::ranges::sort(rivals, {}, slot_of);
    contested_ = false;
    for (auto first = rivals.begin(); first != rivals.end();) {
        auto const last = std::ranges::find_if(
            first, rivals.end(), [&](Rival const& one) { return slot_of(one) != slot_of(*first); });
        put_best_first({first, last});
        for (; first != last; ++first) {
            bool const kept = keep(first->claim, first->host);
            contested_ = contested_ || !kept;
        }
    }
}

// Of claims on one slot.
void Planner::put_best_first(std::span<Rival> rivals) const {
    if (rivals.size() < 2) {
        return;
    }
    Service const& service = demands_[rivals.front().claim.service].service;
    std::uint64_t const hash = slot_hash(service.key, rivals.front().claim.slot);
    std::ranges::sort(rivals, {}, [&](Rival const& rival) {
        Host const& host = hosts_[rival.host];
        return std::tuple(-static_cast<int>(rival.claim.phase),
                          pair_score(hash, host.hash, host.node.weight), host.node.id);
    });
}

void Planner::fill() {
    plan_.assignments.clear();
    plan_.pending.clear();
    counts_.assign(hosts_.size(), {static_cast<std::uint32_t>(demands_.size()), 0});
    any_node_.clear();
    matching_.clear();
    for (std::uint32_t service = 0; service < demands_.size(); ++service) {
        if (demands_[service].service.global) {
            fill_global(service);
        } else {
            fill_replicated(service);
        }
    }
}

void Planner::fill_replicated(std::uint32_t service) {
    Demand const& demand = demands_[service];
    if (demand.held.size() < demand.service.replicas) {
        count_held(service);
    }
    auto held = demand.held.begin();
    // Nothing is ever freed, so what stops one slot stops the later ones too.
    std::optional<Obstacle> obstacle;
    for (std::uint32_t slot = 1; slot <= demand.service.replicas && slot != 0; ++slot) {
        if (held != demand.held.end() && held->slot == slot) {
            place(service, slot, held->host);
            ++held;
            continue;
        }
        if (!obstacle) {
            obstacle = fill_slot(service, slot);
        }
        if (obstacle) {
            plan_.pending.push_back({demand.service.key, slot, *obstacle});
        }
    }
}

std::span<Planner::Candidate const> Planner::candidates(std::uint32_t service) {
    Service const& wanted = demands_[service].service;
    auto& found = wanted.constraints.empty() ? any_node_ : matching_;
    if (&found == &matching_ && matching_for_ != service) {
        matching_.clear();
    }
    if (!found.empty()) {
        return found;
    }
    for (auto const& [id, place] : by_id_) {
        Host const& host = hosts_[place];
        if (host.node.weight != 0 && !unfit(host.node, wanted)) {
            found.push_back({host.hash, place, host.node.weight});
        }
    }
    matching_for_ = wanted.constraints.empty() ? matching_for_ : service;
    return found;
}

// Assigns the slot, or says what stopped the node that came closest.
std::optional<Obstacle> Planner::fill_slot(std::uint32_t service, std::uint32_t slot) {
    Service const& wanted = demands_[service].service;
    std::uint64_t const hash = slot_hash(wanted.key, slot);
    Candidate const* best = nullptr;
    std::uint32_t fewest = 0;
    std::uint64_t best_hash = 0;
    std::uint64_t best_score = 0;
    for (Candidate const& candidate : candidates(service)) {
        std::uint32_t const slots = count(service, candidate.host);
        if (best != nullptr && slots > fewest) {
            continue;
        }
        std::uint64_t const pair = base::mix(hash ^ candidate.hash);
        bool const fewer = best == nullptr || slots < fewest;
        // The score never rises when the hash does: the logarithm is for those that may win.
        if (!fewer && candidate.weight == best->weight && pair <= best_hash) {
            continue;
        }
        std::uint64_t const score = negative_log(pair) / candidate.weight;
        Host const& host = hosts_[candidate.host];
        if ((fewer || score < best_score) &&
            !crowded(host.node, host.used, host.ports, wanted, slots)) {
            best = &candidate;
            fewest = slots;
            best_hash = pair;
            best_score = score;
        }
    }
    if (best == nullptr) {
        return closest_obstacle(service);
    }
    fill_with(service, slot, best->host);
    return std::nullopt;
}

Obstacle Planner::closest_obstacle(std::uint32_t service) const {
    Service const& wanted = demands_[service].service;
    Obstacle closest = Obstacle::no_nodes;
    for (auto const& [id, place] : by_id_) {
        Host const& host = hosts_[place];
        if (host.node.weight == 0) {
            continue;
        }
        auto obstacle = unfit(host.node, wanted);
        if (!obstacle) {
            obstacle = crowded(host.node, host.used, host.ports, wanted, count(service, place));
        }
        closest = std::max(closest, obstacle.value_or(Obstacle::no_nodes));
    }
    return closest;
}

void Planner::fill_global(std::uint32_t service) {
    Demand const& demand = demands_[service];
    std::size_t const first = plan_.assignments.size();
    std::size_t const first_pending = plan_.pending.size();
    count_held(service);
    for (Held const& held : demand.held) {
        place(service, held.slot, held.host);
    }
    for (auto const& [id, at] : by_id_) {
        Host const& host = hosts_[at];
        if (count(service, at) != 0 || host.node.weight == 0 || unfit(host.node, demand.service)) {
            continue;  // a node that drains or does not match is not meant; one that is full is
        }
        std::uint32_t const slot = global_slot(demand.service.key, id);
        if (auto const full = crowded(host.node, host.used, host.ports, demand.service, 0)) {
            plan_.pending.push_back({demand.service.key, slot, *full});
            continue;
        }
        fill_with(service, slot, at);
    }
    std::ranges::sort(std::span(plan_.assignments).subspan(first));
    std::ranges::sort(
        std::span(plan_.pending).subspan(first_pending), {},
        [](Pending const& pending) { return std::pair(pending.slot, pending.obstacle); });
}

void Planner::place(std::uint32_t service, std::uint32_t slot, std::uint32_t host) {
    plan_.assignments.push_back({demands_[service].service.key, slot, hosts_[host].node.id});
}

void Planner::fill_with(std::uint32_t service, std::uint32_t slot, std::uint32_t host) {
    place(service, slot, host);
    charge(service, host);
    counts_[host] = {service, count(service, host) + 1};
    filled_.push_back({service, host});
}

// Before any change: what the last plan put on free slots stands no more.
void Planner::unfill() {
    stale_ = true;
    for (Placed const& placed : filled_) {
        discharge(placed.service, placed.host);
    }
    filled_.clear();
}

void Planner::charge(std::uint32_t service, std::uint32_t host) {
    Service const& charged = demands_[service].service;
    Host& on = hosts_[host];
    on.used.cpu_milli += charged.reservation.cpu_milli;
    on.used.memory_bytes += charged.reservation.memory_bytes;
    on.ports.insert(on.ports.end(), charged.host_ports.begin(), charged.host_ports.end());
    on.running.push_back(service);
}

void Planner::discharge(std::uint32_t service, std::uint32_t host) {
    Service const& charged = demands_[service].service;
    Host& on = hosts_[host];
    on.used.cpu_milli -= charged.reservation.cpu_milli;
    on.used.memory_bytes -= charged.reservation.memory_bytes;
    // Exclusive on a node, so each is there once.
    for (std::uint32_t const port : charged.host_ports) {
        on.ports.erase(std::ranges::find(on.ports, port));
    }
    on.running.erase(std::ranges::find(on.running, service));
}

void Planner::clear(Host& host) {
    host.used = {};
    host.ports.clear();
    host.running.clear();
}

void Planner::count_held(std::uint32_t service) {
    for (Held const& held : demands_[service].held) {
        counts_[held.host] = {service, count(service, held.host) + 1};
    }
}

std::uint32_t Planner::count(std::uint32_t service, std::uint32_t host) const {
    return counts_[host].service == service ? counts_[host].slots : 0;
}

Plan assign(std::span<Node const> nodes, std::span<Service const> services,
            std::span<Incumbent const> incumbents) {
    Planner planner;
    planner.set_services({services.begin(), services.end()});
    std::map<base::NodeId, std::vector<Incumbent>> held;
    for (Incumbent const& incumbent : incumbents) {
        held[incumbent.node].push_back(incumbent);
    }
    for (Node const& node : nodes) {
        planner.set_node(node);
        planner.set_incumbents(node.id, held[node.id]);
    }
    return planner.plan();
}

}  // namespace placement
