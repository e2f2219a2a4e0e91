#include "agent/brake.h"

#include <algorithm>
#include <set>
#include <string_view>
#include <utility>

namespace agent {

Sight look(Members const& members, Doubts const& doubts, base::Instant now, base::Duration hold) {
    Sight sight;
    std::vector<base::Instant> lost;
    for (auto const& [id, member] : members) {
        if (gossip::is_live(member.state) || doubts.in_cut.contains(id)) {
            ++sight.seen;
        } else if ((member.state == gossip::State::down || member.state == gossip::State::absent) &&
                   now - member.since < hold) {
            lost.push_back(member.since);
        }
    }
    sight.roster = sight.seen + lost.size();
    if (sight.braked()) {
        // When so many have been down for `hold` that the rest are no more than those seen.
        auto const last = lost.begin() + static_cast<std::ptrdiff_t>(lost.size() - sight.seen - 1);
        std::ranges::nth_element(lost, last);
        sight.full_again = *last + hold;
    }
    return sight;
}

std::vector<placement::Assignment> hold_back(placement::Plan& plan, State const& state,
                                             Roster const& roster) {
    std::set<SlotKey> held;
    std::set<std::string_view> seen;  // services of which some slot is held
    for (auto const& [node, records] : state.instances()) {
        if (roster.contains(node)) {
            for (auto const& [slot, record] : records) {
                held.insert(slot);
                seen.insert(slot.service);
            }
        }
    }
    std::vector<placement::Assignment> kept;
    std::vector<placement::Assignment> back;
    for (placement::Assignment& assignment : plan.assignments) {
        auto const service = state.services().find(assignment.service);
        bool const stays = service->second.spec.mode == spec::Mode::global ||
                           held.contains({assignment.service, assignment.slot}) ||
                           seen.insert(service->first).second;
        (stays ? kept : back).push_back(std::move(assignment));
    }
    plan.assignments = std::move(kept);
    return back;
}

}  // namespace agent
