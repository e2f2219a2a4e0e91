#include "agent/near_first.h"

#include <algorithm>
#include <map>

#include <catch2/catch.hpp>

#include "tests/unit/agent/fleet.h"

using namespace agent;
using base::milliseconds;

namespace {

std::vector<base::NodeId> hosts_of(std::uint8_t size) {
    std::vector<base::NodeId> ids;
    for (std::uint8_t number = 1; number <= size; ++number) {
        ids.push_back(node(number));
    }
    return ids;
}

// Host N is N ms away.
std::optional<base::Duration> by_number(base::NodeId id) {
    return milliseconds(id.bytes[0]);
}

}  // namespace

TEST_CASE("near hosts are asked more often, and every host at times") {
    base::Prng prng(1);
    constexpr int draws = 10'000;
    std::map<base::NodeId, int> first;
    for (int draw = 0; draw < draws; ++draw) {
        std::vector<base::NodeId> peers = hosts_of(10);
        near_first(peers, 1, prng, by_number);
        ++first[peers.front()];
    }
    // Of ten the nearest is among two draws with 19 in 100, the farthest is both with 1 in 100.
    double const nearest = 0.75 * 0.19 + 0.25 * 0.1;
    double const farthest = 0.75 * 0.01 + 0.25 * 0.1;
    CHECK(first[node(1)] == Approx(nearest * draws).epsilon(0.1));
    CHECK(first[node(10)] == Approx(farthest * draws).epsilon(0.2));
}

TEST_CASE("hosts whose distance is not known are asked alike, and after those it is known of") {
    base::Prng prng(2);
    std::map<base::NodeId, int> first;
    for (int draw = 0; draw < 3'000; ++draw) {
        std::vector<base::NodeId> peers = hosts_of(3);
        near_first(peers, 1, prng, [](base::NodeId id) -> std::optional<base::Duration> {
            return id == node(3) ? std::optional(milliseconds(5)) : std::nullopt;
        });
        ++first[peers.front()];
    }
    CHECK(first[node(3)] == Approx(1'500).epsilon(0.1));
    CHECK(first[node(1)] == Approx(750).epsilon(0.15));
}

TEST_CASE("each host is asked once, however many are wanted") {
    base::Prng prng(3);
    for (std::size_t const count : {0U, 1U, 4U, 7U, 100U}) {
        std::vector<base::NodeId> peers = hosts_of(7);
        near_first(peers, count, prng, by_number);
        std::ranges::sort(peers);
        CHECK(peers == hosts_of(7));
    }
    std::vector<base::NodeId> nobody;
    near_first(nobody, 4, prng, by_number);
    CHECK(nobody.empty());
}

TEST_CASE("a host says how far the others are, and nothing of itself or of one that is gone") {
    Fleet fleet(3);
    fleet.run(base::seconds(3));
    // The network of this fleet has no delay: all that is left is the least height of both ends.
    CHECK(fleet.report(1, 2).distance > base::Duration{});
    CHECK(fleet.report(1, 2).distance < milliseconds(1));
    CHECK(fleet.report(1, 1).distance == base::Duration{});
    fleet.kill(3);
    fleet.run(base::seconds(5));
    REQUIRE(fleet.report(1, 3).status == NodeStatus::down);
    CHECK(fleet.report(1, 3).distance == base::Duration{});
}
