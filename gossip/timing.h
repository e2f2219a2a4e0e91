#pragma once

#include <cstddef>
#include <cstdint>

#include "base/time.h"

// How the durations and counts of the protocol grow with the number of members.
namespace gossip {

// How often an update is sent before it is taken to be known: mult * ceil(log10(members + 1)).
[[nodiscard]] int retransmits(int mult, std::size_t members);

// How long a suspect may take to refute: mult * max(1, log10(members)) intervals, in whole
// milliseconds.
[[nodiscard]] base::Duration suspicion_timeout(int mult, std::size_t members,
                                               base::Duration interval);

// A time that doubles: `first` the first time (1), twice that the second, at most `max`.
[[nodiscard]] base::Duration growing(base::Duration first, std::uint32_t time, base::Duration max);

// How long a suspicion that `confirmations` members beside the first share lasts (Lifeguard,
// section IV-B): `max` with none, `min` from `wanted` on, falling with the logarithm between, in
// whole milliseconds but never below `min`. With none wanted it is `min`. Needs min <= max.
[[nodiscard]] base::Duration suspicion_time(base::Duration min, base::Duration max, int wanted,
                                            int confirmations);

}  // namespace gossip
