#include "agent/planner.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "agent/planning.h"
#include "base/hash.h"
#include "base/text.h"

namespace agent {

namespace {

constexpr std::size_t id_digits = 32;

// With those attributes only that some constraint looks at.
placement::Node to_node(LiveNode const& live, NodeFacts const& facts,
                        std::set<std::string, std::less<>> const& looked_at) {
    placement::Node node;
    node.id = live.id;
    node.accepts = !facts.draining && live.duty != Duty::hands_over;
    node.weight = live.duty == Duty::full && !facts.disk_full ? node.weight : 0;
    node.capacity = {.cpu_milli = facts.cpu_milli, .memory_bytes = facts.memory_bytes};
    auto const add = [&](std::string name, std::string const& value) {
        if (looked_at.contains(name)) {
            node.attributes.emplace(std::move(name), value);
        }
    };
    add("node.id", to_string(live.id));
    add("node.hostname", facts.name);
    add("node.role", "worker");
    add("node.platform.os", facts.os);
    add("node.platform.arch", facts.arch);
    for (auto const& [name, value] : facts.labels) {
        add(base::concat("node.labels.", name), value);
    }
    return node;
}

// The ports that a container takes on its host, which no other may have there.
std::vector<std::uint32_t> host_ports(spec::ServiceSpec const& spec) {
    std::vector<std::uint32_t> ports;
    bool const shared = spec.networking.mode == spec::NetworkMode::host;
    auto const add = [&](std::uint16_t port, spec::Protocol protocol) {
        ports.push_back((std::uint32_t{port} << 1) | (protocol == spec::Protocol::udp ? 1 : 0));
    };
    for (spec::Port const& port : spec.ports) {
        if (shared) {
            add(port.target, port.protocol);
        } else if (port.mode == spec::PortMode::host && port.published != 0) {
            add(port.published, port.protocol);
        }
    }
    for (std::uint16_t const port : spec.expose) {
        if (shared) {
            add(port, spec::Protocol::tcp);
        }
    }
    return ports;
}

// "linux/arm64" as hosts call themselves.
std::vector<placement::Constraint> platform_constraints(std::string const& platform) {
    std::vector<placement::Constraint> constraints;
    auto const parts = base::split(platform, '/');
    if (!parts[0].empty()) {
        constraints.push_back({"node.platform.os", true, std::string(parts[0])});
    }
    if (parts.size() > 1) {
        std::string_view const name = parts[1];
        constraints.push_back({"node.platform.arch", true,
                               std::string(name == "amd64"   ? "x86_64"
                                           : name == "arm64" ? "aarch64"
                                                             : name)});
    }
    return constraints;
}

placement::Service to_service(std::string const& key, spec::ServiceSpec const& spec,
                              std::uint32_t replicas) {
    placement::Service service;
    service.key = key;
    service.global = spec.mode == spec::Mode::global;
    service.replicas = replicas;
    for (spec::Constraint const& constraint : spec.constraints) {
        service.constraints.push_back({constraint.left, constraint.equal, constraint.right});
    }
    std::ranges::move(platform_constraints(spec.platform), std::back_inserter(service.constraints));
    // Two of one address on a bridge would take each other's packets.
    service.max_per_node = spec.networking.mac_address.empty() ? spec.max_replicas_per_node : 1;
    service.host_ports = host_ports(spec);
    service.reservation = {.cpu_milli = spec.reservations.cpu_milli,
                           .memory_bytes = spec.reservations.memory_bytes};
    return service;
}

// Adds what `rest` runs and `plan` does not.
void complete(placement::Plan& plan, placement::Plan rest) {
    std::set<SlotKey> placed;
    for (placement::Assignment const& assignment : plan.assignments) {
        placed.emplace(assignment.service, assignment.slot);
    }
    for (placement::Assignment& assignment : rest.assignments) {
        if (placed.emplace(assignment.service, assignment.slot).second) {
            plan.assignments.push_back(std::move(assignment));
        }
    }
    std::ranges::sort(plan.assignments);
    std::erase_if(plan.pending, [&](placement::Pending const& pending) {
        return placed.contains({pending.service, pending.slot});
    });
}

// What an instance counts for when two hosts hold one slot: of two healthy ones, that of the
// current revision stays.
placement::Phase claim(InstanceRecord const& record, std::string const& revision) {
    placement::Phase const phase = advancement(record);
    return record.revision == revision ? phase : std::min(phase, placement::Phase::running);
}

// The host that a key of this kind is about.
std::optional<base::NodeId> host_of(std::string_view key, std::string_view kind) {
    return key.starts_with(kind) ? base::parse_node_id(key.substr(kind.size(), id_digits))
                                 : std::nullopt;
}

}  // namespace

placement::Phase advancement(runtime::Phase phase) {
    switch (phase) {
        case runtime::Phase::healthy:
        case runtime::Phase::completed:
            return placement::Phase::healthy;
        case runtime::Phase::running:
            return placement::Phase::running;
        case runtime::Phase::starting:
        case runtime::Phase::draining:
        case runtime::Phase::stopping:
        case runtime::Phase::backoff:
        case runtime::Phase::failed:
            return placement::Phase::starting;
    }
    return placement::Phase::starting;
}

placement::Phase advancement(InstanceRecord const& record) {
    bool const failed = record.phase == runtime::Phase::completed && record.exit_code != 0;
    return failed ? placement::Phase::starting : advancement(record.phase);
}

void Planner::note_changed(std::string_view key) {
    if (key.starts_with("service/") || key.starts_with("scale/")) {
        services_changed_ = true;
    } else if (auto const host = host_of(key, "node/")) {
        facts_changed_.insert(*host);
    } else if (auto const holder = host_of(key, "instance/")) {
        records_changed_.insert(*holder);
    }
}

placement::Plan const& Planner::plan(State const& state, Roster const& roster) {
    if (std::exchange(services_changed_, false)) {
        set_services(state);
    }
    // Before newcomers, whose facts are then read once.
    for (base::NodeId const host : std::exchange(facts_changed_, {})) {
        auto const live = roster.find(host);
        auto const known = planned_.find(host);
        if (live != roster.end() && known != planned_.end() && live->second.duty == known->second) {
            set_node(state, live->second);
            records_changed_.insert(host);  // what they count for depends on the disk
        }
    }
    if (std::exchange(roster_changed_, false)) {
        follow(state, roster);
    }
    for (base::NodeId const host : std::exchange(records_changed_, {})) {
        if (auto const live = roster.find(host); live != roster.end()) {
            set_records(state, live->second);
        }
    }
    placement::Plan const& plan = steady_.plan();
    if (!spares_) {
        return plan;
    }
    with_spares_ = plan;
    complete(with_spares_, spare_.plan());
    return with_spares_;
}

void Planner::set_services(State const& state) {
    std::vector<placement::Service> services;
    std::set<std::string, std::less<>> looked_at;
    for (auto const& [key, service] : state.services()) {
        services.push_back(to_service(key, service.spec, state.replicas(key)));
        for (placement::Constraint const& constraint : services.back().constraints) {
            looked_at.insert(constraint.left);
        }
    }
    spare_.set_services(services);
    steady_.set_services(std::move(services));
    bool const others = looked_at != looked_at_;
    looked_at_ = std::move(looked_at);
    for (auto const& [host, duty] : planned_) {
        records_changed_.insert(host);
        if (others) {
            facts_changed_.insert(host);
        }
    }
}

// Takes in who came, who went and whose duty is another.
void Planner::follow(State const& state, Roster const& roster) {
    std::erase_if(planned_, [&](auto const& host) {
        auto const live = roster.find(host.first);
        bool const stays = live != roster.end() &&
                           (live->second.duty == Duty::spare) == (host.second == Duty::spare);
        if (!stays) {
            planner_of(host.second).remove_node(host.first);
        }
        return !stays;
    });
    for (auto const& [id, live] : roster) {
        if (!state.nodes().contains(id)) {
            continue;  // it has left since the roster was made
        }
        auto const [known, fresh] = planned_.try_emplace(id, live.duty);
        if (fresh || known->second != live.duty) {
            known->second = live.duty;
            set_node(state, live);
            set_records(state, live);
        }
    }
    spares_ =
        std::ranges::any_of(planned_, [](auto const& host) { return host.second == Duty::spare; });
}

void Planner::set_node(State const& state, LiveNode const& live) {
    if (auto const facts = state.nodes().find(live.id); facts != state.nodes().end()) {
        planner_of(live.duty).set_node(to_node(live, facts->second, looked_at_));
    }
}

void Planner::set_records(State const& state, LiveNode const& live) {
    std::vector<placement::Incumbent> held;
    if (auto const records = state.instances().find(live.id); records != state.instances().end()) {
        auto const facts = state.nodes().find(live.id);
        bool const disk_full = facts != state.nodes().end() && facts->second.disk_full;
        for (auto const& [slot, record] : records->second) {
            auto const service = state.services().find(slot.service);
            // What does not run there yet could not be started for as long as the disk is full.
            bool const holds =
                !disk_full || serves(record.phase) || record.phase == runtime::Phase::completed;
            if (holds && service != state.services().end()) {
                held.push_back(
                    {slot.service, slot.slot, live.id, claim(record, service->second.revision)});
            }
        }
    }
    planner_of(live.duty).set_incumbents(live.id, held);
}

placement::Plan make_plan(State const& state, Roster const& roster) {
    return Planner().plan(state, roster);
}

std::uint64_t digest(placement::Plan const& plan) {
    base::ByteWriter out;
    for (placement::Assignment const& assignment : plan.assignments) {
        out.sized(assignment.service);
        out.u32(assignment.slot);
        out.raw(std::as_bytes(std::span(assignment.node.bytes)));
    }
    return base::stable_hash(out.view());
}

}  // namespace agent
