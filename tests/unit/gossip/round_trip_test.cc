// How long to wait for a peer: its round trip, and how far this host trusts itself.
#include "gossip/round_trip.h"

#include <catch2/catch.hpp>

#include "base/random.h"
#include "gossip/health.h"

using namespace std::chrono_literals;
using gossip::Config;
using gossip::LocalHealth;
using gossip::RoundTrip;

TEST_CASE("before the first answer the time-out is the initial one") {
    Config const config;
    RoundTrip const fresh;
    CHECK(fresh.timeout(config) == 100ms);
    CHECK(fresh.probe_duration(config) == 300ms);
    CHECK_FALSE(fresh.smoothed());
}

TEST_CASE("the round trip is smoothed as RFC 6298 has it") {
    Config config;
    config.probe_timeout_min = 1ms;
    RoundTrip trip;
    trip.on_sample(80ms);
    CHECK(trip.smoothed() == 80ms);
    CHECK(trip.timeout(config) == 240ms);  // 80 + 4 * 40
    trip.on_sample(160ms);
    CHECK(trip.smoothed() == 90ms);        // 7/8 * 80 + 1/8 * 160
    CHECK(trip.timeout(config) == 290ms);  // 90 + 4 * (3/4 * 40 + 1/4 * 80)
    trip.on_sample(10ms);
    CHECK(trip.smoothed() == 80ms);
    CHECK(trip.timeout(config) == 310ms);  // 80 + 4 * (3/4 * 50 + 1/4 * 80)
}

TEST_CASE("the time-out stays within its bounds") {
    Config const config;
    RoundTrip near;
    near.on_sample(1ms);
    CHECK(near.timeout(config) == config.probe_timeout_min);
    CHECK(near.probe_duration(config) == config.probe_interval);
    RoundTrip far;
    far.on_sample(900ms);
    CHECK(far.timeout(config) == config.probe_timeout_max);
    CHECK(far.probe_duration(config) == 3s);
}

TEST_CASE("the time-out doubles until an answer comes") {
    Config config;
    config.probe_timeout_max = 30s;
    RoundTrip trip;
    trip.on_timeout();
    CHECK(trip.timeout(config) == 200ms);
    trip.on_sample(2ms);
    CHECK(trip.timeout(config) == 50ms);
    trip.on_timeout();
    trip.on_timeout();
    CHECK(trip.timeout(config) == 200ms);  // the bound doubles, not what is below it
    for (int i = 0; i < 100; ++i) {
        trip.on_timeout();
    }
    CHECK(trip.timeout(config) == 50ms * 256);
    config.probe_timeout_max = 1s;
    CHECK(trip.timeout(config) == 1s);
    trip.on_sample(2ms);
    CHECK(trip.timeout(config) == 50ms);
}

TEST_CASE("samples that cannot be are taken for ones that can") {
    RoundTrip past;
    past.on_sample(-5ms);
    CHECK(past.smoothed() == 0ms);
    RoundTrip future;
    future.on_sample(base::Duration::max());
    CHECK(future.smoothed() == 60s);
    future.on_sample(base::Duration::min());
    CHECK(future.smoothed() == 52500ms);
}

TEST_CASE("a peer with a steady round trip is rarely waited for too short") {
    base::Prng prng(7);
    Config const config;
    RoundTrip trip;
    trip.on_sample(120ms);
    int late = 0;
    for (int i = 0; i < 10'000; ++i) {
        base::Duration const sample = 100ms + 40ms * static_cast<int>(prng.below(100)) / 100;
        late += sample > trip.timeout(config) ? 1 : 0;
        trip.on_sample(sample);
    }
    CHECK(late < 20);
    CHECK(trip.timeout(config) < 200ms);
}

TEST_CASE("health falls with what this host fails at and recovers with answers") {
    LocalHealth health;
    health.on_probe_answered();
    CHECK(health.score() == 0);
    CHECK(health.stretched(200ms) == 200ms);
    health.on_refutation();
    health.on_pause();
    CHECK(health.score() == 2);
    CHECK(health.stretched(200ms) == 600ms);
    health.on_probe_answered();
    CHECK(health.score() == 1);
}

TEST_CASE("a failed probe counts against this host by the nacks that are missing") {
    LocalHealth health;
    health.on_probe_failed(3, 3);
    CHECK(health.score() == 0);
    health.on_probe_failed(3, 1);
    CHECK(health.score() == 2);
    health.on_probe_failed(3, 5);
    CHECK(health.score() == 2);
    health.on_probe_failed(0, 0);
    CHECK(health.score() == 3);
    for (int i = 0; i < 5; ++i) {
        health.on_probe_failed(16, 0);
    }
    CHECK(health.score() == gossip::health_worst);
    CHECK(health.stretched(1s) == 8s);
}
