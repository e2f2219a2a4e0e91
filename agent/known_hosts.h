#pragma once

#include <vector>

#include "agent/roster.h"
#include "base/bytes.h"
#include "gossip/gossip.h"

// Everyone this host has ever known, with the last address: kept on its disk, so that a fleet that
// lost all its power at once, or a host whose seeds are gone, finds the others again.
namespace agent {

[[nodiscard]] base::Bytes encode_known_hosts(Members const& members);

// For gossip::Gossip::remember(): down, or left if it went on purpose. What a damaged encoding
// holds before the damage.
[[nodiscard]] std::vector<gossip::Member> decode_known_hosts(base::ByteView bytes);

}  // namespace agent
