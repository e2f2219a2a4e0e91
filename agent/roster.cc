#include "agent/roster.h"

namespace agent {

bool answers(gossip::State state) {
    switch (state) {
        case gossip::State::alive:
        case gossip::State::unsteady:
        case gossip::State::leaving:
            return true;
        case gossip::State::suspect:
        case gossip::State::restarting:
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

Roster live_nodes(std::map<base::NodeId, gossip::Member> const& members,
                  crdt::VersionVector const& version, State const& state) {
    Roster roster;
    for (auto const& [id, member] : members) {
        if (gossip::is_live(member.state) && is_current(member, version) &&
            state.nodes().contains(id)) {
            roster[id] = {.id = id,
                          .name = member.name,
                          .address = member.address,
                          .suspect = member.state == gossip::State::suspect};
        }
    }
    return roster;
}

}  // namespace agent
