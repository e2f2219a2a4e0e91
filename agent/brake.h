#pragma once

#include <cstddef>
#include <vector>

#include "agent/roster.h"
#include "base/time.h"
#include "placement/placement.h"

// What a part of the fleet does that has lost sight of most of it: the others probably live behind
// a broken link and run their share, so it must not start the whole fleet's services anew. It keeps
// what it runs, starts a service that it sees nowhere once, so that a site that is cut off is
// served, and takes over in full only when the loss has lasted.
namespace agent {

// How much of the fleet this host sees.
struct Sight {
    std::size_t seen{};
    std::size_t roster{};        // everyone but who left, was evicted or is long down
    base::Instant full_again{};  // when the loss has lasted, if nothing changes; while braked

    [[nodiscard]] bool braked() const { return 2 * seen < roster; }
};

// Who lives or is in a cut under way is seen. Who is down for `hold` counts no more. Equal on hosts
// that have seen the same losses at the same time.
[[nodiscard]] Sight look(Members const& members, Doubts const& doubts, base::Instant now,
                         base::Duration hold);

// Takes out of `plan` what a braked side does not start, and returns it: slots that no live host
// holds, except the lowest of a service of which none is held. A global service's slots stay: no
// other host runs them.
[[nodiscard]] std::vector<placement::Assignment> hold_back(placement::Plan& plan,
                                                           State const& state,
                                                           Roster const& roster);

}  // namespace agent
