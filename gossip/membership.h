#pragma once

#include <map>
#include <optional>
#include <set>
#include <vector>

#include "base/ids.h"
#include "base/random.h"
#include "base/time.h"
#include "gossip/gossip.h"

namespace gossip {

// Everyone this host knows of, itself included, and the order of the live ones for probing.
//
// Claims about a member are ordered by (incarnation, state), states in the order of the enum: SWIM
// section 4.2, with `left` above `down`. A claim is news only if it is higher than what is known,
// so hosts that have heard the same claims in any order agree. What a member says of itself (name,
// address, meta) belongs to its incarnation.
class Membership {
public:
    explicit Membership(Self const& self);

    struct Merged {
        bool news = false;
        std::optional<Change> change;  // what of the news a user of the library sees
    };

    // Takes a claim about another member. One about a stranger is dropped at members_max.
    Merged merge(base::Instant now, Member const& claim, base::Prng& prng);

    // Our own record, for our own changes to it.
    [[nodiscard]] Member& self() { return members_.at(self_); }

    [[nodiscard]] Member const& self() const { return members_.at(self_); }

    [[nodiscard]] Member const* find(base::NodeId id) const;

    [[nodiscard]] std::map<base::NodeId, Member> const& all() const { return members_; }

    [[nodiscard]] std::set<base::NodeId> const& down() const { return down_; }

    // Others that are alive or suspect.
    [[nodiscard]] std::size_t live_count() const { return live_.size(); }

    // The next live member to probe. Each comes once a round, in an order shuffled every round
    // (SWIM, section 4.3); nothing if there is none.
    [[nodiscard]] Member const* next_probe(base::Prng& prng);

    // Up to `count` different live members at random, without `excluded`.
    [[nodiscard]] std::vector<Member const*> sample(base::Prng& prng, std::size_t count,
                                                    std::optional<base::NodeId> excluded) const;

private:
    // Keeps live_ and down_ in step with a member's state.
    void index(Member const& member, base::Prng& prng);

    base::NodeId self_;
    std::map<base::NodeId, Member> members_;
    std::set<base::NodeId> down_;
    std::vector<base::NodeId> live_;
    std::size_t next_ = 0;  // of live_
};

// Does `claim` outrank `known` as a claim about the same member?
[[nodiscard]] bool outranks(Member const& claim, Member const& known);

// Do both give the same name, address and meta?
[[nodiscard]] bool same_content(Member const& a, Member const& b);

}  // namespace gossip
