#include "gossip/config.h"

#include <functional>
#include <vector>

#include <catch2/catch.hpp>

using namespace std::chrono_literals;
using gossip::Config;
using gossip::Profile;

namespace {

using Change = std::function<void(Config&)>;

std::string complaint(Change const& change) {
    Config config;
    change(config);
    auto const checked = gossip::check(config);
    return checked ? "" : checked.error();
}

// A parameter at the ends of its limits and just beyond them, where the complaint is about `below`
// and `above`: itself, or the one whose limit it is.
struct Limit {
    std::string name;
    Change lowest, highest, too_low, too_high;
    std::string below = name;
    std::string above = name;
};

template <class Value>
Limit limit(std::string name, Value Config::* field, Value min, Value max, Value step) {
    auto const set = [field](Value value) {
        return [field, value](Config& config) { config.*field = value; };
    };
    return {std::move(name), set(min), set(max), set(min - step), set(max + step)};
}

Limit limit(std::string name, base::Duration Config::* field, base::Duration min,
            base::Duration max) {
    return limit<base::Duration>(std::move(name), field, min, max, 1ns);
}

std::vector<Limit> all_limits() {
    Limit timeout_min = limit("probe_timeout_min", &Config::probe_timeout_min, 10ms, 100ms);
    timeout_min.above = "probe_timeout_initial";
    Limit timeout_max = limit("probe_timeout_max", &Config::probe_timeout_max, 100ms, 30s);
    timeout_max.below = "probe_timeout_initial";
    Limit flap_hold = limit("flap_hold", &Config::flap_hold, 1s, 10min);
    flap_hold.above = "flap_hold_max";
    return {
        timeout_min,
        timeout_max,
        flap_hold,
        limit("probe_interval", &Config::probe_interval, 50ms, 60s),
        limit("probe_timeout_initial", &Config::probe_timeout_initial, 50ms, 1s),
        limit("indirect_probes", &Config::indirect_probes, 0, 16, 1),
        limit("suspicion_mult", &Config::suspicion_mult, 1, 20, 1),
        limit("suspicion_max_mult", &Config::suspicion_max_mult, 1, 20, 1),
        limit("confirmations", &Config::confirmations, 0, 8, 1),
        limit("gossip_interval", &Config::gossip_interval, 10ms, 10s),
        limit("gossip_fanout", &Config::gossip_fanout, 1, 16, 1),
        limit("retransmit_mult", &Config::retransmit_mult, 1, 16, 1),
        limit("push_pull_interval", &Config::push_pull_interval, 1s, 10min),
        limit("reconnect_interval", &Config::reconnect_interval, 100ms, 10min),
        limit("restart_hold", &Config::restart_hold, 0s, 10min),
        limit("flap_window", &Config::flap_window, 1s, 1h),
        limit("flap_hold_max", &Config::flap_hold_max, 30s, 24h),
        limit<std::size_t>("datagram_max", &Config::datagram_max, 640, 8192, 1),
        limit<std::size_t>("stream_max", &Config::stream_max, 65536, 1048576, 1),
        limit<std::size_t>("queue_max", &Config::queue_max, 1, 65536, 1),
        limit("peer_rate_max", &Config::peer_rate_max, 50, 100'000, 1),
    };
}

}  // namespace

TEST_CASE("every profile is within the limits, and a slower one is more patient") {
    for (Profile const profile : {Profile::lan, Profile::wan, Profile::edge}) {
        CAPTURE(to_string(profile));
        CHECK(gossip::check(gossip::config_of(profile)));
    }
    CHECK(gossip::config_of(Profile::lan) == Config{});
    Config const wan = gossip::config_of(Profile::wan);
    Config const edge = gossip::config_of(Profile::edge);
    CHECK(wan.probe_interval == 500ms);
    CHECK(wan.probe_timeout_initial == 500ms);
    CHECK(wan.restart_hold == 30s);
    CHECK(wan.flap_hold == 30s);
    CHECK(edge.probe_interval == 1s);
    CHECK(edge.probe_timeout_max == 4s);
    CHECK(edge.flap_hold == 60s);
}

TEST_CASE("profiles are read as they are written, and nothing else is") {
    for (Profile const profile : {Profile::lan, Profile::wan, Profile::edge}) {
        CHECK(gossip::parse_profile(to_string(profile)) == profile);
    }
    for (char const* text : {"", "LAN", "lan ", "local"}) {
        CHECK_FALSE(gossip::parse_profile(text));
    }
}

TEST_CASE("a parameter may be anything within its limits and nothing beyond") {
    for (Limit const& limit : all_limits()) {
        CAPTURE(limit.name);
        CHECK(complaint(limit.lowest).empty());
        CHECK(complaint(limit.highest).empty());
        CHECK(complaint(limit.too_low).starts_with(limit.below + " is "));
        CHECK(complaint(limit.too_high).starts_with(limit.above + " is "));
    }
}

TEST_CASE("a complaint says which value, and what to give instead") {
    CHECK(complaint([](Config& config) { config.probe_interval = 5ms; }) ==
          "probe_interval is 5ms: give 50ms to 60s");
    CHECK(complaint([](Config& config) { config.restart_hold = -1500us; }) ==
          "restart_hold is -1500us: give 0s to 10m");
    CHECK(complaint([](Config& config) { config.flap_hold_max = 25h; }) ==
          "flap_hold_max is 25h: give 30s to 24h");
    CHECK(complaint([](Config& config) { config.push_pull_interval = 90s + 1ns; }).empty());
    CHECK(complaint([](Config& config) { config.gossip_interval = 7ns; }) ==
          "gossip_interval is 7ns: give 10ms to 10s");
    CHECK(complaint([](Config& config) { config.indirect_probes = 17; }) ==
          "indirect_probes is 17: give 0 to 16");
    CHECK(complaint([](Config& config) { config.datagram_max = 100; }) ==
          "datagram_max is 100B: give 640B to 8KiB");
    CHECK(complaint([](Config& config) { config.stream_max = 2 << 20; }) ==
          "stream_max is 2MiB: give 64KiB to 1MiB");
}

TEST_CASE("parameters that are limits of others have limits themselves") {
    CHECK(complaint([](Config& config) {
              config.flap_hold_max = 24h;
              config.flap_hold = 1h + 1s;
          }) == "flap_hold is 3601s: give 1s to 1h");
    CHECK(complaint([](Config& config) { config.probe_timeout_min = 31s; }) ==
          "probe_timeout_min is 31s: give 10ms to 30s");
    CHECK(complaint([](Config& config) { config.probe_timeout_min = 2s; }) ==
          "probe_timeout_max is 1s: give 2s to 30s");
    CHECK(complaint([](Config& config) { config.probe_timeout_initial = 1001ms; }) ==
          "probe_timeout_initial is 1001ms: give 50ms to 1s");
}
