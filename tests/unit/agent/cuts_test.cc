#include "agent/cuts.h"

#include <catch2/catch.hpp>

#include "tests/unit/agent/support.h"

using namespace agent;
using base::milliseconds;
using base::seconds;
using Life = gossip::State;

namespace {

struct Fleet {
    Members members;
    Cuts cuts;
    base::Instant now{seconds(100)};

    explicit Fleet(std::uint8_t size) {
        for (std::uint8_t number = 1; number <= size; ++number) {
            members[node(number)].id = node(number);
        }
    }

    bool become(std::uint8_t number, Life state, std::uint32_t accusers = 0) {
        gossip::Member& member = members[node(number)];
        gossip::Change const change{node(number), member.state, state};
        member.since = member.state == state ? member.since : now;
        member.state = state;
        member.accusers = accusers;
        return cuts.update(now, std::span(&change, 1), members,
                           {seconds(1), seconds(6), milliseconds(400)});
    }

    [[nodiscard]] bool counts(std::uint8_t number) const {
        return cuts.doubts().in_cut.contains(node(number));
    }
};

}  // namespace

TEST_CASE("a host that goes down alone counts no more at once") {
    Fleet fleet(5);
    CHECK_FALSE(fleet.become(2, Life::suspect, 3));
    CHECK(fleet.become(2, Life::down));
    CHECK_FALSE(fleet.counts(2));
    CHECK(fleet.cuts.count() == 1);
    CHECK(fleet.cuts.lost() == 1);
    CHECK(fleet.cuts.next_deadline() == base::instant_max);
}

TEST_CASE("a suspect that one other accuses holds up nothing for longer than others need to look") {
    Fleet fleet(5);
    CHECK_FALSE(fleet.become(2, Life::suspect, 3));
    CHECK_FALSE(fleet.become(3, Life::suspect, 1));
    fleet.now += milliseconds(100);
    CHECK_FALSE(fleet.become(2, Life::down));
    fleet.now += milliseconds(299);
    CHECK_FALSE(fleet.cuts.on_tick(fleet.now, fleet.members));
    fleet.now += milliseconds(1);
    CHECK(fleet.cuts.next_deadline() == fleet.now);
    CHECK(fleet.cuts.on_tick(fleet.now, fleet.members));
    CHECK(fleet.cuts.lost() == 1);
}

TEST_CASE("a suspect that others have come to accuse meanwhile holds a cut up") {
    Fleet fleet(5);
    CHECK_FALSE(fleet.become(2, Life::suspect, 3));
    CHECK_FALSE(fleet.become(3, Life::suspect, 1));
    CHECK_FALSE(fleet.become(2, Life::down));
    fleet.members[node(3)].accusers = 2;  // no change that is told
    fleet.now += milliseconds(400);
    CHECK_FALSE(fleet.cuts.on_tick(fleet.now, fleet.members));
    CHECK(fleet.become(3, Life::down));
    CHECK(fleet.cuts.lost() == 2);
}

TEST_CASE("hosts that go down together are one cut") {
    Fleet fleet(9);
    for (std::uint8_t number = 2; number <= 4; ++number) {
        CHECK_FALSE(fleet.become(number, Life::suspect, 2));
    }
    CHECK_FALSE(fleet.become(2, Life::down));
    CHECK(fleet.counts(2));
    fleet.now += milliseconds(300);
    CHECK_FALSE(fleet.become(3, Life::down));
    CHECK(fleet.cuts.count() == 0);
    CHECK(fleet.become(4, Life::down));
    CHECK(fleet.cuts.count() == 1);
    CHECK(fleet.cuts.lost() == 3);
    CHECK(fleet.cuts.doubts().in_cut.empty());
}

TEST_CASE("a suspect that refutes is decided as well") {
    Fleet fleet(9);
    REQUIRE_FALSE(fleet.become(2, Life::suspect, 2));
    REQUIRE_FALSE(fleet.become(3, Life::suspect, 2));
    REQUIRE_FALSE(fleet.become(2, Life::down));
    CHECK(fleet.become(3, Life::alive));
    CHECK(fleet.cuts.lost() == 1);
}

TEST_CASE("a cut waits no longer than a suspicion lasts, whatever is suspected anew") {
    Fleet fleet(9);
    REQUIRE_FALSE(fleet.become(2, Life::suspect, 2));
    REQUIRE_FALSE(fleet.become(3, Life::suspect, 2));
    base::Instant const begun = fleet.now;
    REQUIRE_FALSE(fleet.become(2, Life::down));
    CHECK(fleet.cuts.next_deadline() == begun + seconds(1));
    fleet.now += milliseconds(900);
    REQUIRE_FALSE(fleet.become(4, Life::suspect, 2));
    REQUIRE_FALSE(fleet.become(3, Life::down));
    fleet.now = begun + milliseconds(999);
    CHECK_FALSE(fleet.cuts.on_tick(fleet.now, fleet.members));
    fleet.now = begun + seconds(1);
    CHECK(fleet.cuts.on_tick(fleet.now, fleet.members));
    CHECK(fleet.cuts.lost() == 2);
    CHECK_FALSE(fleet.cuts.on_tick(fleet.now + seconds(1), fleet.members));
}

TEST_CASE("who returns before the cut is complete was not lost") {
    Fleet fleet(9);
    REQUIRE_FALSE(fleet.become(2, Life::suspect, 2));
    REQUIRE_FALSE(fleet.become(3, Life::suspect, 2));
    REQUIRE_FALSE(fleet.become(2, Life::down));
    CHECK_FALSE(fleet.become(2, Life::alive));
    CHECK(fleet.cuts.next_deadline() == base::instant_max);
    CHECK(fleet.become(3, Life::down));
    CHECK(fleet.cuts.lost() == 1);
}

TEST_CASE("a host cut off alone takes all the others as one cut, though nobody else accuses") {
    Fleet fleet(4);
    for (std::uint8_t number = 2; number <= 4; ++number) {
        REQUIRE_FALSE(fleet.become(number, Life::suspect, 1));
    }
    CHECK_FALSE(fleet.become(2, Life::down));
    CHECK(fleet.cuts.next_deadline() == fleet.now + seconds(6));
    CHECK_FALSE(fleet.become(3, Life::down));
    CHECK(fleet.become(4, Life::down));
    CHECK(fleet.cuts.count() == 1);
}

TEST_CASE("who goes on purpose, or was never seen alive, is no loss") {
    Fleet fleet(5);
    CHECK_FALSE(fleet.become(2, Life::leaving));
    CHECK_FALSE(fleet.become(2, Life::left));
    CHECK_FALSE(fleet.become(3, Life::evicted));
    gossip::Change const remembered{node(9), std::nullopt, Life::down};
    CHECK_FALSE(fleet.cuts.update(fleet.now, std::span(&remembered, 1), fleet.members, {}));
    CHECK(fleet.cuts.count() == 0);
    // One that was to come back and did not.
    CHECK_FALSE(fleet.become(4, Life::restarting));
    CHECK(fleet.become(4, Life::down));
}

TEST_CASE("a host that was unsteady stays so while it is suspected, not after it says otherwise") {
    Fleet fleet(5);
    std::set<base::NodeId> const& unsteady = fleet.cuts.doubts().unsteady;
    CHECK_FALSE(fleet.become(2, Life::unsteady));
    CHECK_FALSE(fleet.become(2, Life::suspect, 2));
    CHECK(unsteady.contains(node(2)));
    CHECK(fleet.become(2, Life::down));
    CHECK(unsteady.contains(node(2)));
    CHECK_FALSE(fleet.become(2, Life::alive));
    CHECK_FALSE(unsteady.contains(node(2)));
}
