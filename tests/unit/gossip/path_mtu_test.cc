// What is kept of each path: how large datagrams may be, and how many a second are taken.
#include "gossip/path_mtu.h"

#include <vector>

#include <catch2/catch.hpp>

#include "base/random.h"
#include "gossip/rate_limit.h"
#include "gossip/round_trip.h"

using namespace std::chrono_literals;
using gossip::PathMtu;
using gossip::RateLimit;

// One of each is kept per member, of which there may be 4,096.
static_assert(sizeof(PathMtu) + sizeof(gossip::RoundTrip) + sizeof(RateLimit) <= 64);

namespace {

base::Instant const start{100s};

// A path that carries datagrams up to `limit`, over which pings are sent as a host does: padded
// when a search is due, else full.
struct Path {
    std::size_t limit;
    std::size_t base = 1200;
    double loss = 0;
    PathMtu mtu{};
    base::Instant now = start;
    base::Prng prng{1};

    void send(std::size_t size) {
        if (size > limit) {
            mtu.on_lost(now, size, base);
        } else if (!prng.chance(loss)) {
            mtu.on_delivered(now, size, base);
        } else {
            mtu.on_lost(now, size, base);
        }
    }

    void run(int pings) {
        for (int i = 0; i < pings; ++i) {
            now += 1s;
            std::size_t const probe = mtu.probe_size(now, base);
            send(probe != 0 ? probe : mtu.size(base));
        }
    }
};

std::vector<std::size_t> sizes_tried(Path& path, int pings) {
    std::vector<std::size_t> sizes;
    for (int i = 0; i < pings; ++i) {
        sizes.push_back(path.mtu.probe_size(path.now, path.base));
        path.run(1);
    }
    return sizes;
}

}  // namespace

TEST_CASE("a path begins at the base size") {
    PathMtu const mtu;
    CHECK(mtu.size(1200) == 1200);
    CHECK(mtu.size(1000) == 1000);
    CHECK(mtu.probe_size(start, 1200) == 1380);
    CHECK(mtu.probe_size(start, 1000) == 1380);
    CHECK(mtu.probe_size(start, 1380) == 8000);
    CHECK(mtu.probe_size(start, 8000) == 0);
    CHECK(mtu.probe_size(start, 512) == 560);
}

TEST_CASE("a search goes up one size after the other until it has failed three times") {
    Path path{.limit = 1400};
    CHECK(sizes_tried(path, 6) == std::vector<std::size_t>{1380, 8000, 8000, 8000, 0, 0});
    CHECK(path.mtu.size(1200) == 1380);
}

TEST_CASE("jumbo frames are found") {
    Path path{.limit = 8900};
    path.run(2);
    CHECK(path.mtu.size(1200) == 8000);
    CHECK(path.mtu.probe_size(path.now, 1200) == 0);
}

TEST_CASE("a search is repeated every ten minutes") {
    Path path{.limit = 1200};
    path.run(3);
    base::Instant const failed = path.now;
    CHECK(path.mtu.probe_size(failed, 1200) == 0);
    CHECK(path.mtu.probe_size(failed + 10min - 1ns, 1200) == 0);
    CHECK(path.mtu.probe_size(failed + 10min, 1200) == 1380);
    path.limit = 1400;
    path.now = failed + 10min;
    path.run(1);
    CHECK(path.mtu.size(1200) == 1380);
}

TEST_CASE("a black hole lowers the size step by step to what passes") {
    for (auto const& [limit, size] : std::vector<std::pair<std::size_t, std::size_t>>{
             {1379, 1200}, {1100, 900}, {899, 560}, {560, 560}, {100, 560}}) {
        CAPTURE(limit);
        Path path{.limit = 1400};
        path.run(10);
        REQUIRE(path.mtu.size(1200) == 1380);
        path.limit = limit;
        path.run(40);
        CHECK(path.mtu.size(1200) == size);
    }
}

TEST_CASE("two losses in a row are not a black hole") {
    PathMtu mtu;
    for (int i = 0; i < 10; ++i) {
        mtu.on_lost(start, 1200, 1200);
        mtu.on_lost(start, 1200, 1200);
        CHECK(mtu.size(1200) == 1200);
        mtu.on_delivered(start, 1200, 1200);
    }
}

TEST_CASE("small datagrams say nothing about the size") {
    PathMtu mtu;
    for (int i = 0; i < 10; ++i) {
        mtu.on_lost(start, 900, 1200);
    }
    CHECK(mtu.size(1200) == 1200);
    mtu.on_lost(start, 1200, 1200);
    mtu.on_lost(start, 1100, 1200);
    mtu.on_delivered(start, 1099, 1200);
    mtu.on_lost(start, 1200, 1200);
    CHECK(mtu.size(1200) == 900);
}

TEST_CASE("a black hole that goes away is noticed") {
    Path path{.limit = 1000};
    path.run(20);
    REQUIRE(path.mtu.size(1200) == 900);
    path.limit = 1400;
    path.run(700);
    CHECK(path.mtu.size(1200) == 1380);
}

TEST_CASE("a changed base is followed until a path has shown its own size") {
    PathMtu mtu;
    CHECK(mtu.size(1300) == 1300);
    mtu.on_delivered(start, 1380, 1300);
    CHECK(mtu.size(1200) == 1380);
    CHECK(mtu.size(1500) == 1380);
    CHECK(mtu.probe_size(start, 1500) == 1500);
}

TEST_CASE("the size falls by one step at a time") {
    auto const falling = [](PathMtu mtu, std::size_t base) {
        std::vector<std::size_t> sizes{mtu.size(base)};
        for (int lost = 0; lost < 15; ++lost) {
            mtu.on_lost(start, mtu.size(base), base);
            if (mtu.size(base) != sizes.back()) {
                CHECK(lost % 3 == 2);
                sizes.push_back(mtu.size(base));
            }
        }
        return sizes;
    };
    using Sizes = std::vector<std::size_t>;
    CHECK(falling({}, 8192) == Sizes{8192, 8000, 1380, 900, 560});
    CHECK(falling({}, 512) == Sizes{512});
    PathMtu jumbo;
    jumbo.on_delivered(start, 1380, 1200);
    jumbo.on_delivered(start, 8000, 1200);
    CHECK(falling(jumbo, 1200) == Sizes{8000, 1380, 1200, 900, 560});
}

TEST_CASE("loss alone does not keep a path small") {
    for (std::uint64_t seed = 0; seed < 50; ++seed) {
        CAPTURE(seed);
        Path path{.limit = 1400, .loss = 0.2, .prng = base::Prng(seed)};
        std::size_t full = 0;
        for (int minute = 0; minute < 120; ++minute) {
            path.run(60);
            CHECK(path.mtu.size(1200) >= 560);
            CHECK(path.mtu.size(1200) <= 1380);
            full += path.mtu.size(1200) == 1380 ? 1U : 0U;
        }
        CHECK(full > 90);
    }
}

TEST_CASE("a burst of twice the rate is taken, then the rate") {
    RateLimit limit;
    int taken = 0;
    for (int i = 0; i < 1000; ++i) {
        taken += limit.take(start, 100) ? 1 : 0;
    }
    CHECK(taken == 200);
    for (int i = 1; i <= 1000; ++i) {
        taken += limit.take(start + i * 1ms, 100) ? 1 : 0;
    }
    CHECK(taken >= 299);
    CHECK(taken <= 300);
    CHECK(limit.take(start + 1h, 100));
}

TEST_CASE("a peer within the rate is never refused") {
    RateLimit limit;
    base::Prng prng(3);
    base::Instant now = start;
    for (int i = 0; i < 10'000; ++i) {
        now += 10ms + base::Duration(prng.below(1'000'000));
        CHECK(limit.take(now, 100));
    }
}

TEST_CASE("a clock that goes back gives nothing") {
    RateLimit limit;
    for (int i = 0; i < 200; ++i) {
        CHECK(limit.take(start, 100));
    }
    CHECK_FALSE(limit.take(start - 1h, 100));
    CHECK_FALSE(limit.take(start, 100));
    CHECK(limit.take(start + 10ms, 100));
}

TEST_CASE("a lower rate counts at once") {
    RateLimit limit;
    CHECK(limit.take(start, 1000));
    int taken = 0;
    for (int i = 0; i < 1000; ++i) {
        taken += limit.take(start, 50) ? 1 : 0;
    }
    CHECK(taken == 100);
}
