#include "agent/near_first.h"

#include <algorithm>
#include <utility>

namespace agent {

namespace {
constexpr double plainly_drawn = 0.25;
}  // namespace

void near_first(std::vector<base::NodeId>& peers, std::size_t count, base::Prng& prng,
                DistanceTo const& distance) {
    auto const away = [&](std::size_t at) {
        return distance(peers[at]).value_or(base::Duration::max());
    };
    for (std::size_t next = 0; next < std::min(count, peers.size()); ++next) {
        auto const draw = [&] { return next + prng.below(peers.size() - next); };
        std::size_t chosen = draw();
        if (!prng.chance(plainly_drawn)) {
            std::size_t const other = draw();
            chosen = away(other) < away(chosen) ? other : chosen;
        }
        std::swap(peers[next], peers[chosen]);
    }
}

}  // namespace agent
