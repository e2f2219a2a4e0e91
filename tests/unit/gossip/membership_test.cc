// Whole machines in a cluster of simulated time: what the fleet may rely on.
#include <algorithm>
#include <vector>

#include <catch2/catch.hpp>

#include "tests/unit/gossip/cluster.h"

using gossip::State;
using gossip_test::Cluster;
using gossip_test::host_address;
using gossip_test::node_id;

namespace {

double seconds_between(base::Instant from, base::Instant to) {
    return std::chrono::duration<double>(to - from).count();
}

bool any_change_to(Cluster const& cluster, State state) {
    return std::ranges::any_of(cluster.observed, [state](Cluster::Observed const& seen) {
        return seen.change.now == state;
    });
}

// Kills the last of `hosts` hosts at a random moment; how long until no survivor counts it in.
double detection(int hosts, std::uint64_t seed) {
    Cluster cluster({.seed = seed});
    cluster.start_joined(hosts);
    base::Prng prng(seed);
    cluster.run_for(base::seconds(2) + base::milliseconds(prng.below(1000)));
    int const victim = hosts - 1;
    cluster.kill(victim);
    base::Instant const killed = cluster.now();
    REQUIRE(
        cluster.run_until(base::seconds(20), [&] { return cluster.all_see(victim, State::down); }));
    return seconds_between(killed, cluster.now());
}

}  // namespace

TEST_CASE("a join reaches every member") {
    Cluster cluster({});
    cluster.start_joined(8);
    REQUIRE(cluster.converged());
    cluster.start(8);
    cluster.join(8, {3});
    REQUIRE(cluster.run_until(base::seconds(1), [&] { return cluster.converged(); }));
    REQUIRE_FALSE(any_change_to(cluster, State::suspect));
}

TEST_CASE("a join is offered again until a seed answers") {
    Cluster cluster({});
    cluster.start(0);
    cluster.start(1);
    cluster.cut(0, 1);
    cluster.join(1, {0});
    cluster.run_for(base::seconds(7));
    REQUIRE_FALSE(cluster.view(1, 0));
    cluster.heal();
    REQUIRE(cluster.run_until(base::milliseconds(2100), [&] { return cluster.converged(); }));
}

TEST_CASE("the death of a host is known to the last survivor in time") {
    for (int const hosts : {3, 4, 5}) {
        std::vector<double> taken;
        for (std::uint64_t seed = 1; seed <= 101; ++seed) {
            taken.push_back(detection(hosts, seed));
        }
        std::ranges::sort(taken);
        CAPTURE(hosts, taken[50], taken.back());
        WARN("hosts " << hosts << " median " << taken[50] << " max " << taken.back());
        CHECK(taken[50] < 1.3);
        CHECK(taken.back() < 2.0);
    }
}

TEST_CASE("hosts that die together are found dead by the one that is left") {
    Cluster cluster({.seed = 4});
    cluster.start_joined(5);
    cluster.run_for(base::seconds(3));
    for (int const host : {1, 2, 3, 4}) {
        cluster.kill(host);
    }
    REQUIRE(cluster.run_until(base::seconds(4), [&] { return cluster.converged(); }));
    CHECK(cluster.at(0).members().size() == 5);
}

TEST_CASE("an idle fleet suspects nobody") {
    Cluster cluster({.seed = 3});
    cluster.start_joined(5);
    cluster.run_for(base::seconds(600));
    CHECK_FALSE(any_change_to(cluster, State::suspect));
    for (int host = 0; host < 5; ++host) {
        CHECK(cluster.at(host).counters().packets_dropped == 0);
    }
}

TEST_CASE("no host is taken for dead in ten minutes of 20 % loss") {
    std::size_t suspicions = 0;
    std::size_t deaths = 0;
    for (std::uint64_t seed = 1; seed <= 5; ++seed) {
        Cluster cluster({.seed = seed, .loss = 0.2});
        cluster.start_joined(5);
        cluster.run_for(base::seconds(600));
        for (Cluster::Observed const& seen : cluster.observed) {
            suspicions += seen.change.now == State::suspect ? 1 : 0;
            deaths += seen.change.now == State::down ? 1 : 0;
        }
    }
    WARN("suspicions " << suspicions << " deaths " << deaths);
    CHECK(suspicions > 0);
    CHECK(deaths == 0);
}
