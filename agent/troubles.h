#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "agent/roster.h"
#include "base/time.h"
#include "gossip/gossip.h"

namespace agent {

// What membership reports to operators, in words, until it has not been reported for a while.
class Troubles {
public:
    static constexpr std::size_t troubles_max = 256;  // when full the oldest is dropped
    static constexpr base::Duration shown_for = base::seconds(300);

    // What it says.
    std::string const& note(base::Instant now, gossip::Trouble const& trouble,
                            Members const& members);

    // Those of the last shown_for.
    [[nodiscard]] std::vector<std::string> lines(base::Instant now) const;

private:
    struct Seen {
        base::Instant last;
        std::string text;
    };

    std::map<std::pair<gossip::Trouble::Kind, base::NodeId>, Seen> seen_;
};

// Live members that share a name or an address, a line for each: people and packets would reach
// the wrong one.
[[nodiscard]] std::vector<std::string> clashes(Members const& members);

}  // namespace agent
