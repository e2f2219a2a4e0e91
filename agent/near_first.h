#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <vector>

#include "base/ids.h"
#include "base/random.h"
#include "base/time.h"

namespace agent {

// The round trip to a host; nothing while it is not known.
using DistanceTo = std::function<std::optional<base::Duration>(base::NodeId)>;

// Puts `count` of `peers`, at most all, at the front in the order in which to ask them: each is the
// nearer of two drawn at random, and one in four is simply drawn. What hosts tell each other thus
// takes the short ways mostly, and still mixes. Of two whose distance is not known the first drawn
// counts as the nearer.
void near_first(std::vector<base::NodeId>& peers, std::size_t count, base::Prng& prng,
                DistanceTo const& distance);

}  // namespace agent
