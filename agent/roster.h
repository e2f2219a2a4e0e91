#pragma once

#include <map>
#include <string>
#include <vector>

#include "agent/state.h"
#include "base/address.h"
#include "base/ids.h"
#include "crdt/map.h"
#include "gossip/gossip.h"

namespace agent {

// A host that takes part in decisions: membership says it lives, and its records here are those of
// its present run.
struct LiveNode {
    base::NodeId id;
    std::string name;
    base::SocketAddress address;
    bool suspect{};  // no answer lately; it keeps its slots until it is down
};

using Roster = std::map<base::NodeId, LiveNode>;

// Lives as far as this host can tell, and can be asked something now.
[[nodiscard]] bool answers(gossip::State state);

// Whether every record that `member` wrote before it announced itself has arrived here.
[[nodiscard]] bool is_current(gossip::Member const& member, crdt::VersionVector const& version);

// Members alive or suspected, current, and with facts. A member whose old records alone are known
// takes no part yet: they may speak of containers that no longer run.
[[nodiscard]] Roster live_nodes(std::map<base::NodeId, gossip::Member> const& members,
                                crdt::VersionVector const& version, State const& state);

}  // namespace agent
