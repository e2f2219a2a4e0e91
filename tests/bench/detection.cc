// How long until the fleet knows of a death.
#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "base/text.h"
#include "tests/bench/fleet.h"
#include "tests/bench/measurements.h"
#include "tests/bench/table.h"
#include "tests/unit/gossip/measures.h"

namespace bench {

namespace {

using gossip::State;
using gossip_test::Cluster;
using gossip_test::in_seconds;
using gossip_test::quantile;

struct Detections {
    std::vector<double> first;
    std::vector<double> last;
};

// Until the first and the last of the others see `victim` as `state`.
void note(Cluster const& cluster, int victim, State state, base::Instant gone, Detections& out) {
    auto const seen = gossip_test::first_seen(cluster, victim, state, gone);
    out.first.push_back(in_seconds(seen.front() - gone));
    out.last.push_back(in_seconds(seen.back() - gone));
}

enum class Gone : std::uint8_t { host, process };

Detections detect(int hosts, int fleets, Gone gone, base::Duration settled) {
    Detections all;
    for (int seed = 1; seed <= fleets; ++seed) {
        Cluster cluster = joined(hosts, static_cast<std::uint64_t>(seed));
        base::Prng prng(static_cast<std::uint64_t>(seed));
        cluster.run_for(settled + base::milliseconds(prng.below(1000)));
        int const victim = static_cast<int>(prng.below(static_cast<std::uint64_t>(hosts)));
        base::Instant const at = cluster.now();
        if (gone == Gone::host) {
            cluster.kill(victim);
        } else {
            cluster.kill_process(victim);
        }
        State const state = gone == Gone::host ? State::down : State::restarting;
        cluster.run_until(
            base::seconds(30), [&] { return cluster.all_see(victim, state); },
            base::milliseconds(5));
        note(cluster, victim, state, at, all);
    }
    return all;
}

void say(int hosts, int kills, Detections const& found) {
    row(base::concat(hosts, " hosts, ", kills, " kills: first observer, s"),
        spread(found.first, 2));
}

std::string last_of(int hosts) {
    return base::concat(hosts, " hosts: last observer, s");
}

}  // namespace

void measure_deaths() {
    title("a host vanishes");
    Detections const small = detect(5, 200, Gone::host, base::seconds(5));
    say(5, 200, small);
    row(last_of(5), spread(small.last, 2),
        {"median < 1.2, p99 < 2",
         quantile(small.last, 0.5) < 1.2 && quantile(small.last, 0.99) < 2});
    Detections const middle = detect(100, 40, Gone::host, base::seconds(30));
    say(100, 40, middle);
    row(last_of(100), spread(middle.last, 2), {"median < 1.5", quantile(middle.last, 0.5) < 1.5});

    Cluster cluster = joined(1000, 1);
    cluster.run_for(base::seconds(60));
    Detections large;
    for (int victim = 100; victim < 1000; victim += 180) {
        base::Instant const at = cluster.now();
        cluster.kill(victim);
        cluster.run_until(
            base::seconds(30), [&] { return cluster.all_see(victim, State::down); },
            base::milliseconds(10));
        note(cluster, victim, State::down, at, large);
        cluster.run_for(base::seconds(5));
    }
    say(1000, 5, large);
    row(last_of(1000), spread(large.last, 2));
}

void measure_killed_processes() {
    title("a process is killed, its host lives: until its state is restarting");
    for (auto const& [hosts, kills] : {std::pair(5, 200), std::pair(100, 40)}) {
        Detections const found = detect(hosts, kills, Gone::process, base::seconds(10));
        say(hosts, kills, found);
        row(last_of(hosts), spread(found.last, 3),
            {"median < 0.3", quantile(found.last, 0.5) < 0.3});
    }
}

void measure_deaths_together() {
    title("10 of 1,000 hosts vanish at once");
    Cluster cluster = joined(1000, 2);
    cluster.run_for(base::seconds(30));
    base::Instant const at = cluster.now();
    for (int victim = 50; victim < 1000; victim += 100) {
        cluster.kill(victim);
    }
    cluster.run_until(
        base::seconds(30), [&] { return cluster.converged(); }, base::milliseconds(10));
    std::vector<double> first;
    std::vector<double> last;
    for (int victim = 50; victim < 1000; victim += 100) {
        auto const seen = gossip_test::first_seen(cluster, victim, State::down, at);
        first.push_back(in_seconds(seen.front() - at));
        last.push_back(in_seconds(seen.back() - at));
    }
    row("first observer of each, s", spread(first, 2));
    row("last observer of each, s", spread(last, 2));
    row("first death seen anywhere to last death seen anywhere, s",
        number(*std::ranges::max_element(last) - *std::ranges::min_element(first), 2));
    auto const dead = [](int host) { return host % 100 == 50; };
    auto const healthy = [&](int host) { return !dead(host); };
    auto const wrong = gossip_test::changes_to(cluster, State::down, healthy, healthy, at);
    row("down about healthy hosts", std::to_string(wrong), {"0", wrong == 0});
}

}  // namespace bench
