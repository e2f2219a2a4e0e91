#include <algorithm>
#include <set>

#include <catch2/catch.hpp>

#include "base/text.h"
#include "tests/fleet/test_fleet.h"

// Agents that end while their hosts live: their containers run on, and the others wait for them.

using fleet::Host;
using fleet::wait_until;

namespace {

constexpr auto service = "shop/web";
constexpr std::size_t victim = 1;
// Well within gossip::Config::restart_hold, and many times what a death takes to be known.
constexpr base::Duration watched = base::seconds(5);
constexpr base::Duration settling = base::seconds(1);

bool both_see(TestFleet& fleet, agent::NodeStatus status) {
    return sees(fleet[0], fleet[victim].name(), status) &&
           sees(fleet[2], fleet[victim].name(), status);
}

void check_waited_for(void (Host::*end)()) {
    TestFleet fleet = TestFleet::founded();
    fleet[0].put_file("shop.yaml", web_file(6));
    REQUIRE(fleet.becomes_whole(service, 6));
    auto const before = fleet.ids(service);
    auto const vip = fleet.vip(service);
    REQUIRE_FALSE(fleet[victim].containers().empty());

    fleet::RequestLoop requests(fleet[0].netns(), vip);
    (fleet[victim].*end)();
    REQUIRE(wait_until(patience, [&] { return both_see(fleet, agent::NodeStatus::restarting); }));
    CHECK_FALSE(wait_until(watched, [&] {
        return !both_see(fleet, agent::NodeStatus::restarting) || fleet.ids(service) != before;
    }));
    CHECK(answering_names(fleet[2].netns(), vip, 60).size() == 6);

    fleet[victim].start_agent();
    REQUIRE(wait_until(patience, [&] { return both_see(fleet, agent::NodeStatus::alive); }));
    REQUIRE(fleet.agrees_on(3));
    CHECK(fleet.becomes_whole(service, 6));
    CHECK(fleet.ids(service) == before);
    CHECK(std::ranges::all_of(requests.stop(),
                              [](fleet::Request const& request) { return request.answer.ok(); }));
}

}  // namespace

TEST_CASE("an agent that is killed is waited for, and its containers serve") {
    if (can_make_fleets()) {
        check_waited_for(&Host::kill_agent);
    }
}

TEST_CASE("an agent that is stopped is waited for, and its containers serve") {
    if (can_make_fleets()) {
        check_waited_for(&Host::stop_agent);
    }
}

TEST_CASE("an agent that does not come back is replaced, and what it ran ends on its return") {
    if (!can_make_fleets()) {
        return;
    }
    TestFleet fleet = TestFleet::founded();
    fleet[0].put_file("shop.yaml", web_file(6));
    REQUIRE(fleet.becomes_whole(service, 6));
    fleet[victim].kill_agent();
    REQUIRE(wait_until(patience, [&] { return both_see(fleet, agent::NodeStatus::restarting); }));
    REQUIRE(wait_until(patience, [&] { return both_see(fleet, agent::NodeStatus::down); }));
    REQUIRE(wait_until(patience, [&] {
        auto const instances = fleet[0].instances(service);
        return std::ranges::count_if(instances, [&](agent::InstanceReport const& one) {
                   return one.status == agent::InstanceStatus::healthy &&
                          one.node != fleet[victim].name();
               }) == 6;
    }));
    fleet[victim].start_agent();
    REQUIRE(fleet.agrees_on(3));
    CHECK(fleet.becomes_whole(service, 6));
}

TEST_CASE("nothing is started elsewhere for an agent that is killed and started at once") {
    if (!can_make_fleets()) {
        return;
    }
    TestFleet fleet = TestFleet::founded();
    fleet[0].put_file("shop.yaml", web_file(6));
    REQUIRE(fleet.becomes_whole(service, 6));
    auto const everywhere = [&] {
        std::set<std::string> found;
        for (std::size_t index = 0; index < fleet->size(); ++index) {
            for (std::string const& id : fleet[index].containers()) {
                found.insert(base::concat(fleet[index].name(), " ", id));
            }
        }
        return found;
    };
    std::set<std::string> const before = everywhere();
    for (int round = 0; round < 10; ++round) {
        INFO("round " << round);
        std::size_t const killed = static_cast<std::size_t>(round) % fleet->size();
        fleet[killed].kill_agent();
        fleet[killed].start_agent();
        std::set<std::string> seen = before;
        (void)wait_until(settling, [&] {
            seen = everywhere();
            return seen != before;
        });
        REQUIRE(seen == before);
    }
    CHECK(fleet.agrees_on(3));
    CHECK(fleet.becomes_whole(service, 6));
}
