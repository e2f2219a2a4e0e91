#include <algorithm>

#include <catch2/catch.hpp>

#include "crdt/codec.h"
#include "crdt/map.h"
#include "tests/unit/agent/fleet.h"

using namespace agent;
using base::seconds;

namespace {

Outcome<Accepted> evict(Fleet& fleet, std::uint8_t by, std::string_view host) {
    Outcome<Accepted> outcome;
    fleet.tell(by,
               [&](Agent& agent, Effects& out) { outcome = agent.evict(fleet.now, host, out); });
    return outcome;
}

Outcome<Accepted> readmit(Fleet& fleet, std::uint8_t by, std::string_view host) {
    Outcome<Accepted> outcome;
    fleet.tell(by,
               [&](Agent& agent, Effects& out) { outcome = agent.readmit(fleet.now, host, out); });
    return outcome;
}

struct Running : Fleet {
    Running() : Fleet(3) {
        run(seconds(5));
        tell(1, [&](Agent& agent, Effects& out) {
            REQUIRE(agent.apply(now, {service("web", 3)}, out).has_value());
        });
        run(seconds(2));
        REQUIRE(runs(3, "shop/web") == 1);
    }
};

}  // namespace

TEST_CASE("an evicted host is heard by nobody, and stops what it runs") {
    Running fleet;
    auto const accepted = evict(fleet, 1, "host3");
    REQUIRE(accepted);
    CHECK(accepted->sequence != 0);
    CHECK(accepted->changed == std::vector<std::string>{"host3 (03030303)"});
    fleet.run(seconds(3));
    CHECK(fleet.report(1, 3).status == NodeStatus::evicted);
    CHECK(fleet.report(2, 3).status == NodeStatus::evicted);
    CHECK_FALSE(fleet.report(2, 3).current);
    CHECK(fleet.runs(1, "shop/web") + fleet.runs(2, "shop/web") == 3);
    CHECK(fleet.runs(3, "shop/web") == 0);
    REQUIRE_FALSE(fleet.status(3).problems.empty());
    CHECK_THAT(fleet.status(3).problems.front(), Catch::StartsWith("this host was evicted"));
    // What it says changes nothing.
    fleet.tell(3, [&](Agent& agent, Effects& out) {
        REQUIRE(agent.apply(fleet.now, {service("own")}, out).has_value());
    });
    crdt::Map other(node(3), 100);
    auto const entry = other.put(service_entry("shop/own"), spec::encode(service("own")));
    base::Bytes message = crdt::encode(**entry);
    message.insert(message.begin(), std::byte{3});
    fleet.tell(1, [&](Agent& agent, Effects& out) {
        agent.on_message(fleet.now, node(3), Fleet::config_of(3).address, gossip::Channel::stream,
                         message, out);
    });
    fleet.run(seconds(20));
    CHECK(fleet.at(1).map().value(service_entry("shop/own")) == nullptr);
    CHECK(fleet.status(1).cuts == 0);
}

TEST_CASE("an eviction outlasts a restart, and one that is undone brings the host back") {
    Running fleet;
    REQUIRE(evict(fleet, 1, to_string(node(3)).substr(0, 5)).has_value());
    fleet.run(seconds(3));
    fleet.kill(2);
    fleet.start(2);
    fleet.kill(3);
    fleet.start(3);
    fleet.run(seconds(5));
    CHECK(fleet.report(2, 3).status == NodeStatus::evicted);
    CHECK(fleet.runs(3, "shop/web") == 0);

    auto const accepted = readmit(fleet, 2, "host3");
    REQUIRE(accepted);
    CHECK(accepted->changed.size() == 1);
    REQUIRE(fleet.run_until(seconds(30), [&] {
        return fleet.report(1, 3).status == NodeStatus::alive && fleet.report(1, 3).current &&
               fleet.report(2, 3).status == NodeStatus::alive &&
               fleet.report(3, 1).status == NodeStatus::alive;
    }));
    fleet.run(seconds(5));
    CHECK(fleet.status(3).problems.empty());
}

TEST_CASE("a host evicted while its agent was away is told when it returns") {
    Running fleet;
    fleet.kill(3);
    fleet.run(seconds(5));
    REQUIRE(evict(fleet, 1, "host3").has_value());
    fleet.run(seconds(1));
    auto const starts = fleet.starts(3);
    fleet.start(3);
    fleet.run(seconds(1));
    REQUIRE_FALSE(fleet.status(3).problems.empty());
    CHECK_THAT(fleet.status(3).problems.front(), Catch::StartsWith("this host was evicted"));
    fleet.run(seconds(60));
    CHECK(fleet.starts(3) == starts);
    CHECK(fleet.report(1, 3).status == NodeStatus::evicted);
}

TEST_CASE("a host evicted behind a broken link is told when the link is mended") {
    Running fleet;
    fleet.part({3});
    fleet.run(seconds(5));
    REQUIRE(evict(fleet, 1, "host3").has_value());
    fleet.run(seconds(40));
    REQUIRE(fleet.runs(3, "shop/web") == 3);
    fleet.part({});
    REQUIRE(fleet.run_until(seconds(5), [&] { return fleet.runs(3, "shop/web") == 0; }));
    CHECK_THAT(fleet.status(3).problems.front(), Catch::StartsWith("this host was evicted"));
}

TEST_CASE("an evicted host that goes on speaking is answered once in a while") {
    Running fleet;
    REQUIRE(evict(fleet, 1, "host3").has_value());
    fleet.run(seconds(10));
    int answers = 0;
    for (int said = 0; said < 1000; ++said) {
        Effects out;
        fleet.at(1).on_message(fleet.now, node(3), Fleet::config_of(3).address,
                               gossip::Channel::datagram, base::to_bytes("\x01"), out);
        answers += static_cast<int>(out.sends.size());
    }
    CHECK(answers <= 1);
}

TEST_CASE("an evicted host has no say, and its own evictions do not act when it is taken back") {
    Running fleet;
    fleet.part({3});
    REQUIRE(fleet.run_until(seconds(10), [&] {
        return fleet.report(1, 3).status == NodeStatus::down &&
               fleet.report(3, 1).status == NodeStatus::down;
    }));
    REQUIRE(evict(fleet, 1, "host3").has_value());
    REQUIRE(evict(fleet, 3, "host1").has_value());  // it does not know yet
    fleet.run(seconds(2));
    fleet.part({});
    REQUIRE(fleet.run_until(seconds(20), [&] {
        return !fleet.status(3).problems.empty() &&
               fleet.report(3, 1).status != NodeStatus::evicted;
    }));
    CHECK_THAT(evict(fleet, 3, "host1").error().text, Catch::StartsWith("this host was evicted"));
    CHECK_THAT(readmit(fleet, 3, "host3").error().text, Catch::StartsWith("this host was evicted"));
    REQUIRE(readmit(fleet, 2, "host3").has_value());
    REQUIRE(fleet.run_until(seconds(30), [&] {
        return fleet.report(1, 3).status == NodeStatus::alive &&
               fleet.report(3, 1).status == NodeStatus::alive;
    }));
    fleet.run(seconds(20));
    CHECK(fleet.report(2, 1).status == NodeStatus::alive);
    CHECK(fleet.report(1, 2).status == NodeStatus::alive);
}

TEST_CASE("what an evicted host wished before that stays") {
    Running fleet;
    fleet.kill(2);
    REQUIRE(evict(fleet, 3, "host2").has_value());
    fleet.run(seconds(3));
    REQUIRE(fleet.report(1, 2).status == NodeStatus::evicted);
    REQUIRE(evict(fleet, 1, "host3").has_value());
    fleet.run(seconds(20));
    REQUIRE(readmit(fleet, 1, "host3").has_value());
    fleet.run(seconds(20));
    CHECK(fleet.report(1, 3).status == NodeStatus::alive);
    CHECK(fleet.report(1, 2).status == NodeStatus::evicted);
    CHECK(fleet.report(3, 2).status == NodeStatus::evicted);
}

TEST_CASE("an eviction names one other host that is known") {
    Running fleet;
    CHECK_THAT(evict(fleet, 1, "host1").error().text, Catch::Contains("cannot evict itself"));
    CHECK(evict(fleet, 1, "host7").error().text ==
          "there is no host host7: there are host1 (01010101), host2 (02020202), host3 (03030303)");
    CHECK_THAT(evict(fleet, 1, "0").error().text,
               Catch::StartsWith("0 may be any of host1 (01010101), host2"));
    CHECK_FALSE(evict(fleet, 1, "").has_value());
    REQUIRE(evict(fleet, 1, "host2").has_value());
    CHECK(evict(fleet, 1, "host2")->changed.empty());
    CHECK(readmit(fleet, 1, "host3")->changed.empty());
}
