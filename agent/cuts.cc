#include "agent/cuts.h"

#include <algorithm>

namespace agent {

namespace {

// So many accuse a member that fails, beside a single one whose own link is bad.
constexpr std::size_t accusers_min = 2;

std::size_t plainly_live(Members const& members) {
    return static_cast<std::size_t>(std::ranges::count_if(
        members, [](auto const& entry) { return answers(entry.second.state); }));
}

// Whether a member is likely to go down. Where few are left to accuse, few are enough: a host cut
// off alone suspects all the others by itself.
bool undecided(Members const& members, std::size_t live) {
    return std::ranges::any_of(members, [&](auto const& entry) {
        gossip::Member const& member = entry.second;
        return member.state == gossip::State::suspect &&
               member.accusers >= std::min(accusers_min, live);
    });
}

}  // namespace

bool Cuts::update(base::Instant now, std::span<gossip::Change const> changes,
                  Members const& members, Patience const& patience) {
    bool const under_way = !doubts_.in_cut.empty();
    for (gossip::Change const& change : changes) {
        if (change.now == gossip::State::down) {
            if (change.before && gossip::is_live(*change.before)) {
                doubts_.in_cut.insert(change.id);
            }
            continue;
        }
        doubts_.in_cut.erase(change.id);
        if (change.now == gossip::State::unsteady) {
            doubts_.unsteady.insert(change.id);
        } else if (change.now != gossip::State::suspect) {
            doubts_.unsteady.erase(change.id);
        }
    }
    if (doubts_.in_cut.empty()) {
        limit_ = base::instant_max;
        return false;
    }
    std::size_t const live = plainly_live(members);
    if (!under_way) {
        limit_ = now + (live > 1 ? patience.shared : patience.alone);
    }
    return now >= limit_ || !undecided(members, live) ? take() : false;
}

bool Cuts::on_tick(base::Instant now) {
    return now >= limit_ ? take() : false;
}

bool Cuts::take() {
    ++count_;
    lost_ += doubts_.in_cut.size();
    doubts_.in_cut.clear();
    limit_ = base::instant_max;
    return true;
}

}  // namespace agent
