#include "agent/planning.h"

#include <algorithm>
#include <tuple>

#include "agent/planner.h"
#include "base/text.h"
#include "placement/rollout.h"

namespace agent {

namespace {

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
                met = std::ranges::any_of(records, [](auto const& held) {
                    return serves(held.second->phase) ||
                           held.second->phase == runtime::Phase::completed;
                });
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
        slots.push_back({at->slot, record != nullptr ? record->revision : std::string(),
                         record != nullptr ? advancement(*record) : placement::Phase::starting});
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

// Whether the slot's run of the current revision has ended for good.
bool is_end(InstanceRecord const& record, ServiceState const& service) {
    return record.phase == runtime::Phase::completed && record.revision == service.revision;
}

// What keeps a container of a service that this agent does not understand: it stays until it ends.
runtime::Desired as_it_runs(runtime::Instance const& instance,
                            std::map<SlotKey, runtime::Desired> const& before) {
    auto const last = before.find({instance.assignment.service, instance.assignment.slot});
    runtime::Desired desired = last != before.end() ? last->second : runtime::Desired();
    desired.assignment = instance.assignment;
    desired.restart.condition = runtime::RestartCondition::none;
    return desired;
}

}  // namespace

bool serves(runtime::Phase phase) {
    return phase == runtime::Phase::running || phase == runtime::Phase::healthy ||
           phase == runtime::Phase::draining;
}

std::string_view words(placement::Obstacle obstacle) {
    switch (obstacle) {
        case placement::Obstacle::no_nodes:
            return "no host is there to run it";
        case placement::Obstacle::constraints:
            return "no host meets its constraints";
        case placement::Obstacle::resources:
            return "no host has the CPU or memory it reserves";
        case placement::Obstacle::max_per_node:
            return "every host runs max_replicas_per_node of it already";
        case placement::Obstacle::host_ports:
            return "its ports are taken on every host";
    }
    return {};
}

InstanceRecord const* completed_run(State const& state, ServiceState const& service,
                                    std::uint32_t slot) {
    if (service.spec.deploy.restart.condition == spec::RestartCondition::any) {
        return nullptr;
    }
    SlotKey const key{service_key(service.spec), slot};
    for (auto const& [node, records] : state.instances()) {
        auto const at = records.find(key);
        if (at != records.end() && is_end(at->second, service) && !state.evicted(node)) {
            return &at->second;
        }
    }
    return nullptr;
}

bool is_last_word(State const& state, base::NodeId self, InstanceRecord const& record) {
    auto const service = state.services().find(record.service);
    if (service == state.services().end() || !is_end(record, service->second)) {
        return false;
    }
    return std::ranges::none_of(state.instances(), [&](auto const& entry) {
        auto const at = entry.second.find({record.service, record.slot});
        return entry.first != self && at != entry.second.end() &&
               is_end(at->second, service->second);
    });
}

bool is_placed(placement::Plan const& plan, SlotKey const& slot) {
    auto const at = std::ranges::lower_bound(
        plan.assignments, std::pair(std::string_view(slot.service), slot.slot), {},
        [](placement::Assignment const& assignment) {
            return std::pair(std::string_view(assignment.service), assignment.slot);
        });
    return at != plan.assignments.end() && at->service == slot.service && at->slot == slot.slot;
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
    auto next = held.begin();  // in step with the plan, most of which is not about this host
    for (placement::Assignment const& assignment : plan.assignments) {
        auto const place = std::tie(assignment.service, assignment.slot);
        while (next != held.end() && std::tie(next->first.service, next->first.slot) < place) {
            ++next;
        }
        bool const holds =
            next != held.end() && std::tie(next->first.service, next->first.slot) == place;
        if (!holds && assignment.node != self) {
            continue;
        }
        auto const ours = holds ? next : held.end();
        SlotKey const key{assignment.service, assignment.slot};
        ServiceState const& service = state.services().find(key.service)->second;
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
        if (!lives && completed_run(state, service, key.slot) != nullptr) {
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
    for (auto const& [slot, instance] : held) {
        if (state.newer().contains(slot.service) && serves(instance->phase)) {
            intent.desired.push_back(as_it_runs(*instance, before));
        }
    }
    return intent;
}

}  // namespace agent
