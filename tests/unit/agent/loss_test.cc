#include <algorithm>

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

TEST_CASE("a host that is cut off runs each service once, and all of it when that lasts") {
    Fleet fleet(3);
    fleet.run(seconds(5));
    fleet.tell(1, [&](Agent& agent, Effects& out) {
        REQUIRE(agent.apply(fleet.now, {service("web", 6), service("db", 1)}, out).has_value());
    });
    fleet.run(seconds(2));
    REQUIRE(fleet.runs(3, "shop/web") == 2);
    fleet.part({3});
    REQUIRE(fleet.run_until(seconds(30), [&] {
        return fleet.report(3, 1).status == NodeStatus::down &&
               fleet.report(3, 2).status == NodeStatus::down;
    }));
    fleet.run(seconds(1));
    CHECK(fleet.runs(3, "shop/web") <= 4);
    CHECK(fleet.runs(3, "shop/db") == 1);
    std::vector<std::string> const problems = fleet.status(3).problems;
    REQUIRE_FALSE(problems.empty());
    CHECK_THAT(problems.front(), Catch::StartsWith("sees 1 of 3 hosts: keeps what it runs, "));
    std::vector<InstanceReport> const web = *fleet.at(3).instances("web");
    CHECK(std::ranges::count(web, InstanceStatus::pending, &InstanceReport::status) >= 2);
    // The greater part has the full set at once.
    CHECK(fleet.runs(1, "shop/web") + fleet.runs(2, "shop/web") == 6);
    CHECK(fleet.status(1).problems.empty());

    fleet.run(seconds(30));
    CHECK(fleet.runs(3, "shop/web") == 6);
    CHECK(fleet.status(3).problems.empty());
}

TEST_CASE("of two hosts each goes on with everything") {
    Fleet fleet(2);
    fleet.run(seconds(5));
    fleet.tell(1, [&](Agent& agent, Effects& out) {
        REQUIRE(agent.apply(fleet.now, {service("web", 4)}, out).has_value());
    });
    fleet.run(seconds(2));
    fleet.part({2});
    REQUIRE(fleet.run_until(seconds(30), [&] {
        return fleet.report(1, 2).status == NodeStatus::down &&
               fleet.report(2, 1).status == NodeStatus::down;
    }));
    fleet.run(seconds(1));
    CHECK(fleet.runs(1, "shop/web") == 4);
    CHECK(fleet.runs(2, "shop/web") == 4);
}

TEST_CASE("how long a loss must last can be changed while the agent is braked") {
    Fleet fleet(5);
    fleet.run(seconds(5));
    fleet.part({1, 2});
    auto const braked = [&] {
        return std::ranges::any_of(fleet.status(1).problems, [](std::string const& problem) {
            return problem.starts_with("sees 2 of 5 hosts");
        });
    };
    REQUIRE(fleet.run_until(seconds(10), braked));
    Settings settings = fleet.at(1).settings();
    CHECK(settings.mass_loss_hold == seconds(30));
    auto const set = [&](base::Duration hold) {
        settings.mass_loss_hold = hold;
        bool fine = false;
        fleet.tell(1, [&](Agent& agent, Effects& out) {
            fine = agent.set_settings(fleet.now, settings, out).has_value();
        });
        return fine;
    };
    CHECK_FALSE(set(seconds(3601)));
    CHECK(fleet.at(1).settings().mass_loss_hold == seconds(30));
    CHECK(set(seconds(6)));
    CHECK(fleet.run_until(seconds(7), [&] { return !braked(); }));
}
