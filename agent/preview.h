#pragma once

#include <span>
#include <vector>

#include "agent/report.h"
#include "agent/roster.h"
#include "agent/state.h"

namespace agent {

// What applying the services would start, stop, move and replace, from the shared state and the
// live hosts as this host knows them: the plan of a copy of the state with the change, beside the
// plan without. Sorted by service and slot.
[[nodiscard]] std::vector<ChangeReport> preview(State const& state, Roster const& roster,
                                                std::span<spec::ServiceSpec const> services);

}  // namespace agent
