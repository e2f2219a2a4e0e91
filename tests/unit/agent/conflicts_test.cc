#include <catch2/catch.hpp>

#include "tests/unit/agent/fleet.h"

using namespace agent;
using base::seconds;

namespace {

spec::ServiceSpec of_image(std::string const& image) {
    spec::ServiceSpec web = service("web");
    web.image = image;
    return web;
}

void apply(Fleet& fleet, std::uint8_t by, std::string const& image) {
    fleet.tell(by, [&](Agent& agent, Effects& out) {
        REQUIRE(agent.apply(fleet.now, {of_image(image)}, out).has_value());
    });
}

Outcome<Accepted> settle(Fleet& fleet, std::uint8_t by, std::string const& id, Settling how) {
    Outcome<Accepted> outcome;
    fleet.tell(by, [&](Agent& agent, Effects& out) {
        outcome = agent.settle_conflict(fleet.now, id, how, out);
    });
    return outcome;
}

std::string image(Fleet& fleet, std::uint8_t by) {
    base::Bytes const* const value = fleet.at(by).map().value(service_entry("shop/web"));
    return value != nullptr ? spec::decode(*value)->image : "(none)";
}

bool all_run(Fleet& fleet, std::string const& wanted) {
    return fleet.run_until(seconds(20), [&] {
        return image(fleet, 1) == wanted && image(fleet, 2) == wanted && image(fleet, 3) == wanted;
    });
}

// Two edits that did not see each other, then the fleet is one again.
void quarrel(Fleet& fleet) {
    fleet.run(seconds(3));
    apply(fleet, 1, "first");
    REQUIRE(all_run(fleet, "first"));
    fleet.part({3});
    apply(fleet, 1, "one");
    apply(fleet, 3, "three");
    fleet.run(seconds(2));
    fleet.part({});
    REQUIRE(fleet.run_until(seconds(30), [&] {
        return !fleet.at(1).conflicts().empty() && !fleet.at(3).conflicts().empty();
    }));
    fleet.run(seconds(3));
}

}  // namespace

TEST_CASE("both sides of a conflict say the same of it") {
    Fleet fleet(3);
    quarrel(fleet);
    REQUIRE(fleet.at(1).conflicts().size() == 1);
    ConflictReport const seen = fleet.at(1).conflicts()[0];
    CHECK(seen.key == "service/shop/web");
    CHECK(seen.kept.find("image three, 1 replicas") == 0);
    CHECK(seen.kept_by.find("host3 (") == 0);
    CHECK(seen.lost.find("image one") == 0);
    CHECK(seen.lost_by.find("host1 (") == 0);
    CHECK(seen.current);
    CHECK(fleet.at(3).conflicts()[0].id == seen.id);
    CHECK(fleet.status(1).conflicts == 1);
}

TEST_CASE("a restored edit stands everywhere, and the conflict is over everywhere") {
    Fleet fleet(3);
    quarrel(fleet);
    std::string const id = fleet.at(3).conflicts()[0].id;
    auto const restored = settle(fleet, 3, id.substr(0, 8), Settling::restore);
    REQUIRE(restored.has_value());
    CHECK(restored->entries == std::vector<std::string>{"service/shop/web"});
    CHECK(restored->sequence != 0);
    CHECK(all_run(fleet, "one"));
    for (std::uint8_t number = 1; number <= 3; ++number) {
        CHECK(fleet.at(number).conflicts().empty());
    }
}

TEST_CASE("a dismissed conflict is off the list, also after a restart, and changes nothing") {
    Fleet fleet(3);
    quarrel(fleet);
    std::string const id = fleet.at(1).conflicts()[0].id;
    fleet.kill(1);
    fleet.start(1);
    fleet.run(seconds(3));
    REQUIRE(fleet.at(1).conflicts().size() == 1);
    CHECK(fleet.at(1).conflicts()[0].id == id);
    CHECK(settle(fleet, 1, id, Settling::dismiss).has_value());
    CHECK(fleet.at(1).conflicts().empty());
    fleet.kill(1);
    fleet.start(1);
    fleet.run(seconds(3));
    CHECK(fleet.at(1).conflicts().empty());
    CHECK(image(fleet, 1) == "three");
}

TEST_CASE("a conflict that is older than the current edit says so, and can still be restored") {
    Fleet fleet(3);
    quarrel(fleet);
    apply(fleet, 2, "later");
    REQUIRE(all_run(fleet, "later"));
    ConflictReport const seen = fleet.at(1).conflicts().at(0);
    CHECK_FALSE(seen.current);
    REQUIRE(settle(fleet, 1, seen.id, Settling::restore).has_value());
    CHECK(all_run(fleet, "one"));
}

TEST_CASE("a removal that lost is restored as a removal") {
    Fleet fleet(3);
    fleet.run(seconds(3));
    apply(fleet, 1, "first");
    REQUIRE(all_run(fleet, "first"));
    fleet.part({3});
    fleet.tell(1, [&](Agent& agent, Effects& out) {
        REQUIRE(agent.remove(fleet.now, "web", out).has_value());
    });
    apply(fleet, 3, "three");
    fleet.run(seconds(2));
    fleet.part({});
    REQUIRE(fleet.run_until(seconds(30), [&] { return !fleet.at(1).conflicts().empty(); }));
    CHECK(fleet.at(1).conflicts()[0].lost == "removed");
    REQUIRE(settle(fleet, 1, fleet.at(1).conflicts()[0].id, Settling::restore).has_value());
    CHECK(all_run(fleet, "(none)"));
}

TEST_CASE("an id that means none or several is refused with what to do") {
    Fleet fleet(3);
    quarrel(fleet);
    for (char const* const id : {"", "0", "ffffffffffffffff", "nonsense"}) {
        auto const outcome = settle(fleet, 1, id, Settling::dismiss);
        REQUIRE_FALSE(outcome.has_value());
        CHECK(outcome.error().text.find("`agent conflicts`") != std::string::npos);
    }
    CHECK(fleet.at(1).conflicts().size() == 1);
}
