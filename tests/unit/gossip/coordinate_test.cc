// Fleets whose round trips are known find their places. The bounds are those that serf holds its
// own Vivaldi to on the same fleets with one seed; here the middle one of many seeds meets them.
#include "gossip/coordinate.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <numbers>
#include <vector>

#include <catch2/catch.hpp>

using namespace std::chrono_literals;
using gossip::Coordinate;
using gossip::NetworkPosition;

namespace {

using Seconds = std::chrono::duration<double>;
// The round trip between two hosts; the first is the lower.
using Truth = std::function<Seconds(std::size_t, std::size_t)>;

base::NodeId id_of(std::size_t host) {
    base::NodeId id;
    id.bytes[0] = static_cast<std::uint8_t>(host + 1);
    return id;
}

base::Duration rounded(Seconds seconds) {
    return std::chrono::duration_cast<base::Duration>(seconds);
}

constexpr std::uint64_t seeds = 21;

struct Fleet {
    std::vector<NetworkPosition> hosts;
    base::Prng prng;

    Fleet(std::size_t count, std::uint64_t seed) : hosts(count), prng(seed) {}

    // In each cycle every host measures the round trip to a random other.
    void run(Truth const& truth, int cycles) {
        for (int cycle = 0; cycle < cycles; ++cycle) {
            for (std::size_t i = 0; i < hosts.size(); ++i) {
                auto const j = static_cast<std::size_t>(prng.below(hosts.size()));
                if (i != j) {
                    Coordinate const theirs = hosts[j].coordinate();
                    Seconds const trip = truth(std::min(i, j), std::max(i, j));
                    hosts[i].on_sample(id_of(j), theirs, rounded(trip), prng);
                }
            }
        }
    }
};

struct Errors {
    double average{}, worst{};
};

Errors errors_of(Fleet const& fleet, Truth const& truth) {
    Errors errors;
    std::size_t const count = fleet.hosts.size();
    for (std::size_t i = 0; i < count; ++i) {
        for (std::size_t j = i + 1; j < count; ++j) {
            Seconds const guess =
                gossip::distance(fleet.hosts[i].coordinate(), fleet.hosts[j].coordinate());
            double const error = std::abs(guess / truth(i, j) - 1);
            errors.worst = std::max(errors.worst, error);
            errors.average += error * 2 / static_cast<double>(count * (count - 1));
        }
    }
    return errors;
}

double middle(std::vector<double> values) {
    std::ranges::sort(values);
    return values[values.size() / 2];
}

// The middle one of many fleets; what none of them may exceed is checked.
Errors errors_after(std::size_t hosts, Truth const& truth, double worst_of_all) {
    std::vector<double> averages;
    std::vector<double> worsts;
    for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
        Fleet fleet(hosts, seed);
        fleet.run(truth, 1000);
        Errors const errors = errors_of(fleet, truth);
        averages.push_back(errors.average);
        worsts.push_back(errors.worst);
    }
    CHECK(std::ranges::max(worsts) <= worst_of_all);
    return {middle(averages), middle(worsts)};
}

// Sum of twelve uniform ones: near enough to a normal distribution.
double normal(base::Prng& prng) {
    double sum = -6;
    for (int i = 0; i < 12; ++i) {
        sum += prng.unit();
    }
    return sum;
}

Coordinate at(float x, float y) {
    Coordinate place;
    place.at[0] = x;
    place.at[1] = y;
    place.error = 0.1F;
    return place;
}

// How far the middle of the fleet is from the origin.
double off_centre(Fleet const& fleet) {
    double sum = 0;
    for (std::size_t axis = 0; axis < gossip::coordinate_dimensions; ++axis) {
        double low = fleet.hosts[0].coordinate().at[axis];
        double high = low;
        for (NetworkPosition const& host : fleet.hosts) {
            low = std::min<double>(low, host.coordinate().at[axis]);
            high = std::max<double>(high, host.coordinate().at[axis]);
        }
        sum += (low + high) * (low + high) / 4;
    }
    return std::sqrt(sum);
}

}  // namespace

TEST_CASE("hosts on a line find their places") {
    Truth const line = [](std::size_t i, std::size_t j) -> Seconds {
        return static_cast<double>(j - i) * 10ms;
    };
    auto const errors = errors_after(10, line, 0.05);
    CHECK(errors.average <= 0.0031);
    CHECK(errors.worst <= 0.0130);
}

TEST_CASE("hosts on a grid find their places") {
    Truth const grid = [](std::size_t i, std::size_t j) -> Seconds {
        double const x = static_cast<double>(j % 5) - static_cast<double>(i % 5);
        double const y = static_cast<double>(j / 5) - static_cast<double>(i / 5);
        return std::hypot(x, y) * 10ms;
    };
    auto const errors = errors_after(25, grid, 0.05);
    CHECK(errors.average <= 0.0016);
    CHECK(errors.worst <= 0.0230);
}

TEST_CASE("two sites a wide link apart find their places") {
    Truth const split = [](std::size_t i, std::size_t j) -> Seconds {
        return (i <= 12) == (j <= 12) ? 1ms : 11ms;
    };
    auto const errors = errors_after(25, split, 0.05);
    CHECK(errors.average <= 0.000060);
    CHECK(errors.worst <= 0.00048);
}

TEST_CASE("a host far from all others on a circle finds its place") {
    Truth const circle = [](std::size_t i, std::size_t j) -> Seconds {
        double const turn = 2 * std::numbers::pi * static_cast<double>(j - i) / 25;
        return i == 0 ? 200ms : 2 * std::sin(turn / 2) * 100ms;
    };
    auto const errors = errors_after(25, circle, 0.05);
    CHECK(errors.average <= 0.0028);
    CHECK(errors.worst <= 0.064);
}

TEST_CASE("round trips that no space has are met as well as can be") {
    base::Prng prng(1);
    std::vector<Seconds> trips(25 * 25);
    for (Seconds& trip : trips) {
        trip = 100ms + normal(prng) * 10ms;
    }
    Truth const random = [&](std::size_t i, std::size_t j) { return trips[i * 25 + j]; };
    auto const errors = errors_after(25, random, 0.4);
    CHECK(errors.average <= 0.075);
    CHECK(errors.worst <= 0.33);
}

TEST_CASE("a slow access link becomes height") {
    // Peers on both sides of it on every axis, all as far: no place among them is 60 ms from each.
    base::Prng prng(1);
    NetworkPosition host;
    for (int cycle = 0; cycle < 1000; ++cycle) {
        auto const peer = static_cast<std::size_t>(prng.below(2 * gossip::coordinate_dimensions));
        Coordinate place;
        place.at[peer / 2] = peer % 2 == 0 ? 0.05F : -0.05F;
        place.error = 0.1F;
        host.on_sample(id_of(peer), place, 60ms, prng);
    }
    CHECK(host.coordinate().height > 0.008F);
    CHECK(host.coordinate().height < 0.011F);
    for (float const x : host.coordinate().at) {
        CHECK(std::abs(x) < 0.001F);
    }
}

TEST_CASE("gravity brings a fleet back to the origin") {
    std::vector<Coordinate> const corners{at(0, 0), at(0, 0.5F), at(0.5F, 0.5F), at(0.5F, 0.5F)};
    Truth const square = [](std::size_t i, std::size_t j) -> Seconds {
        return i % 2 == 0 && j % 2 == 0 ? std::numbers::sqrt2 * 500ms : 500ms;
    };
    std::vector<double> ratios;
    for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
        Fleet fleet(4, seed);
        for (std::size_t i = 0; i < 4; ++i) {
            for (int sample = 0; sample < 200; ++sample) {
                fleet.hosts[i].on_sample(id_of(9), corners[i], 0ms, fleet.prng);
            }
            fleet.hosts[i].forget(id_of(9));
        }
        REQUIRE(off_centre(fleet) > 0.3);
        fleet.run(square, 1000);
        double const before = off_centre(fleet);
        fleet.run(square, 10'000);
        ratios.push_back(off_centre(fleet) / before);
    }
    CHECK(middle(ratios) <= 0.8);
    CHECK(std::ranges::max(ratios) < 0.85);
}

TEST_CASE("one stray round trip among others moves nothing") {
    base::Prng prng(2);
    NetworkPosition calm;
    NetworkPosition disturbed;
    base::Prng same = prng;
    Coordinate const other = at(0.02F, 0);
    for (int i = 0; i < 100; ++i) {
        calm.on_sample(id_of(1), other, 20ms, prng);
        disturbed.on_sample(id_of(1), other, i % 10 == 5 ? 3s : 20ms, same);
    }
    CHECK(calm.coordinate() == disturbed.coordinate());
    CHECK(gossip::distance(calm.coordinate(), other) > 19ms);
    CHECK(gossip::distance(calm.coordinate(), other) < 21ms);
}

TEST_CASE("coordinates that Vivaldi does not produce are not valid") {
    CHECK(gossip::is_valid(Coordinate{}));
    CHECK(gossip::is_valid(NetworkPosition{}.coordinate()));
    float const infinity = std::numeric_limits<float>::infinity();
    float const nan = std::numeric_limits<float>::quiet_NaN();
    for (float const bad : {nan, infinity, -infinity, 101.0F, -101.0F}) {
        CAPTURE(bad);
        for (std::size_t axis = 0; axis < gossip::coordinate_dimensions; ++axis) {
            Coordinate place;
            place.at[axis] = bad;
            CHECK_FALSE(gossip::is_valid(place));
        }
        Coordinate place;
        place.height = bad;
        CHECK_FALSE(gossip::is_valid(place));
        place = {};
        place.error = bad;
        CHECK_FALSE(gossip::is_valid(place));
        place = {};
        place.adjustment = bad;
        CHECK_FALSE(gossip::is_valid(place));
    }
    Coordinate below;
    below.height = -1e-5F;
    CHECK_FALSE(gossip::is_valid(below));
    below = {};
    below.error = -0.1F;
    CHECK_FALSE(gossip::is_valid(below));
}

TEST_CASE("samples that are not to be trusted are ignored") {
    base::Prng prng(3);
    NetworkPosition host;
    Coordinate broken = at(0.1F, 0);
    broken.at[3] = std::numeric_limits<float>::quiet_NaN();
    host.on_sample(id_of(1), broken, 10ms, prng);
    host.on_sample(id_of(1), at(0.1F, 0), -1ns, prng);
    host.on_sample(id_of(1), at(0.1F, 0), 10s + 1ns, prng);
    CHECK(host.coordinate() == NetworkPosition{}.coordinate());
    host.on_sample(id_of(1), at(0.1F, 0), 10s, prng);
    CHECK(host.coordinate() != NetworkPosition{}.coordinate());
}

TEST_CASE("a host that is thrown beyond all bounds begins anew") {
    base::Prng prng(5);
    NetworkPosition host;
    host.on_sample(id_of(2), at(0.1F, 0), 50ms, prng);
    REQUIRE(host.coordinate() != Coordinate{});
    // The nearer a peer the more a difference lifts the height.
    Coordinate near = host.coordinate();
    near.at[0] += 2e-6F;
    near.height = 5;
    host.on_sample(id_of(1), near, 10s, prng);
    CHECK(host.coordinate() == Coordinate{});
    host.on_sample(id_of(2), at(0.1F, 0), 50ms, prng);
    CHECK(gossip::is_valid(host.coordinate()));
}

TEST_CASE("whatever peers say, the own place is valid and distances are not negative") {
    base::Prng prng(4);
    auto const value = [&](double low, double high) {
        return static_cast<float>(low + (high - low) * prng.unit());
    };
    NetworkPosition host;
    for (int i = 0; i < 20'000; ++i) {
        Coordinate theirs;
        double const scale = prng.chance(0.5) ? 100 : 1e-6;
        for (float& x : theirs.at) {
            x = value(-scale, scale);
        }
        theirs.height = value(0, prng.chance(0.5) ? 100 : 1e-5);
        theirs.error = prng.chance(0.5) ? 0 : value(0, 1.5);
        theirs.adjustment = value(-scale, scale);
        REQUIRE(gossip::is_valid(theirs));
        host.on_sample(id_of(prng.below(5)), theirs, base::Duration(prng.below(10'000'000'000)),
                       prng);
        REQUIRE(gossip::is_valid(host.coordinate()));
        REQUIRE(gossip::distance(host.coordinate(), theirs) >= 0ns);
        REQUIRE(gossip::distance(host.coordinate(), theirs) ==
                gossip::distance(theirs, host.coordinate()));
    }
}
