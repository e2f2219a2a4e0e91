#include <catch2/catch.hpp>

#include "tests/unit/agent/fleet.h"

using namespace agent;
using base::milliseconds;
using base::seconds;

TEST_CASE("a host that dies alone is one cut and leads to one plan") {
    Fleet fleet(3);
    fleet.run(seconds(5));
    fleet.tell(1, [&](Agent& agent, Effects& out) {
        REQUIRE(agent.apply(fleet.now, {service("web", 3)}, out).has_value());
    });
    fleet.run(seconds(2));
    REQUIRE(fleet.runs(1, "shop/web") == 1);
    REQUIRE(fleet.status(1).cuts == 0);
    fleet.kill(3);
    REQUIRE(fleet.run_until(seconds(20),
                            [&] { return fleet.report(1, 3).status == NodeStatus::down; }));
    fleet.run(milliseconds(50));
    CHECK(fleet.status(1).hosts_lost == 1);
    CHECK(fleet.status(1).cuts == 1);
    CHECK(fleet.status(1).loss_plans == 1);
    REQUIRE(fleet.run_until(seconds(20),
                            [&] { return fleet.report(2, 3).status == NodeStatus::down; }));
    fleet.run(seconds(1));
    CHECK(fleet.runs(1, "shop/web") + fleet.runs(2, "shop/web") == 3);
}
