#pragma once

#include <cstdint>
#include <span>

#include "agent/roster.h"
#include "base/time.h"
#include "gossip/gossip.h"

namespace agent {

// How long suspicions last.
struct Patience {
    base::Duration shared;  // of a member that enough others accuse
    base::Duration alone;   // of one that nobody else is left to accuse
    base::Duration fresh;   // until others who look would have accused it too
};

// Losses that come together are one cut: a rack that loses power leads to one plan, not to one per
// host with moves from a dying host to the next. A member that goes down while others are suspected
// with good reason counts on, until all these are decided or patience is over. One that goes down
// alone counts no more at once.
class Cuts {
public:
    // After changes of membership. True when hosts ceased to count: a new plan is due.
    [[nodiscard]] bool update(base::Instant now, std::span<gossip::Change const> changes,
                              Members const& members, Patience const& patience);
    // At or after next_deadline(), likewise.
    [[nodiscard]] bool on_tick(base::Instant now, Members const& members);

    [[nodiscard]] base::Instant next_deadline() const { return limit_; }

    [[nodiscard]] Doubts const& doubts() const { return doubts_; }

    [[nodiscard]] std::uint64_t count() const { return count_; }

    // Members lost in all cuts.
    [[nodiscard]] std::uint64_t lost() const { return lost_; }

private:
    // Takes the cut under way if nothing is undecided, or puts it off.
    bool decide(base::Instant now, Members const& members);

    Doubts doubts_;
    base::Instant limit_ = base::instant_max;  // when to look again at the cut under way
    base::Instant end_{};                      // when it is taken at the latest
    base::Duration fresh_{};
    std::uint64_t count_ = 0;
    std::uint64_t lost_ = 0;
};

}  // namespace agent
