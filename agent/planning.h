#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "agent/roster.h"
#include "agent/state.h"
#include "base/ids.h"
#include "placement/placement.h"
#include "runtime/supervisor.h"

namespace agent {

// Its process runs and may have clients.
[[nodiscard]] bool serves(runtime::Phase phase);

// Why a slot runs nowhere, for a person.
[[nodiscard]] std::string_view words(placement::Obstacle obstacle);

// Whether the others know from this record of ours alone that its slot is done: without it the job
// would run again.
[[nodiscard]] bool is_last_word(State const& state, base::NodeId self,
                                InstanceRecord const& record);
[[nodiscard]] bool is_placed(placement::Plan const& plan, SlotKey const& slot);

// A slot of ours that does not start yet, and why, for a person.
struct Waiting {
    SlotKey slot;
    std::string reason;
};

// The record of a run of this revision that ended for good, on whichever host: the slot is done,
// also when that host is down or the slot has moved. nullptr: there is none.
[[nodiscard]] InstanceRecord const* completed_run(State const& state, ServiceState const& service,
                                                  std::uint32_t slot);

struct Intent {
    std::vector<runtime::Desired> desired;
    std::vector<Waiting> waiting;
};

// What this host should run now. Differs from its share of the plan where haste would break
// something: a slot that moved away is kept until its new holder is healthy, a new revision waits
// for its turn, a first start waits for what it depends on. `before` is what was desired last.
[[nodiscard]] Intent make_intent(base::NodeId self, std::string_view zone,
                                 placement::Plan const& plan, State const& state,
                                 Roster const& roster, std::span<runtime::Instance const> instances,
                                 std::map<SlotKey, runtime::Desired> const& before);

// What makes one container of a service slot.
[[nodiscard]] runtime::Desired desired_slot(ServiceState const& service, std::uint32_t slot,
                                            std::string_view zone);

}  // namespace agent
