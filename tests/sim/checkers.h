#pragma once

#include <optional>
#include <string>

#include "tests/sim/world.h"

// One property each. A checker returns what is wrong, for a person, or nothing.
namespace sim {

using Complaint = std::optional<std::string>;

// Always: a host runs a slot at most once.
[[nodiscard]] Complaint one_container_per_slot_and_host(World const& world);

// After heal, within heal_bound():
[[nodiscard]] Complaint everyone_alive(World const& world);
// Shared state is equal, byte for byte.
[[nodiscard]] Complaint state_converged(World const& world);
// From the same state every host computes the same owner of every slot.
[[nodiscard]] Complaint plans_agree(World const& world);
// Exactly the wanted replicas run, each slot once in the fleet, of the current revision.
[[nodiscard]] Complaint exactly_the_replicas(World const& world);
// No address is used by two containers.
[[nodiscard]] Complaint addresses_unique(World const& world);
// Every host balances over every replica that runs, and nothing else.
[[nodiscard]] Complaint tables_true(World const& world);

// All that must hold after heal: the first complaint.
[[nodiscard]] Complaint healed(World const& world);

// The time within which healed() must hold for good: from the configuration's own intervals and the
// length of the longest rollout.
[[nodiscard]] base::Duration heal_bound(World const& world);
// How long it must have held to count as for good: longer than any period of the configuration.
inline constexpr base::Duration heal_proof = base::seconds(5);

// Runs until the fleet has been healed for heal_proof, at most for heal_bound() and that. What was
// wrong last, if it was not.
[[nodiscard]] Complaint heals_for_good(World& world);

}  // namespace sim
