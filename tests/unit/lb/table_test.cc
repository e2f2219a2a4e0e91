#include "lb/table.h"

#include <algorithm>
#include <map>
#include <set>
#include <span>

#include <catch2/catch.hpp>

#include "base/random.h"

namespace {

base::SocketAddress address(std::uint32_t host, std::uint16_t port = 80) {
    return {base::IpAddress::v4(0x0a800000 + host), port};
}

lb::Frontend frontend(std::uint32_t backends) {
    lb::Frontend out;
    out.service = "shop/web";
    out.listen = address(0xf0001);
    for (std::uint32_t at = 0; at < backends; ++at) {
        out.backends.push_back({.address = address(at + 2)});
    }
    return out;
}

std::vector<base::SocketAddress> addresses(lb::Frontend const& from, std::uint64_t flow) {
    std::vector<base::SocketAddress> out;
    for (std::size_t const index : lb::order(from, flow)) {
        out.push_back(from.backends.at(index).address);
    }
    return out;
}

}  // namespace

TEST_CASE("order names every backend once and is a function of its arguments") {
    base::Prng random(1);
    for (std::uint32_t count = 0; count < 20; ++count) {
        lb::Frontend const from = frontend(count);
        std::uint64_t const flow = random.next();
        auto const first = lb::order(from, flow);
        CHECK(std::set<std::size_t>(first.begin(), first.end()).size() == count);
        CHECK(first.size() == count);
        CHECK(lb::order(from, flow) == first);
    }
}

TEST_CASE("the same flow has the same order on every host") {
    CHECK(lb::order(frontend(6), 42) == std::vector<std::size_t>{0, 5, 2, 3, 1, 4});
}

TEST_CASE("order does not depend on how the backends are listed") {
    base::Prng random(2);
    lb::Frontend const sorted = frontend(9);
    lb::Frontend shuffled = sorted;
    random.shuffle(std::span(shuffled.backends));
    for (std::uint64_t flow = 0; flow < 100; ++flow) {
        CHECK(addresses(sorted, flow) == addresses(shuffled, flow));
    }
}

TEST_CASE("removing a backend moves only its own flows") {
    lb::Frontend const whole = frontend(8);
    for (std::size_t gone = 0; gone < whole.backends.size(); ++gone) {
        lb::Frontend less = whole;
        less.backends.erase(less.backends.begin() + static_cast<std::ptrdiff_t>(gone));
        for (std::uint64_t flow = 0; flow < 200; ++flow) {
            auto expected = addresses(whole, flow);
            std::erase(expected, whole.backends[gone].address);
            REQUIRE(addresses(less, flow) == expected);
        }
    }
}

TEST_CASE("doubtful backends come last and keep their order") {
    lb::Frontend const certain = frontend(6);
    lb::Frontend doubtful = certain;
    doubtful.backends[1].doubtful = true;
    doubtful.backends[4].doubtful = true;
    for (std::uint64_t flow = 0; flow < 200; ++flow) {
        auto expected = addresses(certain, flow);
        auto const last = std::ranges::remove_if(expected, [&](auto const& backend) {
            return backend == certain.backends[1].address || backend == certain.backends[4].address;
        });
        expected.erase(last.begin(), last.end());
        auto const actual = addresses(doubtful, flow);
        REQUIRE(std::ranges::equal(std::span(actual).first(4), expected));
        auto const whole = addresses(certain, flow);
        bool const one_first = std::ranges::find(whole, certain.backends[1].address) <
                               std::ranges::find(whole, certain.backends[4].address);
        REQUIRE(actual[one_first ? 4 : 5] == certain.backends[1].address);
    }
}

TEST_CASE("flows spread evenly, whether counted or random") {
    constexpr std::size_t flows = 20'000;
    constexpr std::uint32_t backends = 10;
    base::Prng random(3);
    bool const counted = GENERATE(true, false);
    lb::Frontend const from = frontend(backends);
    std::map<std::size_t, std::size_t> first;
    std::map<std::size_t, std::size_t> second;
    for (std::size_t flow = 0; flow < flows; ++flow) {
        auto const ranked = lb::order(from, counted ? flow : random.next());
        ++first[ranked[0]];
        ++second[ranked[1]];
    }
    for (auto const& counts : {first, second}) {
        CHECK(counts.size() == backends);
        for (auto const& [index, count] : counts) {
            // 2000 each; five standard deviations are 212.
            CHECK(count > 1788);
            CHECK(count < 2212);
        }
    }
}

TEST_CASE("difference leads from one table to the next") {
    base::Prng random(4);
    auto const any_table = [&] {
        lb::Table table;
        for (std::uint32_t at = 0; at < 12; ++at) {
            if (random.chance(0.6)) {
                lb::Frontend one = frontend(static_cast<std::uint32_t>(random.below(3)));
                one.protocol = at < 6 ? lb::Protocol::tcp : lb::Protocol::udp;
                one.listen = address(at % 6);
                table.frontends.push_back(one);
            }
        }
        return table;
    };
    using Key = std::pair<lb::Protocol, base::SocketAddress>;
    auto const by_key = [](lb::Table const& table) {
        std::map<Key, lb::Frontend> out;
        for (auto const& one : table.frontends) {
            out.emplace(Key(one.protocol, one.listen), one);
        }
        return out;
    };
    for (int round = 0; round < 500; ++round) {
        lb::Table const previous = any_table();
        lb::Table const next = any_table();
        auto followed = by_key(previous);
        auto const steps = lb::difference(previous, next);
        for (auto const& one : steps.closed) {
            REQUIRE(followed.erase(Key(one.protocol, one.listen)) == 1);
        }
        for (auto const& one : steps.opened) {
            REQUIRE(followed.emplace(Key(one.protocol, one.listen), one).second);
        }
        for (auto const& one : steps.changed) {
            auto const at = followed.find(Key(one.protocol, one.listen));
            REQUIRE(at != followed.end());
            REQUIRE(at->second != one);
            at->second = one;
        }
        REQUIRE(followed == by_key(next));
    }
    lb::Table const same = any_table();
    auto const nothing = lb::difference(same, same);
    CHECK((nothing.opened.empty() && nothing.changed.empty() && nothing.closed.empty()));
}
