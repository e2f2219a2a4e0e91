#include "base/random.h"

#include <algorithm>
#include <array>

#include <catch2/catch.hpp>

using namespace base;

TEST_CASE("the same seed gives the same sequence") {
    Prng one(7);
    Prng two(7);
    Prng other(8);
    bool differs = false;
    for (int draw = 0; draw < 100; ++draw) {
        std::uint64_t const value = one.next();
        CHECK(value == two.next());
        differs = differs || value != other.next();
    }
    CHECK(differs);
}

TEST_CASE("below() is uniform within its bound") {
    Prng prng(1);
    std::array<int, 10> counts{};
    for (int draw = 0; draw < 100'000; ++draw) {
        ++counts.at(static_cast<std::size_t>(prng.below(10)));
    }
    for (int const count : counts) {
        CHECK(count > 9'500);
        CHECK(count < 10'500);
    }
}

TEST_CASE("shuffle keeps every item") {
    Prng prng(3);
    std::array<int, 20> items{};
    for (int at = 0; at < 20; ++at) {
        items[static_cast<std::size_t>(at)] = at;
    }
    auto const before = items;
    prng.shuffle(std::span<int>(items));
    CHECK(items != before);
    std::ranges::sort(items);
    CHECK(items == before);
}
