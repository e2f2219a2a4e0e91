#include "tests/unit/gossip/measures.h"

#include <algorithm>
#include <cmath>
#include <map>

namespace gossip_test {

Hosts all_but(int host) {
    return [host](int other) { return other != host; };
}

std::size_t changes_to(Cluster const& cluster, gossip::State state, Hosts const& subjects,
                       Hosts const& observers, base::Instant since) {
    return static_cast<std::size_t>(
        std::ranges::count_if(cluster.observed, [&](Cluster::Observed const& seen) {
            return seen.at >= since && seen.change.now == state && seen.change.before != state &&
                   subjects(host_of(seen.change.id)) && observers(seen.host);
        }));
}

std::vector<base::Instant> first_seen(Cluster const& cluster, int subject, gossip::State state,
                                      base::Instant since) {
    std::map<int, base::Instant> first;
    for (Cluster::Observed const& seen : cluster.observed) {
        bool const asked = seen.at >= since && seen.change.now == state && seen.host != subject &&
                           host_of(seen.change.id) == subject && cluster.runs(seen.host);
        if (asked) {
            first.try_emplace(seen.host, seen.at);
        }
    }
    std::vector<base::Instant> times;
    for (auto const& [host, at] : first) {
        times.push_back(at);
    }
    std::ranges::sort(times);
    return times;
}

double in_seconds(base::Duration duration) {
    return std::chrono::duration<double>(duration).count();
}

double quantile(std::vector<double> values, double share) {
    if (values.empty()) {
        return 0;
    }
    auto const rank = std::ceil(share * static_cast<double>(values.size()));
    auto const at = static_cast<std::ptrdiff_t>(std::max(rank, 1.0)) - 1;
    std::ranges::nth_element(values, values.begin() + at);
    return values[static_cast<std::size_t>(at)];
}

Rates measure_rates(Cluster& cluster, base::Duration duration) {
    std::vector<Cluster::Traffic> before;
    for (int host = 0; host < cluster.size(); ++host) {
        before.push_back(cluster.traffic(host));
    }
    cluster.run_for(duration);
    Rates rates;
    for (int host = 0; host < cluster.size(); ++host) {
        if (cluster.runs(host)) {
            Cluster::Traffic const& then = before[static_cast<std::size_t>(host)];
            Cluster::Traffic const& now = cluster.traffic(host);
            rates.in.push_back(static_cast<double>(now.bytes_in - then.bytes_in) /
                               in_seconds(duration));
            rates.out.push_back(static_cast<double>(now.bytes_out - then.bytes_out) /
                                in_seconds(duration));
        }
    }
    return rates;
}

}  // namespace gossip_test
