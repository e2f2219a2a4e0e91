#include "agent/preview.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "agent/planner.h"
#include "agent/planning.h"
#include "base/text.h"

namespace agent {

namespace {

using Places = std::map<SlotKey, std::set<base::NodeId>>;

Places places_of(placement::Plan const& plan) {
    Places places;
    for (placement::Assignment const& assignment : plan.assignments) {
        places[{assignment.service, assignment.slot}].insert(assignment.node);
    }
    return places;
}

State with(State state, std::span<spec::ServiceSpec const> services) {
    for (spec::ServiceSpec const& service : services) {
        std::string const key = service_key(service);
        auto const before = state.services().find(key);
        // As apply() does: replicas written anew replace what `scale` said.
        if (before != state.services().end() && before->second.spec.replicas != service.replicas) {
            state.update(base::concat("scale/", key), nullptr);
        }
        base::Bytes const encoded = spec::encode(service);
        state.update(base::concat("service/", key), &encoded);
    }
    return state;
}

class Comparison {
public:
    Comparison(State const& before, State const& after) : before_(before), after_(after) {}

    void slot(SlotKey const& key, std::set<base::NodeId> const& was,
              std::set<base::NodeId> const& will) {
        std::vector<base::NodeId> gone;
        std::vector<base::NodeId> come;
        std::ranges::set_difference(was, will, std::back_inserter(gone));
        std::ranges::set_difference(will, was, std::back_inserter(come));
        if (gone.size() == 1 && come.size() == 1) {
            add(ChangeKind::move, key, come.front(), name(gone.front()));
        } else {
            for (base::NodeId const node : gone) {
                add(ChangeKind::stop, key, node, {});
            }
            for (base::NodeId const node : come) {
                add(ChangeKind::start, key, node, {});
            }
        }
        if (revision(before_, key.service) != revision(after_, key.service)) {
            for (base::NodeId const node : will) {
                if (was.contains(node)) {
                    add(ChangeKind::replace, key, node, {});
                }
            }
        }
    }

    void pending(placement::Pending const& pending) {
        ChangeReport report;
        report.kind = ChangeKind::wait;
        report.service = pending.service;
        report.slot = pending.slot;
        report.message = words(pending.obstacle);
        reports.push_back(std::move(report));
    }

    std::vector<ChangeReport> reports;

private:
    void add(ChangeKind kind, SlotKey const& key, base::NodeId node, std::string from) {
        ChangeReport report;
        report.kind = kind;
        report.service = key.service;
        report.slot = key.slot;
        report.node = name(node);
        report.from = std::move(from);
        report.revision = revision(after_, key.service);
        reports.push_back(std::move(report));
    }

    [[nodiscard]] std::string name(base::NodeId node) const {
        auto const facts = before_.nodes().find(node);
        return facts != before_.nodes().end() ? facts->second.name : short_string(node);
    }

    static std::string revision(State const& state, std::string const& service) {
        auto const found = state.services().find(service);
        return found != state.services().end() ? found->second.revision : std::string();
    }

    State const& before_;
    State const& after_;
};

}  // namespace

std::vector<ChangeReport> preview(State const& state, Roster const& roster,
                                  std::span<spec::ServiceSpec const> services) {
    State const after = with(state, services);
    placement::Plan const plan_before = make_plan(state, roster);
    placement::Plan const plan_after = make_plan(after, roster);
    Places const was = places_of(plan_before);
    Places const will = places_of(plan_after);
    Comparison comparison(state, after);
    std::set<SlotKey> slots;
    for (Places const* const places : {&was, &will}) {
        for (auto const& [key, nodes] : *places) {
            slots.insert(key);
        }
    }
    static std::set<base::NodeId> const nowhere;
    for (SlotKey const& key : slots) {
        auto const from = was.find(key);
        auto const to = will.find(key);
        comparison.slot(key, from != was.end() ? from->second : nowhere,
                        to != will.end() ? to->second : nowhere);
    }
    for (placement::Pending const& pending : plan_after.pending) {
        auto const same = [&pending](placement::Pending const& each) {
            return each.service == pending.service && each.slot == pending.slot;
        };
        if (std::ranges::none_of(plan_before.pending, same)) {
            comparison.pending(pending);
        }
    }
    std::ranges::sort(comparison.reports, {}, [](ChangeReport const& report) {
        return std::tie(report.service, report.slot, report.kind, report.node);
    });
    return std::move(comparison.reports);
}

}  // namespace agent
