#include "agent/planning.h"

#include <algorithm>
#include <set>

#include "base/hash.h"
#include "base/text.h"
#include "placement/rollout.h"

namespace agent {

namespace {

placement::Phase advancement(runtime::Phase phase) {
    switch (phase) {
        case runtime::Phase::healthy:
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

placement::Node to_node(LiveNode const& live, NodeFacts const& facts) {
    placement::Node node;
    node.id = live.id;
    node.accepts = !facts.draining && live.duty != Duty::hands_over;
    node.weight = live.duty == Duty::full ? node.weight : 0;
    node.capacity = {.cpu_milli = facts.cpu_milli, .memory_bytes = facts.memory_bytes};
    node.attributes = {{"node.id", to_string(live.id)},
                       {"node.hostname", facts.name},
                       {"node.role", "worker"},
                       {"node.platform.os", facts.os},
                       {"node.platform.arch", facts.arch}};
    for (auto const& [name, value] : facts.labels) {
        node.attributes[base::concat("node.labels.", name)] = value;
    }
    return node;
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
    service.max_per_node = spec.max_replicas_per_node;
    service.reservation = {.cpu_milli = spec.reservations.cpu_milli,
                           .memory_bytes = spec.reservations.memory_bytes};
    return service;
}

runtime::HealthCheck to_check(spec::HealthCheck const& check) {
    runtime::HealthCheck out;
    switch (check.kind) {
        case spec::CheckKind::none:
            out.kind = runtime::CheckKind::none;
            break;
        case spec::CheckKind::exec:
            out.kind = runtime::CheckKind::exec;
            break;
        case spec::CheckKind::tcp:
            out.kind = runtime::CheckKind::tcp;
            break;
        case spec::CheckKind::http:
            out.kind = runtime::CheckKind::http;
            break;
    }
    out.command = check.command;
    out.port = check.port;
    out.path = check.path;
    out.interval = check.interval;
    out.timeout = check.timeout;
    out.start_period = check.start_period;
    out.start_interval = check.start_interval;
    out.retries = check.retries;
    return out;
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

// The records of one service on live hosts.
std::vector<std::pair<base::NodeId, InstanceRecord const*>> holders(State const& state,
                                                                    Roster const& roster,
                                                                    std::string const& service) {
    std::vector<std::pair<base::NodeId, InstanceRecord const*>> found;
    for (auto const& [node, records] : state.instances()) {
        if (!roster.contains(node)) {
            continue;
        }
        for (auto at = records.lower_bound({service, 0});
             at != records.end() && at->first.service == service; ++at) {
            found.emplace_back(node, &at->second);
        }
    }
    return found;
}

// The first dependency that is not there yet, in words; empty when all are.
std::string unmet_dependency(ServiceState const& service, State const& state,
                             Roster const& roster) {
    for (spec::Dependency const& dependency : service.spec.depends_on) {
        std::string const key = base::concat(service.spec.project, '/', dependency.service);
        auto const records = holders(state, roster, key);
        bool met = false;
        switch (dependency.condition) {
            case spec::Condition::started:
                met = std::ranges::any_of(
                    records, [](auto const& held) { return serves(held.second->phase); });
                break;
            case spec::Condition::healthy:
                met = std::ranges::any_of(records, [](auto const& held) {
                    return held.second->phase == runtime::Phase::healthy;
                });
                break;
            case spec::Condition::completed:
                met = std::ranges::any_of(
                    records, [](auto const& held) { return held.second->exit_code == 0; });
                break;
        }
        if (!met) {
            static constexpr std::string_view words[] = {"start", "be healthy", "complete"};
            return base::concat("waits for ", key, " to ",
                                words[static_cast<std::size_t>(dependency.condition)]);
        }
    }
    return {};
}

InstanceRecord const* record_of(State const& state, base::NodeId node, SlotKey const& slot) {
    auto const records = state.instances().find(node);
    if (records == state.instances().end()) {
        return nullptr;
    }
    auto const record = records->second.find(slot);
    return record != records->second.end() ? &record->second : nullptr;
}

// Whether this host may replace its container of `slot` by the service's current revision now. Only
// the holders that the plan names count: a duplicate is about to go and must not hold up the rest.
bool update_turn(SlotKey const& slot, base::NodeId self, ServiceState const& service,
                 placement::Plan const& plan, State const& state) {
    std::vector<placement::SlotState> slots;
    auto at = std::ranges::lower_bound(plan.assignments, slot.service, {},
                                       &placement::Assignment::service);
    for (; at != plan.assignments.end() && at->service == slot.service; ++at) {
        if (at->slot == slot.slot && at->node != self) {
            continue;  // two nodes share a slot of a global service
        }
        InstanceRecord const* const record = record_of(state, at->node, {at->service, at->slot});
        slots.push_back(
            {at->slot, record != nullptr ? record->revision : std::string(),
             record != nullptr ? advancement(record->phase) : placement::Phase::starting});
    }
    return placement::may_update(slot.slot, service.revision, slots);
}

// Whether the slot's owner serves it no worse than we do, so that ours is not needed any more. Of
// whatever revision: a better one comes when it is the owner's turn, and if two holders of old
// revisions waited for that, each would hand the slot to the other for ever.
bool served_elsewhere(SlotKey const& slot, runtime::Phase ours, base::NodeId owner,
                      State const& state) {
    InstanceRecord const* const record = record_of(state, owner, slot);
    return record != nullptr && serves(record->phase) &&
           advancement(record->phase) >= advancement(ours);
}

// What an instance counts for when two hosts hold one slot: of two healthy ones, that of the
// current revision stays.
placement::Phase claim(InstanceRecord const& record, std::string const& revision) {
    placement::Phase const phase = advancement(record.phase);
    return record.revision == revision ? phase : std::min(phase, placement::Phase::running);
}

}  // namespace

bool serves(runtime::Phase phase) {
    return phase == runtime::Phase::running || phase == runtime::Phase::healthy ||
           phase == runtime::Phase::draining;
}

placement::Plan make_plan(State const& state, Roster const& roster) {
    std::vector<placement::Node> nodes;
    std::vector<placement::Node> spares;
    for (auto const& [id, live] : roster) {
        (live.duty == Duty::spare ? spares : nodes).push_back(to_node(live, state.nodes().at(id)));
    }
    std::vector<placement::Service> services;
    for (auto const& [key, service] : state.services()) {
        services.push_back(to_service(key, service.spec, state.replicas(key)));
    }
    std::vector<placement::Incumbent> incumbents;
    for (auto const& [node, records] : state.instances()) {
        if (!roster.contains(node)) {
            continue;
        }
        for (auto const& [slot, record] : records) {
            auto const service = state.services().find(slot.service);
            if (service != state.services().end()) {
                incumbents.push_back(
                    {slot.service, slot.slot, node, claim(record, service->second.revision)});
            }
        }
    }
    placement::Plan plan = placement::assign(nodes, services, incumbents);
    if (!spares.empty()) {
        complete(plan, placement::assign(spares, services, incumbents));
    }
    return plan;
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

runtime::Desired desired_slot(ServiceState const& service, std::uint32_t slot,
                              std::string_view zone) {
    spec::ServiceSpec const& spec = service.spec;
    runtime::Desired desired;
    desired.assignment = {service_key(spec), slot, service.revision};
    desired.spec.image = spec.image;
    desired.spec.entrypoint = spec.entrypoint;
    desired.spec.command = spec.command;
    desired.spec.environment = spec.environment;
    desired.spec.working_dir = spec.working_dir;
    desired.spec.user = spec.user;
    desired.spec.hostname = base::concat(spec.name, '-', slot);
    desired.spec.search_domains = {base::concat(spec.project, '.', zone), std::string(zone)};
    desired.spec.limits = {spec.limits.cpu_milli, spec.limits.memory_bytes, spec.limits.pids};
    desired.spec.labels = spec.labels;
    desired.health = to_check(spec.health);
    desired.stop_grace = spec.stop_grace_period;
    return desired;
}

Intent make_intent(base::NodeId self, std::string_view zone, placement::Plan const& plan,
                   State const& state, Roster const& roster,
                   std::span<runtime::Instance const> instances,
                   std::map<SlotKey, runtime::Desired> const& before) {
    std::map<SlotKey, runtime::Instance const*> held;
    for (runtime::Instance const& instance : instances) {
        held[{instance.assignment.service, instance.assignment.slot}] = &instance;
    }
    Intent intent;
    for (placement::Assignment const& assignment : plan.assignments) {
        SlotKey const key{assignment.service, assignment.slot};
        ServiceState const& service = state.services().find(key.service)->second;
        auto const ours = held.find(key);
        bool const lives = ours != held.end() && serves(ours->second->phase);
        if (assignment.node != self) {
            // Make before break: the new holder must serve before ours goes.
            if (lives && !served_elsewhere(key, ours->second->phase, assignment.node, state)) {
                auto const last = before.find(key);
                intent.desired.push_back(
                    last != before.end() ? last->second : desired_slot(service, key.slot, zone));
                intent.desired.back().assignment = ours->second->assignment;
            }
            continue;
        }
        runtime::Desired desired = desired_slot(service, key.slot, zone);
        if (lives && ours->second->assignment.revision != service.revision &&
            !update_turn(key, self, service, plan, state)) {
            auto const last = before.find(key);
            desired = last != before.end() ? last->second : desired;
            desired.assignment = ours->second->assignment;
            intent.waiting.push_back({key, "waits for its turn in the update"});
        } else if (ours == held.end()) {
            if (std::string reason = unmet_dependency(service, state, roster); !reason.empty()) {
                intent.waiting.push_back({key, std::move(reason)});
                continue;
            }
        }
        intent.desired.push_back(std::move(desired));
    }
    return intent;
}

}  // namespace agent
