#pragma once

#include <cstdint>
#include <string_view>

#include "base/ids.h"

namespace placement {

// The two halves of a score's hash. Each is hashed once, and a pair costs one mix: ranking 10,000
// slots on 1,000 nodes would otherwise hash ten million strings.
[[nodiscard]] std::uint64_t slot_hash(std::string_view service, std::uint32_t slot);
[[nodiscard]] std::uint64_t node_hash(base::NodeId node);

// -ln((hash + 1) / 2^64) in units of 2^-58. Never rises when `hash` does. Off by at most 2^-23
// absolutely and by 0.1 % relatively, the latter also next to 0, where the lowest scores are.
[[nodiscard]] std::uint64_t negative_log(std::uint64_t hash);

// score() from its halves.
[[nodiscard]] std::uint64_t pair_score(std::uint64_t slot_hash, std::uint64_t node_hash,
                                       std::uint32_t weight);

}  // namespace placement
