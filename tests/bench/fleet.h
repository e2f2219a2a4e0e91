#pragma once

#include <cstdint>

#include "tests/unit/gossip/cluster.h"

namespace bench {

// A fleet whose hosts started within one second, all with host 0 for a seed, and know each other.
[[nodiscard]] gossip_test::Cluster joined(int hosts, std::uint64_t seed,
                                          gossip_test::Cluster::Options options = {});

}  // namespace bench
