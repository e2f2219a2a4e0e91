#include "agent/brake.h"

#include <catch2/catch.hpp>

#include "agent/planner.h"
#include "tests/unit/agent/support.h"

using namespace agent;
using base::seconds;
using Life = gossip::State;

namespace {

constexpr base::Duration hold = seconds(30);

struct Fleet {
    Members members;
    base::Instant now{seconds(1000)};

    void add(Life state, base::Duration ago = {}) {
        base::NodeId const id = node(static_cast<std::uint8_t>(members.size() + 1));
        members[id].id = id;
        members[id].state = state;
        members[id].since = now - ago;
    }

    [[nodiscard]] Sight sight(Doubts const& doubts = {}) const {
        return look(members, doubts, now, hold);
    }
};

std::vector<std::uint32_t> slots(std::vector<placement::Assignment> const& assignments,
                                 std::string const& service) {
    std::vector<std::uint32_t> out;
    for (placement::Assignment const& each : assignments) {
        if (each.service == service) {
            out.push_back(each.slot);
        }
    }
    return out;
}

using Slots = std::vector<std::uint32_t>;

}  // namespace

TEST_CASE("who sees half of the fleet goes on, who sees less is braked") {
    Fleet fleet;
    fleet.add(Life::alive);
    CHECK_FALSE(fleet.sight().braked());
    fleet.add(Life::down);
    CHECK_FALSE(fleet.sight().braked());
    fleet.add(Life::down);
    CHECK(fleet.sight().braked());
    CHECK(fleet.sight().seen == 1);
    CHECK(fleet.sight().roster == 3);
    // Counted while its cut is under way.
    CHECK_FALSE(fleet.sight({.in_cut = {node(3)}, .unsteady = {}, .catching_up = {}}).braked());
    fleet.add(Life::suspect);
    CHECK_FALSE(fleet.sight().braked());
}

TEST_CASE("who left or was evicted is no part of the fleet; whoever lives in any way is seen") {
    Fleet fleet;
    fleet.add(Life::alive);
    for (Life const state : {Life::left, Life::evicted, Life::left}) {
        fleet.add(state);
    }
    CHECK(fleet.sight().roster == 1);
    for (Life const state : {Life::suspect, Life::unsteady, Life::restarting, Life::leaving}) {
        fleet.add(state);
    }
    CHECK(fleet.sight().seen == 5);
    CHECK(fleet.sight().roster == 5);
}

TEST_CASE("a loss that lasts is taken as it is") {
    Fleet fleet;
    fleet.add(Life::alive);
    fleet.add(Life::down, seconds(600));
    fleet.add(Life::down, seconds(29));
    fleet.add(Life::down, seconds(10));
    fleet.add(Life::down, seconds(3));
    REQUIRE(fleet.sight().roster == 4);
    REQUIRE(fleet.sight().braked());
    // With the first two of three gone it sees one of two.
    base::Instant const end = fleet.sight().full_again;
    CHECK(end == fleet.now + seconds(20));
    fleet.now = end - base::nanoseconds(1);
    CHECK(fleet.sight().braked());
    fleet.now = end;
    CHECK_FALSE(fleet.sight().braked());
}

TEST_CASE("a braked side keeps what it holds and starts at most one of what it sees nowhere") {
    State state;
    Roster roster;
    join(state, roster, node(1));
    join(state, roster, node(2));
    join(state, roster, node(3));
    spec::ServiceSpec const web = service("web", 4);
    spec::ServiceSpec const lost = service("lost", 3);
    spec::ServiceSpec everywhere = service("everywhere");
    everywhere.mode = spec::Mode::global;
    for (spec::ServiceSpec const& each : {web, lost, everywhere}) {
        put(state, each);
    }
    put(state, node(1), record(web, 2, runtime::Phase::healthy));
    put(state, node(2), record(web, 3, runtime::Phase::starting));
    // Of a host that is down.
    put(state, node(9), record(web, 1, runtime::Phase::healthy));
    put(state, node(9), record(lost, 1, runtime::Phase::healthy));
    placement::Plan plan = make_plan(state, roster);
    REQUIRE(plan.assignments.size() == 10);

    auto const back = hold_back(plan, state, roster);
    CHECK(slots(plan.assignments, "shop/web") == Slots{2, 3});
    CHECK(slots(plan.assignments, "shop/lost") == Slots{1});
    CHECK(slots(plan.assignments, "shop/everywhere").size() == 3);
    CHECK(slots(back, "shop/web") == Slots{1, 4});
    CHECK(slots(back, "shop/lost") == Slots{2, 3});
    CHECK(std::ranges::is_sorted(plan.assignments));
}

TEST_CASE("a braked side still hands over what a host that leaves holds") {
    State state;
    Roster roster;
    join(state, roster, node(1));
    join(state, roster, node(2));
    put(state, service("web"));
    put(state, node(1), record(service("web"), 1, runtime::Phase::healthy));
    roster[node(1)].duty = Duty::hands_over;
    placement::Plan plan = make_plan(state, roster);
    CHECK(hold_back(plan, state, roster).empty());
    REQUIRE(plan.assignments.size() == 1);
    CHECK(plan.assignments[0].node == node(2));
}
