#include "agent/disk.h"

#include <algorithm>

#include <catch2/catch.hpp>

#include "tests/unit/agent/fleet.h"

using namespace agent;
using base::seconds;

TEST_CASE("a disk that was full must have worked for a while") {
    DiskWatch disk;
    base::Instant now{seconds(1000)};
    CHECK_FALSE(disk.on_state(now, DiskState::works));
    CHECK(disk.accepts());
    CHECK(disk.on_state(now, DiskState::full));
    CHECK_FALSE(disk.on_state(now, DiskState::full));
    CHECK_FALSE(disk.accepts());
    CHECK_FALSE(disk.on_state(now += seconds(60), DiskState::works));
    CHECK_FALSE(disk.on_state(now += seconds(29), DiskState::works));
    // Full again: the time begins anew, at the first good news.
    CHECK_FALSE(disk.on_state(now, DiskState::full));
    CHECK_FALSE(disk.on_state(now += seconds(5), DiskState::works));
    CHECK_FALSE(disk.on_state(now += seconds(29), DiskState::works));
    CHECK(disk.on_state(now += seconds(1), DiskState::works));
    CHECK(disk.accepts());
}

namespace {

void find(Fleet& fleet, std::uint8_t number, DiskState state) {
    fleet.tell(number, [&](Agent& agent, Effects& out) { agent.on_disk(fleet.now, state, out); });
    fleet.run(base::milliseconds(200));
}

void want(Fleet& fleet, std::uint32_t replicas) {
    fleet.tell(1, [&](Agent& agent, Effects& out) {
        REQUIRE(agent.apply(fleet.now, {service("web", replicas)}, out).has_value());
    });
    fleet.run(seconds(1));
}

}  // namespace

TEST_CASE("a host whose disk is full says so, keeps what serves, and is given nothing") {
    Fleet fleet(3);
    fleet.run(seconds(5));
    want(fleet, 3);
    REQUIRE(fleet.runs(3, "shop/web") == 1);
    find(fleet, 3, DiskState::full);
    CHECK(fleet.report(1, 3).disk_full);
    CHECK_FALSE(fleet.report(3, 1).disk_full);
    for (std::uint8_t number = 1; number <= 3; ++number) {
        CHECK(std::ranges::count(fleet.status(number).problems,
                                 "disk full, or takes no writes, on host3: nothing new is placed "
                                 "there; make room") == 1);
    }
    want(fleet, 9);
    CHECK(fleet.runs(3, "shop/web") == 1);
    CHECK(fleet.runs(1, "shop/web") + fleet.runs(2, "shop/web") == 8);
    // One look after another, until it has worked for long enough.
    for (int look = 0; look <= 6; ++look) {
        CHECK(fleet.report(1, 3).disk_full);
        find(fleet, 3, DiskState::works);
        fleet.run(seconds(5));
    }
    CHECK_FALSE(fleet.report(1, 3).disk_full);
    CHECK(fleet.status(1).problems.empty());
    want(fleet, 12);
    CHECK(fleet.runs(3, "shop/web") == 4);
}

TEST_CASE("of many full disks a few are named") {
    Fleet fleet(10);
    fleet.run(seconds(8));
    for (std::uint8_t number = 1; number <= 10; ++number) {
        find(fleet, number, DiskState::full);
    }
    auto const problems = fleet.status(1).problems;
    REQUIRE(problems.size() == 1);
    CHECK_THAT(problems.front(), Catch::Contains("host1, host10, host2, host3, host4, host5, "
                                                 "host6, host7 and 2 more: nothing new"));
}
