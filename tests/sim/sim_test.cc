#include <catch2/catch.hpp>

#include "tests/sim/checkers/containers.h"
#include "tests/sim/checkers/losses.h"
#include "tests/sim/checkers/membership.h"
#include "tests/sim/checkers/suites.h"
#include "tests/sim/scenario.h"
#include "tests/sim/world.h"

using base::milliseconds;
using base::seconds;

namespace {

spec::ServiceSpec web(std::uint32_t replicas) {
    spec::ServiceSpec service;
    service.project = "shop";
    service.name = "web";
    service.image = "busybox";
    service.replicas = replicas;
    service.ports = {{80, 8080, spec::Protocol::tcp}};
    return service;
}

bool soon(sim::World& world, base::Duration limit) {
    bool const held = world.run_until(limit, [&] { return !sim::healed(world); });
    auto const violation = sim::healed(world).value_or(sim::Violation());
    INFO(violation.property << ' ' << violation.text);
    CHECK(held);
    return held;
}

std::size_t running(sim::World const& world) {
    std::size_t count = 0;
    for (auto const& host : world.hosts()) {
        for (auto const& [id, container] : host->containers) {
            count += container.running ? 1U : 0U;
        }
    }
    return count;
}

}  // namespace

TEST_CASE("a fleet boots, deploys and agrees") {
    sim::World world(1, 5);
    world.boot();
    world.apply(3, web(7));
    REQUIRE(soon(world, seconds(10)));
    CHECK(running(world) == 7);
}

TEST_CASE("a lost host's replicas run elsewhere, and only they move") {
    sim::World world(2, 5);
    world.boot();
    world.apply(0, web(10));
    REQUIRE(soon(world, seconds(10)));
    std::set<std::string> before;
    for (std::size_t index = 0; index < 4; ++index) {
        for (auto const& [id, container] : world.hosts()[index]->containers) {
            before.insert(id);
        }
    }
    world.crash_host(4);
    CHECK(world.run_until(seconds(4), [&] { return running(world) == 10; }));
    for (std::size_t index = 0; index < 4; ++index) {
        for (auto const& [id, container] : world.hosts()[index]->containers) {
            before.erase(id);
        }
    }
    CHECK(before.empty());
}

TEST_CASE("hosts that are lost together are one cut and lead to one plan") {
    sim::World world(21, 60);
    world.boot();
    world.apply(0, web(60));
    REQUIRE(soon(world, seconds(30)));
    sim::LostTogether counted(world, 6);
    for (std::size_t index = 10; index < 16; ++index) {
        world.crash_host(index);
    }
    sim::ReplicasRun replaced;
    CHECK(world.run_until(seconds(4), [&] { return !replaced.check(world); }));
    world.run_for(seconds(6));
    INFO(counted.tally(world));
    CHECK(!counted.check(world));
}

TEST_CASE("a job that has ended runs nowhere again, whatever becomes of its host") {
    sim::World world(22, 4);
    world.boot();
    spec::ServiceSpec job = web(1);
    job.name = "job";
    job.ports.clear();
    job.deploy.restart.condition = spec::RestartCondition::none;
    world.apply(0, job);
    REQUIRE(world.run_until(seconds(10), [&] { return running(world) == 1; }));
    world.run_for(seconds(1));
    std::size_t holder = 0;
    while (world.hosts()[holder]->containers.empty()) {
        ++holder;
    }
    std::size_t const other = (holder + 1) % 4;
    world.end_container(holder, world.hosts()[holder]->containers.begin()->first, {.code = 0});
    auto const completed = [&] {
        auto const seen = world.hosts()[other]->agent->instances("shop/job");
        return seen->size() == 1 && seen->front().status == agent::InstanceStatus::completed;
    };
    REQUIRE(world.run_until(seconds(5), completed));

    auto const runs_again = [&] { return running(world) > 0; };
    world.kill_agent(holder);
    world.run_for(milliseconds(400));
    world.start_agent(holder);
    CHECK_FALSE(world.run_until(seconds(10), runs_again));
    world.crash_host(holder);
    CHECK_FALSE(world.run_until(seconds(10), runs_again));
    CHECK(completed());
    world.repair();
    CHECK_FALSE(world.run_until(seconds(20), runs_again));
    CHECK(completed());

    base::NodeId const last = world.hosts()[other]->agent->instances("shop/job")->front().node_id;
    std::size_t leaver = 0;
    while (world.hosts()[leaver]->id != last) {
        ++leaver;
    }
    world.leave(leaver);
    CHECK_FALSE(world.run_until(seconds(20), runs_again));

    job.environment["VERSION"] = "2";
    world.apply((leaver + 1) % 4, job);
    CHECK(world.run_until(seconds(10), runs_again));
}

TEST_CASE("an agent that dies and returns keeps its containers") {
    sim::World world(3, 3);
    world.boot();
    world.apply(0, web(6));
    REQUIRE(soon(world, seconds(10)));
    auto const before = world.hosts()[1]->containers;
    world.kill_agent(1);
    world.run_for(milliseconds(400));
    world.start_agent(1);
    REQUIRE(soon(world, seconds(10)));
    for (auto const& [id, container] : before) {
        CHECK(world.hosts()[1]->containers.contains(id));
    }
}

TEST_CASE("a fleet that lost all power at once finds itself and its services again") {
    sim::World world(4, 5);
    world.boot();
    world.apply(2, web(5));
    REQUIRE(soon(world, seconds(10)));
    for (std::size_t index = 0; index < 5; ++index) {
        world.crash_host(index);
    }
    for (std::size_t index = 5; index-- > 0;) {
        world.start_agent(index);
        world.run_for(milliseconds(300));
    }
    REQUIRE(soon(world, sim::heal_bound(world)));
    CHECK(running(world) == 5);
}

TEST_CASE("both sides of a partition serve, and one copy remains after it") {
    sim::World world(5, 6);
    world.boot();
    world.apply(0, web(6));
    REQUIRE(soon(world, seconds(10)));
    world.partition({3, 4, 5});
    world.run_for(seconds(6));
    CHECK(running(world) == 12);
    world.unite();
    REQUIRE(soon(world, sim::heal_bound(world)));
    CHECK(running(world) == 6);
}

TEST_CASE("a removed service ends everywhere, also where the removal was not heard at once") {
    sim::World world(6, 4);
    world.boot();
    world.apply(0, web(4));
    REQUIRE(soon(world, seconds(10)));
    world.partition({3});
    world.remove(0, "shop/web");
    world.run_for(seconds(5));
    world.unite();
    REQUIRE(soon(world, sim::heal_bound(world)));
    CHECK(running(world) == 0);
}

TEST_CASE("a host that was away starts nothing that was removed meanwhile") {
    sim::World world(9, 4);
    world.boot();
    world.apply(0, web(8));
    REQUIRE(soon(world, seconds(10)));
    world.crash_host(3);
    world.run_for(seconds(3));
    world.remove(0, "shop/web");
    world.run_for(seconds(3));
    world.start_agent(3);
    for (int round = 0; round < 500; ++round) {
        world.run_for(milliseconds(10));
        REQUIRE(world.hosts()[3]->containers.empty());
    }
    REQUIRE(soon(world, seconds(10)));
}

TEST_CASE("a write that was confirmed outlives the disk of the host where it was made") {
    for (std::uint64_t seed = 30; seed < 50; ++seed) {
        CAPTURE(seed);
        sim::World world(seed, 4);
        world.boot();
        REQUIRE(soon(world, seconds(10)));
        world.apply(2, web(3));
        auto const confirmed = [&] {
            auto const& edits = world.ledger().edits().at("service/shop/web");
            return edits.begin()->second.holders.size() == 2;
        };
        while (!confirmed()) {
            world.run_for(milliseconds(1));
        }
        world.destroy_disk(2);
        world.run_for(seconds(2));
        world.start_agent(2);
        REQUIRE(soon(world, sim::heal_bound(world)));
        CHECK_FALSE(sim::nothing_lost().check(world));
        for (auto const& host : world.hosts()) {
            CHECK(host->agent->map().value("service/shop/web") != nullptr);
        }
    }
}

TEST_CASE("a fleet forgets what was removed, and a host that was away does not bring it back") {
    sim::World world(51, 4);
    world.boot();
    world.apply(0, web(4));
    REQUIRE(soon(world, seconds(10)));
    auto const tombstones = [&](std::size_t index) {
        crdt::Map const& map = world.hosts()[index]->agent->map();
        std::size_t live = 0;
        map.each("", [&](crdt::Entry const&) { ++live; });
        return map.size() - live;
    };
    world.crash_host(3);
    world.run_for(seconds(3));
    world.remove(0, "shop/web");
    world.run_for(seconds(60));
    CHECK(tombstones(0) > 0);
    world.start_agent(3);
    REQUIRE(soon(world, sim::heal_bound(world)));
    CHECK(world.run_until(seconds(60), [&] {
        return tombstones(0) + tombstones(1) + tombstones(2) + tombstones(3) == 0;
    }));
    CHECK_FALSE(sim::nothing_lost().check(world));
    CHECK(running(world) == 0);
}

TEST_CASE("a host that left and joins again as the same gets work again") {
    sim::World world(10, 3);
    world.boot();
    world.apply(0, web(3));
    REQUIRE(soon(world, seconds(10)));
    sim::Host& host = *world.hosts()[2];
    world.leave(2);
    REQUIRE(world.run_until(seconds(20), [&] { return host.agent->left(); }));
    world.run_for(seconds(1));
    world.kill_agent(2);
    host.disk = {};
    world.run_for(seconds(3));
    world.start_agent(2);
    REQUIRE(soon(world, sim::heal_bound(world)));
    world.scale(0, "shop/web", 12);
    CHECK(world.run_until(seconds(10), [&] { return !host.containers.empty(); }));
    REQUIRE(soon(world, sim::heal_bound(world)));
}

TEST_CASE("a new revision replaces every replica, never all at once") {
    sim::World world(7, 3);
    world.boot();
    world.apply(0, web(3));
    REQUIRE(soon(world, seconds(10)));
    spec::ServiceSpec next = web(3);
    next.environment["VERSION"] = "2";
    world.apply(1, next);
    std::string const revision = spec::revision(next);
    auto const updated = [&] {
        std::size_t count = 0;
        for (auto const& host : world.hosts()) {
            for (auto const& [id, container] : host->containers) {
                count += container.running && container.assignment.revision == revision ? 1U : 0U;
            }
        }
        return count;
    };
    CHECK(world.run_until(seconds(30), [&] {
        CHECK(running(world) >= 2);
        return updated() == 3;
    }));
    REQUIRE(soon(world, seconds(10)));
}

TEST_CASE("what cannot start on a full disk runs elsewhere, and what serves there stays") {
    sim::World world(9, 4);
    world.boot();
    world.apply(0, web(8));
    REQUIRE(soon(world, seconds(10)));
    sim::Host& host = *world.hosts()[2];
    REQUIRE(host.containers.size() == 2);
    auto const [failing, staying] = [&] {
        return std::pair(host.containers.begin()->first, std::next(host.containers.begin())->first);
    }();
    world.fill_disk(2);
    world.end_container(2, failing, {.code = 1, .signal = 0, .out_of_memory = false});
    // At the first start that fails, not when somebody looks at the disk.
    CHECK(world.run_until(seconds(2), [&] { return running(world) == 8; }));
    world.scale(1, "shop/web", 14);
    CHECK(world.run_until(seconds(5), [&] { return running(world) == 14; }));
    CHECK(host.containers.size() == 1);
    CHECK(host.containers.contains(staying));

    // It is given something again once its disk has worked for a while.
    world.free_disk(2);
    world.run_for(agent::DiskWatch::works_for - seconds(1));
    world.scale(1, "shop/web", 17);
    world.run_for(seconds(2));
    CHECK(host.containers.size() == 1);
    world.run_for(seconds(10));
    world.scale(1, "shop/web", 20);
    CHECK(world.run_until(seconds(5), [&] { return host.containers.size() > 1; }));
    REQUIRE(soon(world, seconds(10)));
}

TEST_CASE("a disk that is full for moments again and again is not counted on") {
    sim::World world(14, 3);
    world.boot();
    world.apply(0, web(1));
    REQUIRE(soon(world, seconds(10)));
    std::size_t const full = world.hosts()[1]->containers.empty() ? 1 : 2;
    for (int round = 0; round < 6; ++round) {
        world.fill_disk(full);
        world.run_for(seconds(6));
        world.free_disk(full);
        world.run_for(seconds(20));
        world.scale(0, "shop/web", round % 2 == 0 ? 6 : 1);
        world.run_for(seconds(2));
        CHECK(world.hosts()[full]->containers.empty());
    }
}

TEST_CASE("no host is called down without a fault") {
    sim::World world(8, 8);
    world.boot();
    world.run_for(seconds(5));
    sim::NoFalseDown never;
    for (int round = 0; round < 600; ++round) {
        world.run_for(seconds(1));
        REQUIRE_FALSE(never.check(world));
    }
}

TEST_CASE("the same settings give the same trace, others another") {
    for (std::uint64_t const seed : {11U, 12U, 13U}) {
        sim::Outcome const once = sim::run_seed({.seed = seed, .hosts = 5});
        sim::Outcome const again = sim::run_seed({.seed = seed, .hosts = 5});
        CHECK(once.trace == again.trace);
        CHECK(once.events == again.events);
        CHECK(once.trace != sim::run_seed({.seed = seed + 100, .hosts = 5}).trace);
    }
}
