#pragma once

#include "base/time.h"
#include "tests/sim/world.h"

// What may be expected of a fleet without faults, from its configuration and size alone.
namespace sim {

// Until everyone sees everyone, agrees and runs what is wanted, whatever happened before: hosts
// find each other again, sync, wait out the longest settling, backoff and grace of a container,
// stop duplicates, and roll out the largest service slot by slot.
[[nodiscard]] base::Duration heal_bound(World const& world);
// How long it must then hold to count as for good: longer than the periods of what could undo it.
inline constexpr base::Duration heal_proof = base::seconds(5);

// Until all survivors have called a host down that lost its power.
[[nodiscard]] base::Duration detection_bound(World const& world);
// From then until its replicas run elsewhere.
[[nodiscard]] base::Duration recovery_bound(World const& world);

// The longest between two reports of the same thing and the decisions that follow from them.
[[nodiscard]] base::Duration planned(World const& world);

// Until gossip has brought a small edit to half of the hosts, and until all have it.
[[nodiscard]] base::Duration gossip_bound(World const& world);
[[nodiscard]] base::Duration news_bound(World const& world);

// Until a new revision of a service of so many replicas runs everywhere.
[[nodiscard]] base::Duration rollout_bound(World const& world, std::uint32_t replicas);

// What one host sends, on average, while nothing happens: bytes a second, before sealing.
[[nodiscard]] double idle_traffic_max(World const& world);

}  // namespace sim
