#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>

#include "agent/roster.h"
#include "agent/state.h"
#include "base/ids.h"
#include "placement/planner.h"
#include "runtime/supervisor.h"

namespace agent {

// How far an instance has come, as far as placement is concerned.
[[nodiscard]] placement::Phase advancement(runtime::Phase phase);
// A job that ended well has done all it can; one that failed is no better than one that starts.
[[nodiscard]] placement::Phase advancement(InstanceRecord const& record);

// Who runs what, from the shared state and the live hosts: the same on every host that sees both
// alike. An unsteady host counts for nothing, but keeps what it holds and no other host can take.
// One whose disk is full keeps what serves there, and nothing else is placed on it.
//
// It keeps what it has read, so that a plan costs what has changed since the last one: a lost host,
// those whose records or facts are others. A change of services costs a whole plan.
class Planner {
public:
    // An entry of the shared state is another than at the last plan.
    void note_changed(std::string_view key);

    // A host has come or gone, or has another duty.
    void note_roster() { roster_changed_ = true; }

    // `state` and `roster` differ from the last call's in what was noted. Every host of `roster`
    // has facts. Holds until the next call.
    [[nodiscard]] placement::Plan const& plan(State const& state, Roster const& roster);

private:
    void set_services(State const& state);
    void follow(State const& state, Roster const& roster);
    void set_node(State const& state, LiveNode const& live);
    void set_records(State const& state, LiveNode const& live);

    [[nodiscard]] placement::Planner& planner_of(Duty duty) {
        return duty == Duty::spare ? spare_ : steady_;
    }

    placement::Planner steady_;
    placement::Planner spare_;  // unsteady hosts: what the steady ones cannot take
    placement::Plan with_spares_;
    std::map<base::NodeId, Duty> planned_;          // whom the planners know
    std::set<std::string, std::less<>> looked_at_;  // attributes of nodes, by constraints
    bool spares_ = false;                           // there are unsteady hosts
    bool services_changed_ = true;
    bool roster_changed_ = true;
    std::set<base::NodeId> facts_changed_, records_changed_;
};

// The first plan of a Planner.
[[nodiscard]] placement::Plan make_plan(State const& state, Roster const& roster);
[[nodiscard]] std::uint64_t digest(placement::Plan const& plan);

}  // namespace agent
