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

// Until when it pays to wait for the decision about members that are likely to go down; `now` if
// there are none. Where few are left to accuse, few are enough: a host cut off alone suspects all
// the others by itself.
base::Instant undecided_until(Members const& members, base::Instant now, base::Duration fresh) {
    std::size_t const accusers = std::min(accusers_min, plainly_live(members));
    base::Instant until = now;
    for (auto const& [id, member] : members) {
        if (member.state == gossip::State::suspect) {
            until = std::max(
                until, member.accusers >= accusers ? base::instant_max : member.since + fresh);
        }
    }
    return until;
}

}  // namespace

bool Cuts::update(base::Instant now, std::span<gossip::Change const> changes,
                  Members const& members, Patience const& patience) {
    bool const under_way = !doubts_.in_cut.empty();
    for (gossip::Change const& change : changes) {
        if (change.now == gossip::State::down || change.now == gossip::State::absent) {
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
    if (!under_way) {
        end_ = now + (plainly_live(members) > 1 ? patience.shared : patience.alone);
        fresh_ = patience.fresh;
    }
    return decide(now, members);
}

bool Cuts::on_tick(base::Instant now, Members const& members) {
    return now >= limit_ && decide(now, members);
}

bool Cuts::decide(base::Instant now, Members const& members) {
    limit_ = std::min(end_, undecided_until(members, now, fresh_));
    if (now < limit_) {
        return false;
    }
    ++count_;
    lost_ += doubts_.in_cut.size();
    doubts_.in_cut.clear();
    limit_ = base::instant_max;
    return true;
}

}  // namespace agent
