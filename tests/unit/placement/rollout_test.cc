#include "placement/rollout.h"

#include <vector>

#include <catch2/catch.hpp>

using namespace placement;

namespace {

using Slots = std::vector<SlotState>;

}  // namespace

TEST_CASE("slots move one after the other, lowest first") {
    Slots slots{{1, "old", Phase::healthy}, {2, "old", Phase::healthy}, {3, "old", Phase::healthy}};
    CHECK(may_update(1, "new", slots));
    CHECK_FALSE(may_update(2, "new", slots));
    CHECK_FALSE(may_update(3, "new", slots));

    slots[0] = {1, "new", Phase::starting};
    CHECK_FALSE(may_update(2, "new", slots));
    slots[0].phase = Phase::running;
    CHECK_FALSE(may_update(2, "new", slots));
    slots[0].phase = Phase::healthy;
    CHECK(may_update(2, "new", slots));
    CHECK_FALSE(may_update(3, "new", slots));
}

TEST_CASE("a slot at the target has nothing to replace") {
    CHECK_FALSE(may_update(1, "new", Slots{{1, "new", Phase::starting}}));
    CHECK_FALSE(may_update(1, "new", Slots{{1, "new", Phase::healthy}}));
}

TEST_CASE("a slot that runs nothing may always start") {
    CHECK(may_update(2, "new", Slots{}));
    Slots const slots{
        {1, "old", Phase::starting}, {2, "", Phase::starting}, {3, "new", Phase::starting}};
    CHECK(may_update(2, "new", slots));
    CHECK(may_update(4, "new", slots));
}

TEST_CASE("a higher slot on its way holds the others") {
    CHECK_FALSE(
        may_update(1, "new", Slots{{1, "old", Phase::healthy}, {3, "new", Phase::starting}}));
    CHECK_FALSE(may_update(1, "new", Slots{{1, "old", Phase::healthy}, {3, "", Phase::starting}}));
    CHECK(may_update(1, "new", Slots{{1, "old", Phase::healthy}, {3, "new", Phase::healthy}}));
}

TEST_CASE("a slot that fails at the old revision does not hold the cure") {
    Slots const slots{{1, "old", Phase::healthy}, {2, "old", Phase::starting}};
    CHECK(may_update(1, "new", slots));
    Slots const next{{1, "new", Phase::healthy}, {2, "old", Phase::starting}};
    CHECK(may_update(2, "new", next));
}

TEST_CASE("two holders of a lower slot both have to be done") {
    Slots const slots{
        {1, "new", Phase::healthy}, {1, "old", Phase::healthy}, {2, "old", Phase::healthy}};
    CHECK_FALSE(may_update(2, "new", slots));
}

TEST_CASE("slots of a global service need not be consecutive") {
    Slots const slots{{900, "new", Phase::healthy}, {3'000'000'000, "old", Phase::healthy}};
    CHECK(may_update(3'000'000'000, "new", slots));
}
