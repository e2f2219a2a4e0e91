#include "gossip/timing.h"

#include <vector>

#include <catch2/catch.hpp>

#include "base/random.h"

using namespace std::chrono_literals;
using gossip::suspicion_time;

TEST_CASE("suspicions are as long as memberlist's") {
    struct Vector {
        int confirmations, wanted;
        base::Duration elapsed, min, max, remaining;
    };

    for (auto const& [confirmations, wanted, elapsed, min, max, remaining] : std::vector<Vector>{
             {0, 3, 0s, 2s, 30s, 30s},
             {1, 3, 2s, 2s, 30s, 14s},
             {2, 3, 3s, 2s, 30s, 4810ms},
             {3, 3, 4s, 2s, 30s, -2s},
             {4, 3, 5s, 2s, 30s, -3s},
             {5, 3, 10s, 2s, 30s, -8s},
             {0, 3, 0s, 500ms, 2s, 2s},
             {1, 3, 0s, 500ms, 2s, 1250ms},
             {2, 3, 0s, 500ms, 2s, 811ms},
             {3, 3, 0s, 500ms, 2s, 500ms},
         }) {
        CAPTURE(confirmations);
        CHECK(suspicion_time(min, max, wanted, confirmations) - elapsed == remaining);
    }
}

TEST_CASE("timeouts grow with the fleet as memberlist's do") {
    std::vector<std::pair<std::size_t, base::Duration>> const third_of_three{
        {5, 1000ms}, {10, 1000ms}, {50, 1698ms}, {100, 2000ms}, {500, 2698ms}, {1000, 3000ms}};
    for (auto const& [members, third] : third_of_three) {
        CAPTURE(members);
        CHECK(gossip::suspicion_timeout(3, members, 1s) / 3 >= third);
        CHECK(gossip::suspicion_timeout(3, members, 1s) / 3 < third + 1ms);
    }
    CHECK(gossip::suspicion_timeout(4, 0, 1s) == 4s);
}

TEST_CASE("news is repeated as often as memberlist repeats it") {
    CHECK(gossip::retransmits(3, 0) == 0);
    CHECK(gossip::retransmits(3, 1) == 3);
    CHECK(gossip::retransmits(3, 99) == 6);
    CHECK(gossip::retransmits(4, 100) == 12);
}

TEST_CASE("a suspicion that needs no confirmation is short") {
    CHECK(suspicion_time(2s, 30s, 0, 0) == 2s);
    CHECK(suspicion_time(2s, 30s, 0, 5) == 2s);
}

TEST_CASE("a suspicion is never shorter than its minimum, nor rises with confirmations") {
    base::Prng prng(1);
    for (int round = 0; round < 1000; ++round) {
        base::Duration const min(prng.below(3'000'000'000));
        base::Duration const max = min + base::Duration(prng.below(100'000'000'000));
        int const wanted = static_cast<int>(prng.below(9));
        base::Duration last = max;
        for (int confirmations = 0; confirmations < 10; ++confirmations) {
            auto const time = suspicion_time(min, max, wanted, confirmations);
            CHECK(time >= min);
            CHECK(time <= last);
            last = time;
        }
        CHECK(last == min);
    }
}
