#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "agent/state.h"
#include "base/address.h"
#include "base/ids.h"
#include "crdt/map.h"
#include "gossip/gossip.h"

namespace agent {

using Members = std::map<base::NodeId, gossip::Member>;

// What decisions may ask of a live host.
enum class Duty : std::uint8_t {
    full,
    keeps,       // its agent restarts: what it holds stays, nothing new goes there
    hands_over,  // it leaves: what it holds goes elsewhere
    spare,       // unsteady: it keeps only what no other host can take
};

// A host that takes part in decisions: membership says it lives, and its records here are those of
// its present run.
struct LiveNode {
    base::NodeId id;
    std::string name;
    base::SocketAddress address;
    bool suspect{};  // no answer lately; it keeps its slots until it is down
    Duty duty{};
    friend bool operator==(LiveNode const&, LiveNode const&) = default;
};

using Roster = std::map<base::NodeId, LiveNode>;

// What membership's present states do not say.
struct Doubts {
    std::set<base::NodeId> in_cut;    // down, and counted until their cut is complete
    std::set<base::NodeId> unsteady;  // suspect, absent or down, and unsteady before that
    // Counted a moment ago, and have announced records that are on their way here: their agents
    // have restarted, their containers run, and the old records still tell of them.
    std::set<base::NodeId> catching_up;
};

// Lives as far as this host can tell, and can be asked something now.
[[nodiscard]] bool answers(gossip::State state);

// Whether every record that `member` wrote before it announced itself has arrived here.
[[nodiscard]] bool is_current(gossip::Member const& member, crdt::VersionVector const& version);

// Members that live, or went down in a cut under way, are current or catching up, and have facts. A
// member whose old records alone are known takes no part yet: they may speak of containers that no
// longer run. While no steady host could take anything, unsteady ones have full duty.
[[nodiscard]] Roster live_nodes(Members const& members, crdt::VersionVector const& version,
                                State const& state, Doubts const& doubts);

}  // namespace agent
