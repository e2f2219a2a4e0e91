// Whole machines in a cluster of simulated time: what the fleet may rely on.
#include <algorithm>
#include <vector>

#include <catch2/catch.hpp>

#include "base/text.h"
#include "tests/unit/gossip/measures.h"

using gossip::State;
using gossip_test::changes_to;
using gossip_test::Cluster;
using gossip_test::host_address;
using gossip_test::in_seconds;
using gossip_test::node_id;

namespace {

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
    return in_seconds(cluster.now() - killed);
}

}  // namespace

TEST_CASE("a join reaches every member") {
    Cluster cluster({});
    cluster.start_joined(8);
    REQUIRE(cluster.converged());
    cluster.start(8);
    cluster.join(8, {3});
    REQUIRE(cluster.run_until(base::seconds(1), [&] { return cluster.converged(); }));
    REQUIRE(changes_to(cluster, State::suspect) == 0);
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
        CHECK(taken[50] < 1.0);
        CHECK(taken.back() < 1.6);
    }
}

TEST_CASE("hosts that die together are found dead by the one that is left") {
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        CAPTURE(seed);
        Cluster cluster({.seed = seed});
        cluster.start_joined(5);
        cluster.run_for(base::seconds(3));
        for (int const host : {1, 2, 3, 4}) {
            cluster.kill(host);
        }
        REQUIRE(cluster.run_until(base::milliseconds(5500), [&] { return cluster.converged(); }));
        CHECK(cluster.at(0).members().size() == 5);
    }
}

TEST_CASE("an idle fleet suspects nobody") {
    Cluster cluster({.seed = 3});
    cluster.start_joined(5);
    cluster.run_for(base::seconds(600));
    CHECK(changes_to(cluster, State::suspect) == 0);
    for (int host = 0; host < 5; ++host) {
        CHECK(cluster.at(host).counters().packets_dropped == 0);
    }
}

TEST_CASE("no host is taken for dead in ten minutes of 20 % loss") {
    std::size_t suspicions = 0;
    std::size_t deaths = 0;
    for (std::uint64_t seed = 1; seed <= 10; ++seed) {
        Cluster cluster({.seed = seed, .loss = 0.2});
        cluster.start_joined(5);
        cluster.run_for(base::seconds(600));
        suspicions += changes_to(cluster, State::suspect);
        deaths += changes_to(cluster, State::down);
    }
    CHECK(suspicions > 0);
    CHECK(deaths == 0);
}

TEST_CASE("a host that is cut off for less than the suspicion timeout refutes") {
    Cluster cluster({.seed = 2});
    cluster.start_joined(3);
    cluster.run_for(base::seconds(2));
    cluster.cut(0, 1);
    cluster.cut(1, 2);
    REQUIRE(
        cluster.run_until(base::seconds(2), [&] { return cluster.view(0, 1) == State::suspect; }));
    cluster.run_for(base::milliseconds(300));
    cluster.heal();
    REQUIRE(cluster.run_until(base::milliseconds(400), [&] { return cluster.converged(); }));
    CHECK(changes_to(cluster, State::down) == 0);
    CHECK(cluster.at(1).counters().refutations > 0);
    // What it raised itself to is an effect, to be kept for the next start.
    CHECK(cluster.kept(1).incarnation == cluster.at(1).self().incarnation + 1);
}

TEST_CASE("a link that only two hosts lost makes no suspect") {
    Cluster cluster({.seed = 5});
    cluster.start_joined(4);
    cluster.cut(0, 1);
    cluster.run_for(base::seconds(60));
    CHECK(cluster.converged());
    CHECK(changes_to(cluster, State::suspect) == 0);
}

TEST_CASE("a partition heals on both sides") {
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        Cluster cluster({.seed = seed});
        cluster.start_joined(6);
        for (int const a : {0, 1, 2}) {
            for (int const b : {3, 4, 5}) {
                cluster.cut(a, b);
            }
        }
        REQUIRE(cluster.run_until(base::seconds(6), [&] {
            return cluster.view(0, 3) == State::down && cluster.view(0, 5) == State::down &&
                   cluster.view(3, 0) == State::down && cluster.view(5, 2) == State::down;
        }));
        cluster.run_for(base::seconds(5));
        cluster.observed.clear();
        cluster.heal();
        CHECK(cluster.run_until(base::seconds(3), [&] { return cluster.converged(); }));
        // What the other side held for dead is at most suspected here while it refutes.
        CHECK(changes_to(cluster, State::down) == 0);
    }
}

TEST_CASE("a host returns under a higher incarnation at another address") {
    Cluster cluster({.seed = 6});
    cluster.start_joined(4);
    cluster.kill(3);
    REQUIRE(cluster.run_until(base::seconds(3), [&] { return cluster.all_see(3, State::down); }));
    cluster.start(3, 2, host_address(77));
    cluster.join(3, {1});
    REQUIRE(cluster.run_until(base::milliseconds(500), [&] { return cluster.converged(); }));
    CHECK(cluster.at(0).find(node_id(3))->address == host_address(77));
}

TEST_CASE("a host that returns at once at another address is never down") {
    Cluster cluster({.seed = 7});
    cluster.start_joined(4);
    cluster.run_for(base::seconds(1));
    cluster.observed.clear();
    cluster.start(3, 2, host_address(77));
    cluster.join(3, {1});
    cluster.run_for(base::seconds(5));
    CHECK(cluster.converged());
    CHECK(cluster.at(2).find(node_id(3))->address == host_address(77));
    CHECK(changes_to(cluster, State::down) == 0);
}

TEST_CASE("a host whose last incarnation was lost takes one above it") {
    Cluster cluster({.seed = 8});
    cluster.start_joined(3);
    cluster.start(2, 9);
    cluster.join(2, {0});
    cluster.run_for(base::seconds(1));
    cluster.start(2, 3, host_address(50));
    cluster.join(2, {0});
    REQUIRE(cluster.run_until(base::milliseconds(500), [&] {
        return cluster.at(1).find(node_id(2))->address == host_address(50);
    }));
    CHECK(cluster.at(2).self().incarnation == 10);
}

TEST_CASE("a host that left is neither suspected nor down, and may come back") {
    Cluster cluster({.seed = 9});
    cluster.start_joined(4);
    cluster.call(2, [&](auto& gossip, auto& out) { gossip.leave(cluster.now(), out); });
    cluster.run_for(base::milliseconds(200));
    cluster.kill(2);
    cluster.run_for(base::seconds(10));
    CHECK(cluster.all_see(2, State::left));
    CHECK(changes_to(cluster, State::suspect) == 0);
    cluster.start(2, 2);
    cluster.join(2, {0});
    CHECK(cluster.run_until(base::milliseconds(500), [&] { return cluster.converged(); }));
}

TEST_CASE("a fleet that lost all its power finds itself without seeds") {
    Cluster cluster({.seed = 10});
    cluster.start_joined(5);
    std::vector<gossip::Member> roster;
    for (auto const& [id, member] : cluster.at(0).members()) {
        roster.push_back(member);
    }
    for (int host = 0; host < 5; ++host) {
        // The incarnation of before: a memory must not stand against it.
        cluster.start(host, 1);
        cluster.call(host, [&](auto& gossip, auto&) { gossip.remember(cluster.now(), roster); });
    }
    REQUIRE(cluster.run_until(base::seconds(3), [&] { return cluster.converged(); }));
    CHECK(cluster.at(0).counters().refutations == 0);
}

TEST_CASE("one restarted host that remembers all does not make others refute") {
    Cluster cluster({.seed = 11});
    cluster.start_joined(5);
    std::vector<gossip::Member> roster;
    for (auto const& [id, member] : cluster.at(4).members()) {
        roster.push_back(member);
    }
    cluster.observed.clear();
    cluster.start(4, 2);
    cluster.call(4, [&](auto& gossip, auto&) { gossip.remember(cluster.now(), roster); });
    REQUIRE(cluster.run_until(base::seconds(1), [&] { return cluster.converged(); }));
    CHECK(changes_to(cluster, State::suspect) == 0);
}

TEST_CASE("our meta reaches everyone") {
    Cluster cluster({.seed = 13});
    cluster.start_joined(5);
    cluster.call(2, [&](auto& gossip, auto& out) {
        gossip.set_meta(cluster.now(), base::to_bytes("rack=7"), out);
    });
    CHECK(cluster.run_until(base::milliseconds(500), [&] {
        return std::ranges::all_of(std::vector{0, 1, 3, 4}, [&](int host) {
            return cluster.at(host).find(node_id(2))->meta == base::to_bytes("rack=7");
        });
    }));
    CHECK(changes_to(cluster, State::suspect) == 0);
}

TEST_CASE("a payload reaches everyone") {
    Cluster cluster({.seed = 14});
    cluster.start_joined(5);
    cluster.at(1).broadcast("key", base::to_bytes("first"));
    cluster.at(1).broadcast("key", base::to_bytes("second"));
    cluster.run_for(base::seconds(2));
    CHECK(cluster.delivered["second"].size() >= 4);
    // The later payload replaced the one that was still queued.
    CHECK(cluster.delivered["first"].empty());
}

TEST_CASE("no datagram is larger than the bound, whatever is queued") {
    Cluster cluster({.seed = 15});
    cluster.start_joined(3);
    for (int i = 0; i < 300; ++i) {
        auto const size = static_cast<std::size_t>(i * 37 % 1020);
        cluster.at(0).broadcast(std::to_string(i),
                                base::to_bytes(base::concat(i, std::string(size, '.'))));
    }
    cluster.run_for(base::seconds(60));
    CHECK(cluster.largest_datagram > 1000);
    CHECK(cluster.largest_datagram <= 1380);
    std::size_t complete = 0;
    for (auto const& [text, hosts] : cluster.delivered) {
        complete += hosts.size() >= 2 ? 1 : 0;
    }
    CHECK(complete == 300);
}

TEST_CASE("a large fleet meets, and finds its dead") {
    Cluster cluster({.seed = 16});
    cluster.start_joined(60);
    REQUIRE(cluster.converged());
    cluster.run_for(base::seconds(5));
    for (int host = 40; host < 60; ++host) {
        cluster.kill(host);
    }
    CHECK(cluster.run_until(base::seconds(15), [&] { return cluster.converged(); }));
}

TEST_CASE("a push-pull that could not be delivered is offered to another soon") {
    Cluster cluster({.seed = 17, .config = {.push_pull_interval = base::seconds(60)}});
    cluster.start_joined(3);
    std::vector<base::Instant> requests;
    cluster.on_delivery = [&](Cluster::Delivery const& delivery) {
        if (delivery.from == 0 && delivery.channel == gossip::Channel::stream) {
            requests.push_back(delivery.at);
            // As if no stream could reach the partner, while datagrams do.
            cluster.call(0, [&](auto& gossip, auto& out) {
                gossip.on_unreachable(cluster.now(), host_address(delivery.to),
                                      gossip::Unreachable::silent, out);
            });
        }
    };
    REQUIRE(cluster.run_until(base::seconds(70), [&] { return requests.size() >= 2; }));
    CHECK(requests[1] - requests[0] < base::seconds(3));
    CHECK(changes_to(cluster, State::suspect) == 0);
}
