#pragma once

#include "tests/sim/bounds.h"
#include "tests/sim/checkers/property.h"

namespace sim {

// What must hold at every moment, faults or not. It listens to `world`, which it must outlive.
[[nodiscard]] Suite always(World& world);
// What must come true once everything works again, within heal_bound().
[[nodiscard]] Suite after_heal();
// What must then hold besides: nothing was lost on the way.
[[nodiscard]] Suite nothing_lost();

// The first of after_heal(), for scripted scenarios.
[[nodiscard]] std::optional<Violation> healed(World const& world);

// Runs until `suite` has held for heal_proof, at most for heal_bound() and that. What was wrong
// last, if it has not; `watched` is checked on the way, and its first violation ends it.
struct Healing {
    std::optional<Violation> safety;
    std::optional<Violation> liveness;
};

[[nodiscard]] Healing heals_for_good(World& world, Suite const& watched);

// How often a world of this size is looked at: every look costs as much as the fleet is large.
[[nodiscard]] base::Duration look_interval(World const& world);

}  // namespace sim
