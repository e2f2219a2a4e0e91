#include "gossip/membership.h"

#include <algorithm>
#include <tuple>
#include <utility>

namespace gossip {

namespace {

bool is_live(State state) {
    return state == State::alive || state == State::suspect;
}

}  // namespace

bool outranks(Member const& claim, Member const& known) {
    return std::tie(claim.incarnation, claim.state) > std::tie(known.incarnation, known.state);
}

bool same_content(Member const& a, Member const& b) {
    return std::tie(a.name, a.address, a.meta) == std::tie(b.name, b.address, b.meta);
}

Membership::Membership(Self const& self) : self_(self.id) {
    members_.emplace(self.id, Member{self.id, self.name, self.address, self.incarnation,
                                     State::alive, self.meta, base::Instant{}});
}

Membership::Merged Membership::merge(base::Instant now, Member const& claim, base::Prng& prng) {
    auto const found = members_.find(claim.id);
    if (found == members_.end()) {
        if (members_.size() >= members_max) {
            return {};
        }
        Member& member = members_.emplace(claim.id, claim).first->second;
        member.since = now;
        index(member, prng);
        return {true, Change{claim.id, std::nullopt, claim.state}};
    }
    Member& member = found->second;
    if (!outranks(claim, member)) {
        return {};
    }
    State const before = member.state;
    bool visible = claim.state != before;
    if (visible) {
        member.since = now;
    }
    if (claim.incarnation > member.incarnation) {
        visible |= !same_content(claim, member);
        member.name = claim.name;
        member.address = claim.address;
        member.meta = claim.meta;
    }
    member.incarnation = claim.incarnation;
    member.state = claim.state;
    index(member, prng);
    return {true, visible ? std::optional(Change{claim.id, before, claim.state}) : std::nullopt};
}

Member const* Membership::find(base::NodeId id) const {
    auto const found = members_.find(id);
    return found == members_.end() ? nullptr : &found->second;
}

void Membership::index(Member const& member, base::Prng& prng) {
    if (member.state == State::down) {
        down_.insert(member.id);
    } else {
        down_.erase(member.id);
    }
    auto const found = std::ranges::find(live_, member.id);
    if (is_live(member.state) == (found != live_.end())) {
        return;
    }
    if (is_live(member.state)) {
        // Anywhere in the round, so that hosts do not probe a newcomer all at once. Before next_
        // it waits for the next round, and next_ must keep pointing at the same member.
        std::size_t const at = prng.below(live_.size() + 1);
        live_.insert(live_.begin() + static_cast<std::ptrdiff_t>(at), member.id);
        next_ += at < next_ ? 1 : 0;
        return;
    }
    next_ -= static_cast<std::size_t>(found - live_.begin()) < next_ ? 1 : 0;
    live_.erase(found);
}

Member const* Membership::next_probe(base::Prng& prng) {
    if (live_.empty()) {
        return nullptr;
    }
    if (next_ >= live_.size()) {
        prng.shuffle(std::span(live_));
        next_ = 0;
    }
    return find(live_[next_++]);
}

std::vector<Member const*> Membership::sample(base::Prng& prng, std::size_t count,
                                              std::optional<base::NodeId> excluded) const {
    // Floyd's sampling would do with fewer draws; a walk from a random place would favour
    // neighbours. Drawing again on a repeat is cheap while `count` is small.
    std::vector<Member const*> chosen;
    std::size_t const eligible =
        live_.size() -
        static_cast<std::size_t>(excluded ? std::ranges::count(live_, *excluded) : 0);
    while (chosen.size() < std::min(count, eligible)) {
        base::NodeId const id = live_[prng.below(live_.size())];
        Member const* const member = find(id);
        if (id != excluded && std::ranges::find(chosen, member) == chosen.end()) {
            chosen.push_back(member);
        }
    }
    return chosen;
}

}  // namespace gossip
