// How members come, restart, go and are thrown out, and what the others make of it.
#include <algorithm>
#include <vector>

#include <catch2/catch.hpp>

#include "tests/unit/gossip/measures.h"

using gossip::Gossip;
using gossip::State;
using gossip::Trouble;
using gossip_test::all_but;
using gossip_test::any_host;
using gossip_test::changes_to;
using gossip_test::Cluster;
using gossip_test::host_address;
using gossip_test::median;
using gossip_test::node_id;

namespace {

void leave(Cluster& cluster, int host) {
    cluster.call(host, [](Gossip& gossip, base::Instant now, gossip::Effects& out) {
        gossip.leave(now, out);
    });
}

void evict(Cluster& cluster, int at, int host) {
    cluster.call(at, [host](Gossip& gossip, base::Instant now, gossip::Effects& out) {
        gossip.evict(now, node_id(host), out);
    });
}

void announce_restart(Cluster& cluster, int host) {
    cluster.call(host, [](Gossip& gossip, base::Instant now, gossip::Effects& out) {
        gossip.announce_restart(now, out);
    });
}

auto all_see(Cluster const& cluster, int host, State state) {
    return [&cluster, host, state] { return cluster.all_see(host, state); };
}

}  // namespace

TEST_CASE("a process that is gone from a live host is restarting to all at once") {
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        CAPTURE(seed);
        Cluster cluster({.seed = seed});
        cluster.start_joined(5);
        cluster.run_for(base::seconds(2) + base::milliseconds(37 * seed));
        cluster.kill_process(4);
        CHECK(cluster.run_until(base::milliseconds(800), all_see(cluster, 4, State::restarting)));
        cluster.run_for(base::seconds(5));
        CHECK(cluster.all_see(4, State::restarting));
        cluster.reboot(4);
        CHECK(cluster.run_until(base::seconds(1), [&] { return cluster.converged(); }));
        CHECK(changes_to(cluster, State::down) == 0);
        CHECK(changes_to(cluster, State::suspect) == 0);
    }
}

TEST_CASE("a process that does not return is down when the hold is over") {
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        CAPTURE(seed);
        Cluster cluster({.seed = seed});
        cluster.start_joined(5);
        cluster.run_for(base::seconds(2));
        cluster.kill_process(4);
        cluster.run_for(base::seconds(15));
        CHECK(changes_to(cluster, State::down) == 0);
        // From when each heard of the first refusal.
        CHECK(cluster.run_until(base::milliseconds(1200), all_see(cluster, 4, State::down)));
    }
}

TEST_CASE("a host that refused and then falls silent is down like any other") {
    Cluster cluster({.seed = 3});
    cluster.start_joined(5);
    cluster.run_for(base::seconds(2));
    cluster.kill_process(4);
    cluster.run_for(base::seconds(3));
    REQUIRE(cluster.all_see(4, State::restarting));
    cluster.kill(4);
    CHECK(cluster.run_until(base::seconds(5), all_see(cluster, 4, State::down)));
}

TEST_CASE("a killed process is known in a blink, for its kernel ends its streams") {
    for (int const hosts : {3, 5, 10, 20}) {
        for (std::uint64_t seed = 1; seed <= 20; ++seed) {
            CAPTURE(hosts, seed);
            Cluster cluster({.seed = seed});
            cluster.start_joined(hosts);
            cluster.run_for(base::seconds(70));
            cluster.kill_process(2);
            CHECK(cluster.run_until(base::milliseconds(300),
                                    [&] { return cluster.all_see(2, State::restarting); }));
        }
    }
}

TEST_CASE("a restart that is announced makes nobody look for the host") {
    Cluster cluster({.seed = 4});
    cluster.start_joined(6);
    cluster.run_for(base::seconds(1));
    announce_restart(cluster, 3);
    CHECK(cluster.run_until(base::milliseconds(300), all_see(cluster, 3, State::restarting)));
    cluster.kill_process(3);
    cluster.run_for(base::seconds(6));
    CHECK(cluster.all_see(3, State::restarting));
    cluster.reboot(3);
    CHECK(cluster.run_until(base::seconds(1), [&] { return cluster.converged(); }));
    CHECK(changes_to(cluster, State::suspect) == 0);
    CHECK(changes_to(cluster, State::down) == 0);
}

TEST_CASE("an announced restart that never ends is a death") {
    Cluster cluster({.seed = 5});
    cluster.start_joined(5);
    announce_restart(cluster, 3);
    cluster.run_for(base::milliseconds(200));
    cluster.kill(3);
    CHECK(cluster.run_until(base::seconds(4), all_see(cluster, 3, State::down)));
}

TEST_CASE("a host that hands over is leaving, and has left when it vanishes") {
    Cluster cluster({.seed = 6});
    cluster.start_joined(5);
    cluster.run_for(base::seconds(1));
    cluster.call(2, [](Gossip& gossip, base::Instant now, gossip::Effects& out) {
        gossip.begin_leave(now, out);
    });
    CHECK(cluster.run_until(base::milliseconds(300), all_see(cluster, 2, State::leaving)));
    cluster.run_for(base::seconds(20));
    CHECK(cluster.all_see(2, State::leaving));
    cluster.kill(2);
    CHECK(cluster.run_until(base::seconds(10), all_see(cluster, 2, State::left)));
    CHECK(changes_to(cluster, State::down) == 0);
}

TEST_CASE("nothing is sent to a member that has left") {
    Cluster cluster({.seed = 7});
    cluster.start_joined(6);
    leave(cluster, 3);
    cluster.run_for(base::seconds(1));
    cluster.kill(3);
    std::size_t sent = 0;
    cluster.on_delivery = [&](Cluster::Delivery const& delivery) {
        sent += delivery.to == 3 ? 1 : 0;
    };
    cluster.run_for(base::seconds(120));
    CHECK(sent == 0);
}

TEST_CASE("a member that left is not revived by one that did not hear of it") {
    Cluster cluster({.seed = 8});
    cluster.start_joined(6);
    cluster.run_for(base::seconds(1));
    cluster.faults(5).cut_in = cluster.faults(5).cut_out = true;
    leave(cluster, 2);
    cluster.run_for(base::milliseconds(500));
    cluster.kill(2);
    base::Instant const mended = cluster.now();
    cluster.faults(5) = {};
    cluster.run_for(base::seconds(60));
    CHECK(cluster.all_see(2, State::left));
    auto const revived = [&](State state) {
        return changes_to(cluster, state, [](int host) { return host == 2; }, all_but(5), mended);
    };
    CHECK(revived(State::alive) == 0);
    CHECK(revived(State::suspect) == 0);
    // Nor by one that is new.
    cluster.start(6);
    cluster.join(6, {5});
    cluster.run_for(base::seconds(30));
    CHECK(cluster.view(6, 2).value_or(State::left) == State::left);
}

TEST_CASE("an accusation of an earlier life does not kill a host that returned") {
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        CAPTURE(seed);
        Cluster cluster({.seed = seed});
        cluster.start_joined(5);
        cluster.run_for(base::seconds(1));
        cluster.kill(3);
        REQUIRE(cluster.run_until(base::seconds(5),
                                  [&] { return changes_to(cluster, State::suspect) > 0; }));
        cluster.run_for(base::milliseconds(20 * seed));
        base::Instant const back = cluster.now();
        cluster.reboot(3);
        cluster.run_for(base::seconds(10));
        CHECK(cluster.converged());
        // Whoever had not heard of its return yet may have given up its earlier life.
        CHECK(changes_to(cluster, State::down, any_host, any_host,
                         back + base::milliseconds(200)) == 0);
    }
}

TEST_CASE("a new host at the address of a dead one joins cleanly") {
    Cluster cluster({.seed = 10});
    cluster.start_joined(5);
    cluster.kill(3);
    REQUIRE(cluster.run_until(base::seconds(5), all_see(cluster, 3, State::down)));
    base::Instant const joined = cluster.now();
    cluster.start(5, 1, host_address(3));
    cluster.join(5, {0});
    CHECK(cluster.run_until(base::seconds(2), [&] { return cluster.converged(); }));
    cluster.run_for(base::seconds(60));
    CHECK(cluster.converged());
    CHECK(cluster.all_see(3, State::down));
    CHECK(changes_to(cluster, State::suspect, any_host, any_host, joined) == 0);
    CHECK(cluster.at(5).counters().refutations == 0);
}

TEST_CASE("a host that is lost again and again calls itself unsteady for a while") {
    Cluster cluster({.seed = 11});
    cluster.start_joined(5);
    for (int loss = 0; loss < 2; ++loss) {
        cluster.faults(2).cut_in = cluster.faults(2).cut_out = true;
        REQUIRE(cluster.run_until(base::seconds(20), all_see(cluster, 2, State::down)));
        cluster.run_for(base::seconds(10));
        cluster.faults(2) = {};
        cluster.run_for(base::seconds(10));
    }
    CHECK(cluster.all_see(2, State::unsteady));
    CHECK(cluster.kept(2).flaps == 2);
    for (int const other : {0, 1, 3, 4}) {
        CHECK(cluster.all_see(other, State::alive) == (cluster.view(2, other) == State::alive));
    }
    // What it is like outlives its process.
    cluster.reboot(2);
    cluster.run_for(base::seconds(2));
    CHECK(cluster.all_see(2, State::unsteady));
    CHECK(cluster.run_until(base::seconds(90), [&] { return cluster.converged(); }));
}

TEST_CASE("a member that was thrown out is neither heard nor spoken to until it is let in") {
    Cluster cluster({.seed = 12});
    cluster.start_joined(5);
    cluster.run_for(base::seconds(1));
    for (int const at : {0, 1, 2, 4}) {
        evict(cluster, at, 3);
    }
    CHECK(cluster.all_see(3, State::evicted));
    cluster.run_for(base::milliseconds(100));
    std::size_t sent = 0;
    cluster.on_delivery = [&](Cluster::Delivery const& delivery) {
        sent += delivery.to == 3 ? 1 : 0;
    };
    cluster.run_for(base::seconds(60));
    CHECK(sent == 0);
    CHECK(cluster.all_see(3, State::evicted));
    CHECK(cluster.refused[gossip::Errc::evicted] > 0);
    for (int const at : {0, 1, 2, 4}) {
        cluster.call(at, [](Gossip& gossip, base::Instant now, gossip::Effects& out) {
            gossip.readmit(now, node_id(3), out);
        });
    }
    CHECK(cluster.run_until(base::seconds(10), [&] { return cluster.converged(); }));
}

TEST_CASE("two hosts with one identity are told of, and cause no storm") {
    Cluster cluster({.seed = 13});
    cluster.start_joined(10);
    cluster.run_for(base::seconds(10));
    double const idle = median(gossip_test::measure_rates(cluster, base::seconds(30)).out);
    Cluster::Life copy;
    copy.identity = node_id(4);
    copy.name = "host4";
    cluster.start(10, copy);
    cluster.join(10, {0});
    gossip_test::Rates const rates = gossip_test::measure_rates(cluster, base::seconds(120));
    double const most = *std::ranges::max_element(rates.out);
    CAPTURE(idle, most);
    CHECK(most < 3 * idle);
    for (int const host : {4, 10}) {
        CHECK(std::ranges::any_of(cluster.troubles, [host](Cluster::Noticed const& noticed) {
            return noticed.host == host && noticed.trouble.kind == Trouble::Kind::identity_in_use;
        }));
    }
    CHECK(changes_to(cluster, State::down, all_but(4)) == 0);
}

TEST_CASE("two hosts of one name are two members") {
    Cluster cluster({.seed = 14});
    cluster.start_joined(4);
    Cluster::Life same;
    same.name = "host1";
    cluster.start(4, same);
    cluster.join(4, {2});
    CHECK(cluster.run_until(base::seconds(2), [&] { return cluster.converged(); }));
    cluster.run_for(base::seconds(30));
    CHECK(cluster.converged());
    CHECK(cluster.troubles.empty());
}

TEST_CASE("parameters change while the fleet runs") {
    Cluster cluster({.seed = 15});
    cluster.start_joined(6);
    cluster.run_for(base::seconds(20));
    double const quick = median(gossip_test::measure_rates(cluster, base::seconds(60)).out);
    for (int host = 0; host < 6; ++host) {
        cluster.call(host, [](Gossip& gossip, base::Instant now, gossip::Effects&) {
            gossip::Config wrong = gossip.config();
            wrong.probe_interval = base::milliseconds(1);
            CHECK_FALSE(gossip.set_config(now, wrong));
            CHECK(gossip.config() == gossip::Config{});
            gossip::Config slow;
            slow.probe_interval = base::seconds(2);
            CHECK(gossip.set_config(now, slow));
            CHECK(gossip.config() == slow);
        });
    }
    cluster.run_for(base::seconds(5));
    double const slow = median(gossip_test::measure_rates(cluster, base::seconds(60)).out);
    CAPTURE(quick, slow);
    CHECK(slow < quick / 3);
    CHECK(changes_to(cluster, State::suspect) == 0);
    cluster.kill(5);
    CHECK(cluster.run_until(base::seconds(60), all_see(cluster, 5, State::down)));
}
