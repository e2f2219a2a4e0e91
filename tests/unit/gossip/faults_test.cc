// Hosts and links that are ill, not dead: who suffers, and who must not.
#include <algorithm>
#include <vector>

#include <catch2/catch.hpp>

#include "tests/unit/gossip/measures.h"

using gossip::State;
using gossip::Trouble;
using gossip_test::all_but;
using gossip_test::any_host;
using gossip_test::changes_to;
using gossip_test::Cluster;
using gossip_test::median;
using gossip_test::node_id;

namespace {

double highest(std::vector<double> const& values) {
    return *std::ranges::max_element(values);
}

bool reported(Cluster const& cluster, Trouble::Kind kind, int by, int of) {
    return std::ranges::any_of(cluster.troubles, [&](Cluster::Noticed const& noticed) {
        return noticed.host == by && noticed.trouble.kind == kind &&
               noticed.trouble.id == node_id(of);
    });
}

}  // namespace

TEST_CASE("a link that carries one way only makes nobody dead") {
    Cluster cluster({.seed = 1});
    cluster.start_joined(5);
    cluster.cut_one_way(1, 0);
    cluster.run_for(base::seconds(300));
    CHECK(changes_to(cluster, State::down) == 0);
    CHECK(cluster.converged());
}

TEST_CASE("a host that is heard by nobody is down to all, and is back once it is heard") {
    Cluster cluster({.seed = 2});
    cluster.start_joined(8);
    cluster.faults(3).cut_out = true;
    REQUIRE(cluster.run_until(base::seconds(10), [&] { return cluster.all_see(3, State::down); }));
    CHECK(changes_to(cluster, State::down, all_but(3), all_but(3)) == 0);
    cluster.faults(3).cut_out = false;
    CHECK(cluster.run_until(base::seconds(5), [&] { return cluster.converged(); }));
}

TEST_CASE("a host that hears nobody trusts its own judgement less, and convinces nobody") {
    Cluster cluster({.seed = 3});
    cluster.start_joined(20);
    cluster.faults(7).cut_in = true;
    cluster.run_for(base::seconds(2));
    CHECK(cluster.at(7).counters().health > 0);
    cluster.run_for(base::seconds(60));
    CHECK(changes_to(cluster, State::down, all_but(7), all_but(7)) == 0);
    cluster.faults(7).cut_in = false;
    CHECK(cluster.run_until(base::seconds(10), [&] { return cluster.converged(); }));
}

TEST_CASE("a host whose interface is down finds its fleet again without seeds") {
    Cluster cluster({.seed = 4});
    cluster.start_joined(10);
    cluster.faults(0).cut_in = cluster.faults(0).cut_out = true;
    cluster.run_for(base::seconds(90));
    CHECK(cluster.at(0).counters().health > 0);
    for (int other = 1; other < 10; ++other) {
        CHECK(cluster.view(0, other) == State::down);
        CHECK(cluster.view(other, 0) == State::down);
    }
    CHECK(changes_to(cluster, State::down, all_but(0), all_but(0)) == 0);
    base::Instant const mended = cluster.now();
    cluster.faults(0) = {};
    CHECK(cluster.run_until(base::seconds(5), [&] { return cluster.converged(); }));
    CHECK(changes_to(cluster, State::down, any_host, any_host, mended) == 0);
}

TEST_CASE("a host that drops every second packet takes nobody with it") {
    for (std::uint64_t seed = 1; seed <= 3; ++seed) {
        CAPTURE(seed);
        Cluster cluster({.seed = seed});
        cluster.start_joined(20);
        cluster.faults(5).loss_in = cluster.faults(5).loss_out = 0.5;
        cluster.run_for(base::seconds(300));
        CHECK(changes_to(cluster, State::down, all_but(5)) == 0);
    }
}

TEST_CASE("a host that was paused for long takes nobody for dead when it wakes") {
    for (std::uint64_t seed = 1; seed <= 5; ++seed) {
        CAPTURE(seed);
        Cluster cluster({.seed = seed});
        cluster.start_joined(8);
        cluster.run_for(base::seconds(1));
        cluster.pause(3, base::seconds(30));
        cluster.run_for(base::seconds(30));
        CHECK(cluster.all_see(3, State::down));
        cluster.run_for(base::seconds(5));
        CHECK(cluster.converged());
        CHECK(changes_to(cluster, State::down, all_but(3)) == 0);
    }
}

TEST_CASE("a laptop that slept for an hour is back in seconds") {
    for (bool const clock_stops : {true, false}) {
        CAPTURE(clock_stops);
        Cluster cluster({.seed = 5});
        cluster.start_joined(6);
        cluster.run_for(base::milliseconds(1234));
        cluster.suspend(2, std::chrono::hours(1), clock_stops);
        cluster.run_for(std::chrono::hours(1));
        CHECK(cluster.all_see(2, State::down));
        CHECK(cluster.run_until(base::seconds(5), [&] { return cluster.converged(); }));
        CHECK(changes_to(cluster, State::down, all_but(2)) == 0);
    }
}

TEST_CASE("pauses shorter than a suspicion make nobody dead") {
    Cluster cluster({.seed = 6});
    cluster.start_joined(10);
    for (int round = 0; round < 60; ++round) {
        cluster.pause(round % 10, base::milliseconds(400));
        cluster.run_for(base::seconds(2));
    }
    CHECK(changes_to(cluster, State::down) == 0);
}

TEST_CASE("a host with a few links left causes no storm") {
    Cluster cluster({.seed = 7});
    cluster.start_joined(30);
    cluster.run_for(base::seconds(30));
    double const idle = median(gossip_test::measure_rates(cluster, base::seconds(60)).out);
    for (int other = 0; other < 30; ++other) {
        if (other != 9 && other > 3) {
            cluster.cut(9, other);
        }
    }
    gossip_test::Rates ill = gossip_test::measure_rates(cluster, base::seconds(120));
    ill.out.erase(ill.out.begin() + 9);
    ill.in.erase(ill.in.begin() + 9);
    CAPTURE(idle, highest(ill.out), highest(ill.in));
    CHECK(highest(ill.out) < 4 * idle);
    CHECK(highest(ill.in) < 4 * idle);
    CHECK(changes_to(cluster, State::down, all_but(9), all_but(9)) == 0);
}

TEST_CASE("a host behind a firewall that stops datagrams stays, and its operator hears of it") {
    Cluster cluster({.seed = 8});
    cluster.start_joined(6);
    for (int other = 0; other < 6; ++other) {
        if (other != 4) {
            cluster.link(4, other).datagrams_cut = cluster.link(other, 4).datagrams_cut = true;
        }
    }
    cluster.run_for(base::seconds(60));
    CHECK(changes_to(cluster, State::down) == 0);
    CHECK(std::ranges::any_of(cluster.troubles, [](Cluster::Noticed const& noticed) {
        return noticed.trouble.kind == Trouble::Kind::streams_only &&
               noticed.trouble.id == node_id(4);
    }));
}

TEST_CASE("a host behind a firewall that stops streams stays, and its operator hears of it") {
    Cluster cluster({.seed = 8});
    cluster.start_joined(6);
    cluster.link(4, 1).streams_cut = cluster.link(1, 4).streams_cut = true;
    REQUIRE(cluster.run_until(base::seconds(180), [&] {
        return reported(cluster, Trouble::Kind::datagrams_only, 1, 4) &&
               reported(cluster, Trouble::Kind::datagrams_only, 4, 1);
    }));
    CHECK(changes_to(cluster, State::suspect) == 0);
    // Of the others nothing is said, and nothing any more once it is mended.
    CHECK(std::ranges::all_of(cluster.troubles, [](Cluster::Noticed const& noticed) {
        return noticed.trouble.kind == Trouble::Kind::datagrams_only;
    }));
    cluster.heal();
    cluster.run_for(base::seconds(60));
    cluster.troubles.clear();
    cluster.run_for(base::seconds(300));
    CHECK(cluster.troubles.empty());
}

TEST_CASE("a host that answers through others only is told of for as long as it does") {
    Cluster cluster({.seed = 8});
    cluster.start_joined(6);
    cluster.cut(2, 3);
    cluster.run_for(base::seconds(60));
    CHECK(changes_to(cluster, State::down) == 0);
    CHECK(reported(cluster, Trouble::Kind::relayed_only, 2, 3));
    CHECK(reported(cluster, Trouble::Kind::relayed_only, 3, 2));
    cluster.troubles.clear();
    cluster.run_for(base::seconds(120));
    CHECK(reported(cluster, Trouble::Kind::relayed_only, 2, 3));
    CHECK(std::ranges::all_of(cluster.troubles, [](Cluster::Noticed const& noticed) {
        return noticed.trouble.kind == Trouble::Kind::relayed_only;
    }));
}

TEST_CASE("a host that dies or restarts is no host behind a firewall") {
    Cluster cluster({.seed = 8});
    cluster.start_joined(6);
    for (int round = 0; round < 6; ++round) {
        round % 2 == 0 ? cluster.kill(5) : cluster.kill_process(5);
        cluster.run_for(base::seconds(40));
        cluster.reboot(5);
        cluster.run_for(base::seconds(20));
    }
    CHECK(cluster.troubles.empty());
}

TEST_CASE("a path that carries less than is usual makes nobody dead") {
    Cluster cluster({.seed = 9});
    cluster.start_joined(5);
    for (int other = 0; other < 5; ++other) {
        cluster.link(2, other).path_size = cluster.link(other, 2).path_size = 600;
    }
    for (int i = 0; i < 200; ++i) {
        cluster.broadcast(i % 5, std::to_string(i) + std::string(400, '.'));
        cluster.run_for(base::milliseconds(100));
    }
    cluster.run_for(base::seconds(10));
    CHECK(changes_to(cluster, State::down) == 0);
    auto const whole = std::ranges::count_if(
        cluster.delivered, [](auto const& entry) { return entry.second.size() == 5; });
    CHECK(whole > 190);
}

TEST_CASE("a fleet across long links is as calm as one on a short wire") {
    struct Case {
        gossip::Profile profile{};
        Cluster::Latency latency;
    };

    std::vector<Case> const cases{
        {gossip::Profile::lan, {base::milliseconds(20), base::milliseconds(30)}},
        {gossip::Profile::wan, {base::milliseconds(40), base::milliseconds(120)}},
        {gossip::Profile::edge, {base::milliseconds(300), base::milliseconds(700)}},
    };
    for (Case const& c : cases) {
        CAPTURE(gossip::to_string(c.profile));
        Cluster cluster(
            {.seed = 10, .loss = 0.01, .latency = c.latency, .config = config_of(c.profile)});
        cluster.start_joined(10);
        REQUIRE(cluster.converged());
        base::Instant const joined = cluster.now();
        cluster.run_for(base::seconds(300));
        CHECK(changes_to(cluster, State::suspect, any_host, any_host, joined) == 0);
        cluster.kill(9);
        CHECK(
            cluster.run_until(base::seconds(120), [&] { return cluster.all_see(9, State::down); }));
    }
}

TEST_CASE("packets that come twice and out of order do no harm") {
    Cluster cluster({.seed = 11,
                     .repeats = 0.3,
                     .latency = {base::nanoseconds(100'000), base::milliseconds(20)}});
    cluster.start_joined(10);
    REQUIRE(cluster.converged());
    cluster.run_for(base::seconds(120));
    CHECK(changes_to(cluster, State::suspect) == 0);
}

TEST_CASE("an unsteady host that comes and goes is shown as unsteady all the time") {
    Cluster cluster({});
    cluster.start_joined(12);
    int const ill = 3;
    auto const others = gossip_test::all_but(ill);
    auto const spell = [&] {
        cluster.faults(ill).cut_in = true;
        cluster.run_for(base::seconds(20));
        cluster.faults(ill).cut_in = false;
        cluster.run_for(base::seconds(20));
    };
    spell();
    spell();
    REQUIRE(cluster.all_see(ill, State::unsteady));
    cluster.observed.clear();
    for (int further = 0; further < 5; ++further) {
        spell();
    }
    CHECK(changes_to(cluster, State::absent, any_host, others) > 0);
    for (State const shown : {State::alive, State::suspect, State::down}) {
        CHECK(changes_to(cluster, shown, [](int host) { return host == 3; }, others) == 0);
    }
    CHECK(cluster.all_see(ill, State::unsteady));
}

TEST_CASE("an unsteady host that dies is down in the end") {
    Cluster cluster({});
    cluster.start_joined(6);
    Cluster::Life flapping = cluster.kept(3);
    flapping.flaps = 2;
    ++flapping.incarnation;
    cluster.kill(3);
    cluster.start(3, flapping);
    cluster.join(3, {0});
    REQUIRE(
        cluster.run_until(base::seconds(10), [&] { return cluster.all_see(3, State::unsteady); }));
    cluster.kill(3);
    REQUIRE(cluster.run_until(base::seconds(5), [&] { return cluster.all_see(3, State::absent); }));
    base::Instant const lost = cluster.now();
    REQUIRE(cluster.run_until(base::seconds(31), [&] { return cluster.all_see(3, State::down); }));
    CHECK(cluster.now() - lost > base::seconds(28));
    CHECK(cluster.at(0).find(gossip_test::node_id(3))->since < lost);
    // It is still asked for, and is unsteady when it is back.
    flapping.incarnation += 10;
    cluster.start(3, flapping);
    CHECK(
        cluster.run_until(base::seconds(10), [&] { return cluster.all_see(3, State::unsteady); }));
}
