#include <algorithm>

#include <catch2/catch.hpp>

#include "tests/unit/agent/fleet.h"

using namespace agent;
using base::seconds;

namespace {

std::size_t tombstones(Fleet& fleet, std::uint8_t by) {
    crdt::Map const& map = fleet.at(by).map();
    std::size_t live = 0;
    map.each("", [&](crdt::Entry const&) { ++live; });
    return map.size() - live;
}

struct Collecting : Fleet {
    explicit Collecting(std::uint8_t size)
        : Fleet(size, [](Config& config) { config.collect_interval = seconds(2); }) {
        run(seconds(3));
    }

    void apply(std::uint8_t by, std::string const& name, std::uint32_t replicas = 1) {
        tell(by, [&](Agent& agent, Effects& out) {
            REQUIRE(agent.apply(now, {service(name, replicas)}, out).has_value());
        });
        run(seconds(2));
    }

    void remove(std::uint8_t by, std::string const& name) {
        tell(by, [&](Agent& agent, Effects& out) {
            REQUIRE(agent.remove(now, name, out).has_value());
        });
        run(seconds(2));
    }

    void evict(std::uint8_t by, std::string const& host, bool undo = false) {
        tell(by, [&](Agent& agent, Effects& out) {
            auto const outcome = undo ? agent.readmit(now, host, out) : agent.evict(now, host, out);
            REQUIRE(outcome.has_value());
        });
    }

    // As `agent state repair` leaves it.
    void mark_repaired(std::uint8_t host) {
        crdt::Batch mark{.entries = {}, .version = disk(host).load()->version, .locals = {}};
        mark.locals[std::string(loss_local)] = base::Bytes();
        REQUIRE(disk(host).write(mark));
    }

    bool knows(std::uint8_t by, std::string const& name) {
        return at(by).map().value(service_entry("shop/" + name)) != nullptr;
    }

    bool collected(std::vector<std::uint8_t> const& hosts) {
        return run_until(seconds(30), [&] {
            return std::ranges::all_of(hosts,
                                       [&](auto host) { return tombstones(*this, host) == 0; });
        });
    }
};

}  // namespace

TEST_CASE("a tombstone goes when all have seen it, from the disk as well") {
    Collecting fleet(3);
    fleet.apply(1, "web");
    fleet.remove(2, "web");
    REQUIRE(fleet.collected({1, 2, 3}));
    for (std::uint8_t host = 1; host <= 3; ++host) {
        CHECK_FALSE(fleet.knows(host, "web"));
        CHECK(std::ranges::none_of(fleet.disk(host).load()->entries,
                                   [](auto const& entry) { return !entry.value; }));
    }
    SECTION("and what is applied anew stands everywhere") {
        fleet.apply(3, "web");
        CHECK((fleet.knows(1, "web") && fleet.knows(2, "web") && fleet.knows(3, "web")));
    }
    SECTION("and it stays away after restarts") {
        fleet.kill(2);
        fleet.start(2);
        fleet.run(seconds(10));
        CHECK_FALSE(fleet.knows(2, "web"));
        CHECK(fleet.at(2).map().digest() == fleet.at(1).map().digest());
    }
}

TEST_CASE("a host that is down is waited for") {
    Collecting fleet(3);
    fleet.apply(1, "web");
    fleet.kill(3);
    fleet.remove(1, "web");
    fleet.run(seconds(60));
    CHECK(tombstones(fleet, 1) > 0);
    CHECK(tombstones(fleet, 2) > 0);
    fleet.start(3);
    CHECK(fleet.collected({1, 2, 3}));
    CHECK_FALSE(fleet.knows(3, "web"));
}

TEST_CASE("a host that was thrown out is not waited for, and brings nothing back") {
    Collecting fleet(3);
    fleet.apply(1, "web");
    fleet.apply(1, "db");
    REQUIRE(fleet.knows(3, "web"));
    fleet.part({3});
    fleet.run(seconds(20));
    fleet.evict(1, "host3");
    fleet.remove(1, "web");
    REQUIRE(fleet.collected({1, 2}));
    CHECK(fleet.at(1).map().value(facts_entry(node(3))) == nullptr);
    // It comes back with what it remembers.
    CHECK(fleet.knows(3, "web"));
    fleet.evict(1, "host3", true);
    fleet.part({});
    REQUIRE(fleet.run_until(seconds(60), [&] { return !fleet.knows(3, "web"); }));
    fleet.run(seconds(20));
    for (std::uint8_t host = 1; host <= 3; ++host) {
        CAPTURE(host);
        CHECK_FALSE(fleet.knows(host, "web"));
        CHECK(fleet.knows(host, "db"));
        CHECK(fleet.at(host).map().digest() == fleet.at(1).map().digest());
        CHECK(fleet.at(host).map().value(facts_entry(node(3))) != nullptr);
    }
}

TEST_CASE("a host that lost its disk and settled alone gets back what it had written") {
    Collecting fleet(3);
    fleet.apply(3, "web");
    fleet.apply(1, "db");
    fleet.kill(3);
    fleet.remove(2, "db");
    fleet.run(seconds(10));
    fleet.kill(1);
    fleet.kill(2);
    fleet.disk(3) = {};
    // It numbers its writes above those that it lost, as if it knew them.
    fleet.start(3);
    fleet.run(seconds(30));
    REQUIRE_FALSE(fleet.knows(3, "web"));
    // Only this one says that it has seen the cut: the floor comes before anything else.
    for (std::uint8_t host = 1; host <= 2; ++host) {
        fleet.configure(host,
                        [](Config& config) { config.collect_interval = base::milliseconds(10); });
        fleet.start(host);
    }
    REQUIRE(fleet.collected({1, 2, 3}));
    REQUIRE(fleet.run_until(seconds(30), [&] { return fleet.knows(3, "web"); }));
    fleet.run(seconds(10));
    for (std::uint8_t host = 1; host <= 3; ++host) {
        CAPTURE(host);
        CHECK(fleet.knows(host, "web"));
        CHECK_FALSE(fleet.knows(host, "db"));
        CHECK(fleet.at(host).map().digest() == fleet.at(1).map().digest());
    }
}

TEST_CASE("a host that loses its disk after it has seen a cut lives through it anew") {
    Collecting fleet(3);
    fleet.apply(1, "web");
    fleet.kill(3);
    fleet.remove(1, "web");
    fleet.run(seconds(20));
    REQUIRE(fleet.at(2).map().value(cut_entry()) != nullptr);
    // The others still hold its word that it has.
    fleet.kill(1);
    fleet.disk(1) = {};
    fleet.start(1);
    fleet.run(seconds(20));
    REQUIRE(fleet.at(1).map().value(seen_entry(node(1))) != nullptr);
    fleet.start(3);
    REQUIRE(fleet.collected({1, 2, 3}));
    fleet.run(seconds(20));
    CHECK(fleet.at(1).map().digest() == fleet.at(2).map().digest());
    CHECK(std::ranges::none_of(fleet.notices(1), [](Notice const& notice) {
        return notice.text.contains("takes the fleet's state anew");
    }));
}

TEST_CASE("a state that was repaired is taken anew from the fleet") {
    Collecting fleet(3);
    fleet.apply(1, "web");
    crdt::Loaded const old = *fleet.disk(3).load();
    fleet.remove(1, "web");
    REQUIRE(fleet.collected({1, 2, 3}));
    fleet.kill(3);
    crdt::Batch batch{.entries = old.entries, .version = old.version, .locals = {}};
    batch.locals.insert(old.locals.begin(), old.locals.end());
    batch.locals[std::string(loss_local)] = base::Bytes();
    REQUIRE(fleet.disk(3).write(batch));
    fleet.start(3);
    fleet.run(seconds(20));
    for (std::uint8_t host = 1; host <= 3; ++host) {
        CHECK_FALSE(fleet.knows(host, "web"));
    }
    CHECK_FALSE(fleet.disk(3).load()->locals.contains(std::string(loss_local)));
}

TEST_CASE("a fleet whose hosts were all repaired keeps what they hold") {
    Collecting fleet(2);
    // Nothing runs, so each could announce itself at once.
    fleet.apply(1, "web", 0);
    for (std::uint8_t host = 1; host <= 2; ++host) {
        fleet.kill(host);
        fleet.mark_repaired(host);
    }
    fleet.start(1);
    fleet.start(2);
    fleet.run(seconds(30));
    CHECK(fleet.knows(1, "web"));
    CHECK(fleet.knows(2, "web"));
}
