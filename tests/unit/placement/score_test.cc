#include "placement/score.h"

#include <cmath>
#include <fstream>
#include <limits>
#include <set>
#include <sstream>

#include <catch2/catch.hpp>

#include "base/random.h"
#include "base/text.h"
#include "fleet.h"

using namespace placement;

namespace {

constexpr std::uint64_t hash_max = std::numeric_limits<std::uint64_t>::max();

double as_double(std::uint64_t fixed) {
    return std::ldexp(static_cast<double>(fixed), -58);
}

}  // namespace

TEST_CASE("scores are the committed ones") {
    std::ifstream file(COVEY_SOURCE_DIR "/tests/golden/placement/scores.txt");
    REQUIRE(file.is_open());
    std::string line;
    int vectors = 0;
    while (std::getline(file, line)) {
        if (line.empty() || line.starts_with('#')) {
            continue;
        }
        std::istringstream words(line);
        std::string service;
        std::string node;
        std::uint32_t slot = 0;
        std::uint32_t weight = 0;
        std::uint64_t expected = 0;
        words >> service >> slot >> node >> weight >> expected;
        INFO(line);
        REQUIRE_FALSE(words.fail());
        auto const id = base::parse_node_id(node);
        REQUIRE(id);
        CHECK(score(service, slot, *id, weight) == expected);
        ++vectors;
    }
    CHECK(vectors >= 20);
}

TEST_CASE("the logarithm keeps its error bounds") {
    CHECK(negative_log(hash_max) == 0);
    CHECK(as_double(negative_log(0)) == Approx(64 * std::log(2.0)).epsilon(1e-12));
    CHECK(as_double(negative_log((hash_max >> 1))) == Approx(std::log(2.0)).epsilon(1e-12));

    base::Prng prng(1);
    for (int round = 0; round < 200'000; ++round) {
        // All magnitudes of h, and all magnitudes of 1 - h.
        std::uint64_t const small = prng.next() >> prng.below(64);
        std::uint64_t const hash = prng.chance(0.5) ? small : ~small;
        long double const distance = (static_cast<long double>(~hash)) / 18446744073709551616.0L;
        auto const exact = static_cast<double>(-std::log1p(-distance));
        double const error = std::abs(as_double(negative_log(hash)) - exact);
        INFO(hash);
        REQUIRE(error <= std::ldexp(1.0, -23));
        REQUIRE(error <= exact * 1e-3 + std::ldexp(1.0, -57));
    }
}

TEST_CASE("the logarithm never rises with the hash") {
    base::Prng prng(2);
    for (int round = 0; round < 200'000; ++round) {
        std::uint64_t const hash = prng.next() >> prng.below(64);
        std::uint64_t const step = prng.next() >> prng.below(64);
        std::uint64_t const higher = hash > hash_max - step ? hash_max : hash + step;
        REQUIRE(negative_log(hash) >= negative_log(higher));
    }
    // Across the seams of the table and of the powers of two.
    for (unsigned power = 11; power < 64; ++power) {
        for (std::uint64_t segment = 0; segment < 1024; ++segment) {
            std::uint64_t const seam = (std::uint64_t{1} << power) + (segment << (power - 10)) - 1;
            REQUIRE(negative_log(seam - 1) >= negative_log(seam));
            REQUIRE(negative_log(seam) >= negative_log(seam + 1));
        }
    }
}

TEST_CASE("weight 0 scores highest, more weight scores lower") {
    base::NodeId const node = node_id(7);
    CHECK(score("shop/web", 1, node, 0) == hash_max);
    CHECK(score("shop/web", 1, node, 1) > score("shop/web", 1, node, 2));
    CHECK(score("shop/web", 1, node, 1) != score("shop/web", 2, node, 1));
    CHECK(score("shop/web", 1, node, 1) != score("shop/api", 1, node, 1));
}

TEST_CASE("a ranking holds every node by rising score, whatever their order") {
    auto nodes = make_nodes(20);
    nodes[3].weight = 0;
    auto const ranked = ranking("shop/web", 3, nodes);
    REQUIRE(ranked.size() == 20);
    CHECK(ranked.back() == nodes[3].id);
    auto const score_of = [last = nodes[3].id](base::NodeId id) {
        return score("shop/web", 3, id, id == last ? 0 : 1000);
    };
    for (std::size_t at = 1; at < ranked.size(); ++at) {
        CHECK(score_of(ranked[at - 1]) <= score_of(ranked[at]));
    }
    CHECK(std::set(ranked.begin(), ranked.end()).size() == 20);
    base::Prng(3).shuffle(std::span(nodes));
    CHECK(ranking("shop/web", 3, nodes) == ranked);
}

TEST_CASE("owners share by weight") {
    auto nodes = make_nodes(10);
    for (std::size_t at = 0; at < 5; ++at) {
        nodes[at].weight = 3000;
    }
    int heavy = 0;
    constexpr int slots = 20'000;
    std::set<base::NodeId> const heavy_ids{nodes[0].id, nodes[1].id, nodes[2].id, nodes[3].id,
                                           nodes[4].id};
    for (int number = 0; number < slots; ++number) {
        heavy += heavy_ids.contains(ranking(base::concat("p/s", number), 1, nodes).front());
    }
    // Three quarters; the standard deviation is 0.3 %.
    CHECK(heavy == Approx(0.75 * slots).epsilon(0.015));
}

TEST_CASE("a global slot is a number from 1 that depends on service and node only") {
    CHECK(global_slot("shop/log", node_id(1)) == global_slot("shop/log", node_id(1)));
    CHECK(global_slot("shop/log", node_id(1)) != global_slot("shop/log", node_id(2)));
    CHECK(global_slot("shop/log", node_id(1)) != global_slot("shop/mon", node_id(1)));
    for (std::uint64_t number = 0; number < 10'000; ++number) {
        REQUIRE(global_slot("shop/log", node_id(number)) != 0);
    }
}
