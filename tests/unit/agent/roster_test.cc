#include "agent/roster.h"

#include <catch2/catch.hpp>

#include "tests/unit/agent/support.h"

using namespace agent;
using Life = gossip::State;

namespace {

struct Fleet {
    Members members;
    agent::State state;
    crdt::VersionVector version;

    void add(std::uint8_t number, Life is) {
        Roster unused;
        join(state, unused, node(number));
        gossip::Member& member = members[node(number)];
        member.id = node(number);
        member.state = is;
        member.meta = encode(MemberMeta{0});
    }

    [[nodiscard]] Roster roster(Doubts const& doubts = {}) const {
        return live_nodes(members, version, state, doubts);
    }
};

}  // namespace

TEST_CASE("what a member says of itself decides what it is given to do") {
    struct Row {
        Life state;
        std::optional<Duty> duty;
        bool suspect;
    };

    auto const row = GENERATE(values<Row>({{Life::alive, Duty::full, false},
                                           {Life::suspect, Duty::full, true},
                                           {Life::unsteady, Duty::spare, false},
                                           {Life::restarting, Duty::keeps, false},
                                           {Life::leaving, Duty::hands_over, false},
                                           {Life::down, std::nullopt, false},
                                           {Life::left, std::nullopt, false},
                                           {Life::evicted, std::nullopt, false}}));
    Fleet fleet;
    fleet.add(1, Life::alive);
    fleet.add(2, row.state);
    Roster const roster = fleet.roster();
    REQUIRE(roster.contains(node(2)) == row.duty.has_value());
    if (row.duty) {
        CHECK(roster.at(node(2)).duty == *row.duty);
        CHECK(roster.at(node(2)).suspect == row.suspect);
    }
}

TEST_CASE("unsteady hosts have full duty while no steady one could take anything") {
    Fleet fleet;
    fleet.add(1, Life::unsteady);
    fleet.add(2, Life::unsteady);
    fleet.add(3, Life::restarting);
    fleet.add(4, Life::leaving);
    Roster const roster = fleet.roster();
    CHECK(roster.at(node(1)).duty == Duty::full);
    CHECK(roster.at(node(2)).duty == Duty::full);
    CHECK(roster.at(node(3)).duty == Duty::keeps);
    CHECK(roster.at(node(4)).duty == Duty::hands_over);
}

TEST_CASE("a member whose records are on their way counts if it is said to catch up") {
    Fleet fleet;
    fleet.add(1, Life::alive);
    fleet.add(2, Life::alive);
    fleet.members[node(2)].meta = encode(MemberMeta{7});
    CHECK_FALSE(fleet.roster().contains(node(2)));
    Doubts doubts;
    doubts.catching_up = {node(2)};
    CHECK(fleet.roster(doubts).contains(node(2)));
    fleet.members[node(2)].state = Life::down;
    CHECK_FALSE(fleet.roster(doubts).contains(node(2)));
}

TEST_CASE("an unsteady host that is suspected stays a spare one") {
    Fleet fleet;
    fleet.add(1, Life::alive);
    fleet.add(2, Life::suspect);
    CHECK(fleet.roster({.in_cut = {}, .unsteady = {node(2)}, .catching_up = {}}).at(node(2)).duty ==
          Duty::spare);
    fleet.members[node(2)].state = Life::alive;
    CHECK(fleet.roster({.in_cut = {}, .unsteady = {node(2)}, .catching_up = {}}).at(node(2)).duty ==
          Duty::full);
}

TEST_CASE("a host that went down in a cut under way counts, and is doubted") {
    Fleet fleet;
    fleet.add(1, Life::alive);
    fleet.add(2, Life::down);
    fleet.add(3, Life::down);
    Roster const roster = fleet.roster({.in_cut = {node(2)}, .unsteady = {}, .catching_up = {}});
    REQUIRE(roster.size() == 2);
    CHECK(roster.at(node(2)).suspect);
}

TEST_CASE("a member without facts or without present records takes no part") {
    Fleet fleet;
    fleet.add(1, Life::alive);
    fleet.add(2, Life::alive);
    fleet.add(3, Life::alive);
    fleet.state.update(facts_entry(node(2)), nullptr);
    fleet.members[node(3)].meta = encode(MemberMeta{7});
    CHECK(fleet.roster().size() == 1);
}
