#include "gossip/steadiness.h"

#include <vector>

#include <catch2/catch.hpp>

#include "base/random.h"

using namespace std::chrono_literals;
using gossip::Config;
using gossip::Steadiness;

namespace {

base::Instant const start{1000s};
Config const config;

base::NodeId host(int number) {
    base::NodeId id;
    id.bytes[0] = static_cast<std::uint8_t>(number);
    return id;
}

// Held for down by two others at this time.
bool lose(Steadiness& steadiness, base::Instant now) {
    bool const first = steadiness.on_accused(now, host(1), 9, config);
    return steadiness.on_accused(now, host(2), 9, config) || first;
}

}  // namespace

TEST_CASE("a host that nobody accuses is steady and has nothing to do") {
    Steadiness steadiness(0, start);
    CHECK(steadiness.steady());
    CHECK(steadiness.next_deadline(config) == base::instant_max);
    CHECK_FALSE(steadiness.on_tick(start + 1h, config));
}

TEST_CASE("two accusers make a loss, one does not") {
    Steadiness steadiness(0, start);
    for (int i = 0; i < 100; ++i) {
        CHECK_FALSE(steadiness.on_accused(start + i * 3s, host(1), 9, config));
    }
    CHECK(steadiness.flaps() == 0);
    CHECK(steadiness.on_accused(start + 300s, host(2), 9, config));
    CHECK(steadiness.flaps() == 1);
    CHECK(steadiness.steady());
}

TEST_CASE("accusers more than ten seconds apart do not agree") {
    Steadiness steadiness(0, start);
    CHECK_FALSE(steadiness.on_accused(start, host(1), 9, config));
    CHECK_FALSE(steadiness.on_accused(start + 10s + 1ns, host(2), 9, config));
    CHECK(steadiness.on_accused(start + 20s + 1ns, host(3), 9, config));
}

TEST_CASE("in a fleet of two the other is enough, and alone there is nobody to say it") {
    Steadiness pair(0, start);
    CHECK(pair.on_accused(start, host(1), 1, config));
    Steadiness alone(0, start);
    CHECK_FALSE(alone.on_accused(start, host(1), 0, config));
    CHECK_FALSE(alone.on_accused(start, host(2), 0, config));
    CHECK(alone.flaps() == 0);
}

TEST_CASE("what follows a loss within five seconds belongs to it") {
    Steadiness steadiness(0, start);
    REQUIRE(lose(steadiness, start));
    for (int i = 3; i < 30; ++i) {
        CHECK_FALSE(steadiness.on_accused(start + i * 100ms, host(i), 99, config));
    }
    CHECK_FALSE(steadiness.on_accused(start + 4999ms, host(3), 99, config));
    CHECK(steadiness.flaps() == 1);
    // Nor does it help to make the next one.
    CHECK_FALSE(steadiness.on_accused(start + 5s, host(4), 99, config));
    CHECK(steadiness.on_accused(start + 5s, host(5), 99, config));
    CHECK(steadiness.flaps() == 2);
}

TEST_CASE("a host lost twice is unsteady for a while, twice as long each further time") {
    Steadiness steadiness(0, start);
    base::Instant now = start;
    REQUIRE(lose(steadiness, now));
    CHECK(steadiness.steady());
    for (base::Duration const hold : {30s, 60s, 120s, 240s}) {
        CAPTURE(hold.count());
        now += 10s;
        REQUIRE(lose(steadiness, now));
        CHECK_FALSE(steadiness.steady());
        CHECK(steadiness.next_deadline(config) == now + hold);
        now += hold;
        CHECK_FALSE(steadiness.on_tick(now - 1ns, config));
        CHECK_FALSE(steadiness.steady());
        CHECK(steadiness.on_tick(now, config));
        CHECK(steadiness.steady());
    }
}

TEST_CASE("the hold goes on while nobody answers") {
    Steadiness steadiness(2, start);
    steadiness.on_unheard(start + 25s);
    CHECK_FALSE(steadiness.on_tick(start + 54s, config));
    CHECK(steadiness.next_deadline(config) == start + 55s);
    CHECK(steadiness.on_tick(start + 55s, config));
    CHECK(steadiness.steady());
    Steadiness calm(1, start);
    calm.on_unheard(start + 25s);
    CHECK(calm.next_deadline(config) == start + config.flap_window);
}

TEST_CASE("a loss during the hold begins it anew, up to the longest") {
    Steadiness steadiness(0, start);
    base::Instant now = start;
    for (int i = 0; i < 100; ++i) {
        now += 20s;
        REQUIRE(lose(steadiness, now));
    }
    CHECK(steadiness.flaps() == Steadiness::flaps_max);
    CHECK(steadiness.next_deadline(config) == now + config.flap_hold_max);
}

TEST_CASE("the hold may be as long as its limits allow") {
    Config longest;
    longest.flap_hold = 1s;
    longest.flap_hold_max = 24h;
    Steadiness const steadiness(Steadiness::flaps_max, start);
    CHECK(steadiness.next_deadline(longest) == start + 24h);
}

TEST_CASE("a loss is forgiven after a window without one, then another") {
    Steadiness steadiness(0, start);
    REQUIRE(lose(steadiness, start));
    REQUIRE(lose(steadiness, start + 20s));
    REQUIRE(steadiness.on_tick(start + 50s, config));
    CHECK(steadiness.flaps() == 2);
    CHECK(steadiness.next_deadline(config) == start + 320s);
    CHECK(steadiness.on_tick(start + 320s, config));
    CHECK(steadiness.flaps() == 1);
    CHECK_FALSE(steadiness.on_tick(start + 619s, config));
    CHECK(steadiness.on_tick(start + 620s, config));
    CHECK(steadiness.flaps() == 0);
    CHECK(steadiness.next_deadline(config) == base::instant_max);
}

TEST_CASE("losses further apart than the window never make a host unsteady") {
    Steadiness steadiness(0, start);
    for (int i = 0; i < 20; ++i) {
        CHECK(lose(steadiness, start + i * (config.flap_window + 1s)));
        CHECK(steadiness.steady());
        CHECK(steadiness.flaps() == 1);
    }
}

TEST_CASE("a late tick does what earlier ones would have done") {
    Steadiness late(5, start);
    CHECK(late.on_tick(start + 24h, config));
    CHECK(late.steady());
    CHECK(late.flaps() == 0);
}

TEST_CASE("what the last run went through counts on") {
    CHECK(Steadiness(1, start).steady());
    CHECK(Steadiness(1, start).flaps() == 1);
    Steadiness steadiness(3, start);
    CHECK_FALSE(steadiness.steady());
    CHECK(steadiness.next_deadline(config) == start + 60s);
    CHECK(Steadiness(UINT32_MAX, start).flaps() == Steadiness::flaps_max);
}

TEST_CASE("whatever happens, holds are kept and deadlines are true") {
    for (std::uint64_t seed = 0; seed < 100; ++seed) {
        CAPTURE(seed);
        base::Prng prng(seed);
        Steadiness steadiness(static_cast<std::uint32_t>(prng.below(4)), start);
        base::Instant now = start;
        base::Instant last_loss = start;
        std::uint32_t losses = steadiness.flaps();
        for (int step = 0; step < 300; ++step) {
            now += base::Duration(prng.below(prng.chance(0.1) ? 400'000'000'000 : 6'000'000'000));
            if (prng.chance(0.5)) {
                auto const accuser = host(static_cast<int>(prng.below(4)));
                if (steadiness.on_accused(now, accuser, prng.below(4), config)) {
                    ++losses;
                    REQUIRE(steadiness.flaps() > 0);
                    REQUIRE(steadiness.steady() == (steadiness.flaps() == 1));
                    last_loss = now;
                }
            } else {
                auto const deadline = steadiness.next_deadline(config);
                bool const was_steady = steadiness.steady();
                REQUIRE(steadiness.on_tick(now, config) == (now >= deadline));
                REQUIRE(steadiness.next_deadline(config) > now);
                if (!was_steady && steadiness.steady()) {
                    REQUIRE(now - last_loss >= config.flap_hold);
                }
                if (!steadiness.steady()) {
                    REQUIRE(now - last_loss < config.flap_hold_max);
                }
            }
            REQUIRE(steadiness.flaps() <= losses);
            REQUIRE((steadiness.steady() || steadiness.flaps() >= 2));
        }
        steadiness.on_tick(now + 24h, config);
        REQUIRE(steadiness.steady());
        REQUIRE(steadiness.flaps() == 0);
    }
}
