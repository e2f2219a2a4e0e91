// Events that strike many hosts at once.
#include <algorithm>
#include <numeric>
#include <vector>

#include <catch2/catch.hpp>

#include "tests/unit/gossip/measures.h"

using gossip::State;
using gossip_test::changes_to;
using gossip_test::Cluster;
using gossip_test::host_address;

namespace {

std::vector<int> numbers(int count) {
    std::vector<int> all(static_cast<std::size_t>(count));
    std::iota(all.begin(), all.end(), 0);
    return all;
}

std::vector<int> shuffled(int count, base::Prng& prng) {
    std::vector<int> all = numbers(count);
    prng.shuffle(std::span(all));
    return all;
}

base::Duration up_to(base::Duration longest, base::Prng& prng) {
    return base::Duration(static_cast<base::Duration::rep>(
        prng.below(static_cast<std::uint64_t>(longest.count()) + 1)));
}

void cut_power(Cluster& cluster) {
    for (int host = 0; host < cluster.size(); ++host) {
        cluster.kill(host);
    }
    cluster.run_for(base::seconds(5));
}

}  // namespace

TEST_CASE("a hundred hosts that join at once through one seed all meet") {
    Cluster cluster({.seed = 1});
    for (int const host : numbers(100)) {
        cluster.start(host);
        if (host > 0) {
            cluster.join(host, {0});
        }
    }
    CHECK(cluster.run_until(base::seconds(5), [&] { return cluster.converged(); }));
    CHECK(changes_to(cluster, State::suspect) == 0);
}

TEST_CASE("half of a fleet reboots at once, and the other half counts on itself all the time") {
    Cluster cluster({.seed = 2});
    cluster.start_joined(40);
    cluster.run_for(base::seconds(2));
    auto const survives = [](int host) { return host % 2 == 0; };
    auto const reboots = [](int host) { return host % 2 == 1; };
    base::Instant const cut = cluster.now();
    for (int const host : numbers(40)) {
        if (reboots(host)) {
            cluster.kill(host);
        }
    }
    CHECK(cluster.run_until(base::seconds(15), [&] { return cluster.converged(); }));
    cluster.run_for(base::seconds(20));
    CHECK(changes_to(cluster, State::down, survives, survives, cut) == 0);

    base::Instant const back = cluster.now();
    for (int const host : numbers(40)) {
        if (reboots(host)) {
            cluster.reboot(host);
        }
    }
    CHECK(cluster.run_until(base::seconds(5), [&] { return cluster.converged(); }));
    CHECK(changes_to(cluster, State::down, gossip_test::any_host, gossip_test::any_host, back) ==
          0);
}

TEST_CASE("a fleet that lost all its power meets again in whatever order its hosts return") {
    for (std::uint64_t seed = 1; seed <= 10; ++seed) {
        CAPTURE(seed);
        Cluster cluster({.seed = seed});
        cluster.start_joined(20);
        cut_power(cluster);
        base::Prng prng(seed);
        for (int const host : shuffled(20, prng)) {
            cluster.reboot(host);
            cluster.run_for(up_to(base::seconds(2), prng));
        }
        CHECK(cluster.run_until(base::seconds(2), [&] { return cluster.converged(); }));
    }
}

TEST_CASE("the first to return after a power cut may remember only hosts that are gone") {
    Cluster cluster({.seed = 3});
    cluster.start_joined(12);
    for (int const host : {8, 9, 10, 11}) {
        cluster.kill(host);
    }
    REQUIRE(cluster.run_until(base::seconds(10), [&] { return cluster.converged(); }));
    cut_power(cluster);
    for (int const host : numbers(8)) {
        Cluster::Life life = cluster.kept(host);
        auto const keeps = [&](gossip::Member const& member) {
            int const other = gossip_test::host_of(member.id);
            // Those that never return, and one host in the chain.
            return other >= 8 || other == host - 1;
        };
        std::erase_if(life.remembered, [&](auto const& member) { return !keeps(member); });
        cluster.start(host, std::move(life));
        cluster.run_for(base::seconds(3));
    }
    CHECK(cluster.run_until(base::seconds(3), [&] { return cluster.converged(); }));
}

TEST_CASE("hosts that return from a power cut under each other's addresses meet again") {
    for (std::uint64_t seed = 1; seed <= 5; ++seed) {
        CAPTURE(seed);
        Cluster cluster({.seed = seed});
        cluster.start_joined(16);
        cut_power(cluster);
        base::Prng prng(seed);
        std::vector<int> const addresses = shuffled(16, prng);
        for (int const host : numbers(16)) {
            Cluster::Life life = cluster.kept(host);
            life.address = host_address(addresses[static_cast<std::size_t>(host)]);
            cluster.start(host, std::move(life));
        }
        CHECK(cluster.run_until(base::seconds(3), [&] { return cluster.converged(); }));
        for (int const host : numbers(16)) {
            auto const* const member = cluster.at((host + 1) % 16).find(gossip_test::node_id(host));
            CHECK(member->address == cluster.at(host).self().address);
        }
    }
}

TEST_CASE(
    "hosts that lost their incarnations in a restart of all become visible in spite of loss") {
    for (std::uint64_t seed = 1; seed <= 5; ++seed) {
        CAPTURE(seed);
        Cluster cluster({.seed = seed, .loss = 0.3});
        for (int const host : numbers(40)) {
            cluster.start(host, 100);
            cluster.join(host, {0});
        }
        REQUIRE(cluster.run_until(base::seconds(30), [&] { return cluster.converged(); }));
        for (int const host : numbers(40)) {
            if (host % 2 == 1) {
                cluster.kill(host);
            }
        }
        // Some of their peers hold them for dead by now, some suspect them, some know nothing.
        cluster.run_for(base::seconds(2));
        for (int const host : numbers(40)) {
            if (host % 2 == 1) {
                cluster.start(host, 1);
                cluster.join(host, {host - 1});
            }
        }
        CHECK(cluster.run_until(
            base::seconds(5),
            [&] {
                for (int const host : numbers(40)) {
                    if (host % 2 == 1 && !cluster.all_see(host, State::alive)) {
                        return false;
                    }
                }
                return true;
            },
            base::milliseconds(20)));
    }
}

TEST_CASE("hosts that die together are given up together") {
    Cluster cluster({.seed = 6});
    cluster.start_joined(100);
    cluster.run_for(base::seconds(3));
    base::Instant const died = cluster.now();
    for (int host = 90; host < 100; ++host) {
        cluster.kill(host);
    }
    REQUIRE(cluster.run_until(base::milliseconds(2500), [&] { return cluster.converged(); }));
    auto const survives = [](int host) { return host < 90; };
    CHECK(changes_to(cluster, State::down, survives, survives, died) == 0);
}
