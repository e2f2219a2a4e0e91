#pragma once

#include <functional>
#include <vector>

#include "tests/unit/gossip/cluster.h"

// Figures about what a cluster has been through.
namespace gossip_test {

using Hosts = std::function<bool(int)>;

[[nodiscard]] inline bool any_host(int) {
    return true;
}

// Anyone but this host.
[[nodiscard]] Hosts all_but(int host);

// How often any of `observers` saw any of `subjects` become `state`, since `since`.
[[nodiscard]] std::size_t changes_to(Cluster const& cluster, gossip::State state,
                                     Hosts const& subjects = any_host,
                                     Hosts const& observers = any_host, base::Instant since = {});

// When each running host but `subject` first saw it become `state` after `since`, ascending.
[[nodiscard]] std::vector<base::Instant> first_seen(Cluster const& cluster, int subject,
                                                    gossip::State state, base::Instant since);

[[nodiscard]] double in_seconds(base::Duration duration);

// The value that `share` of all do not exceed (nearest rank); 0 of none.
[[nodiscard]] double quantile(std::vector<double> values, double share);

[[nodiscard]] inline double median(std::vector<double> values) {
    return quantile(std::move(values), 0.5);
}

// What each host sent (or received) a second, in bytes on the wire, over `duration` from now.
struct Rates {
    std::vector<double> in;
    std::vector<double> out;
};

[[nodiscard]] Rates measure_rates(Cluster& cluster, base::Duration duration);

}  // namespace gossip_test
