#include "agent/roster.h"

namespace agent {

namespace {

bool is_doubtful(gossip::State state) {
    return state == gossip::State::suspect || state == gossip::State::absent ||
           state == gossip::State::down;
}

Duty duty_of(gossip::Member const& member, Doubts const& doubts) {
    switch (member.state) {
        case gossip::State::unsteady:
            return Duty::spare;
        case gossip::State::restarting:
            return Duty::keeps;
        case gossip::State::leaving:
            return Duty::hands_over;
        case gossip::State::alive:
        case gossip::State::suspect:
        case gossip::State::absent:
        case gossip::State::down:
        case gossip::State::left:
        case gossip::State::evicted:
            break;
    }
    return is_doubtful(member.state) && doubts.unsteady.contains(member.id) ? Duty::spare
                                                                            : Duty::full;
}

}  // namespace

bool answers(gossip::State state) {
    switch (state) {
        case gossip::State::alive:
        case gossip::State::unsteady:
        case gossip::State::leaving:
            return true;
        case gossip::State::suspect:
        case gossip::State::restarting:
        case gossip::State::absent:
        case gossip::State::down:
        case gossip::State::left:
        case gossip::State::evicted:
            return false;
    }
    return false;
}

bool is_current(gossip::Member const& member, crdt::VersionVector const& version) {
    auto const meta = decode_meta(member.meta);
    return meta && version.of(member.id) >= meta->current_from;
}

Roster live_nodes(Members const& members, crdt::VersionVector const& version, State const& state,
                  Doubts const& doubts) {
    Roster roster;
    bool steady = false;
    for (auto const& [id, member] : members) {
        bool const counts = gossip::is_live(member.state) || doubts.in_cut.contains(id);
        bool const known = is_current(member, version) || doubts.catching_up.contains(id);
        if (!counts || !known || !state.nodes().contains(id)) {
            continue;
        }
        Duty const duty = duty_of(member, doubts);
        roster[id] = {.id = id,
                      .name = member.name,
                      .address = member.address,
                      .suspect = is_doubtful(member.state),
                      .duty = duty};
        steady = steady || duty == Duty::full;
    }
    if (!steady) {
        for (auto& [id, live] : roster) {
            live.duty = live.duty == Duty::spare ? Duty::full : live.duty;
        }
    }
    return roster;
}

}  // namespace agent
