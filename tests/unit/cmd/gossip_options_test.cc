#include "cmd/gossip_options.h"

#include <catch2/catch.hpp>

using namespace std::chrono_literals;

TEST_CASE("What is given goes before the file, and the file before the profile") {
    auto const plain = cmd::gossip_settings({}, {});
    REQUIRE(plain.has_value());
    CHECK(plain->settings.gossip == gossip::config_of(gossip::Profile::lan));
    CHECK(plain->settings.mass_loss_hold == 30s);
    CHECK(plain->summary == "lan");

    auto const both = cmd::gossip_settings({{"profile", "edge"},
                                            {"probe-interval", "900ms"},
                                            {"gossip-fanout", "5"},
                                            {"mass-loss-hold", "2m"}},
                                           {{"probe-interval", "2s"}, {"profile", "wan"}});
    REQUIRE(both.has_value());
    gossip::Config expected = gossip::config_of(gossip::Profile::wan);
    expected.probe_interval = 2s;
    expected.gossip_fanout = 5;
    CHECK(both->settings.gossip == expected);
    CHECK(both->settings.mass_loss_hold == 2min);
    CHECK(both->summary == "wan with gossip-fanout=5, mass-loss-hold=2m, probe-interval=2s");
}

TEST_CASE("A parameter that is wrong is named, with what is right") {
    auto const error = [](cmd::GossipTexts const& texts) {
        auto const settings = cmd::gossip_settings(texts, {});
        return settings ? std::string() : settings.error().message;
    };
    CHECK(error({{"profile", "moon"}}) == "profile: \"moon\" is not lan, wan or edge");
    CHECK(error({{"probe-intervall", "1s"}}) ==
          "[gossip] has no parameter \"probe-intervall\"; did you mean \"probe-interval\"?");
    for (char const* text : {"", "1", "s", "1.5s", "-1s", "1 s", "9999999h"}) {
        INFO(text);
        CHECK_THAT(error({{"probe-interval", text}}),
                   Catch::EndsWith("is not a duration such as 200ms, 5s or 2m"));
    }
    CHECK_THAT(error({{"gossip-fanout", "many"}}), Catch::EndsWith("is not a number"));
    CHECK(error({{"mass-loss-hold", "2h"}}) == "gossip: mass_loss_hold is 7200s: give 0s to 1h");
    CHECK(error({{"mass-loss-hold", "1h"}}).empty());
    CHECK(error({{"mass-loss-hold", "0s"}}).empty());
    // The library's own words.
    CHECK_THAT(error({{"probe-interval", "1ms"}}), Catch::StartsWith("gossip: probe_interval"));
}

TEST_CASE("Changes are shown one by one") {
    agent::Settings const before;
    agent::Settings after = before;
    CHECK(cmd::gossip_changes(before, after).empty());
    after.gossip.probe_interval = 1s;
    after.gossip.restart_hold = 2500ms;
    after.gossip.confirmations = before.gossip.confirmations + 1;
    after.mass_loss_hold = 1min;
    auto const changes = cmd::gossip_changes(before, after);
    REQUIRE(changes.size() == 4);
    CHECK(changes[3] == "mass-loss-hold: 30s -> 60s");
    CHECK(changes[0] == "probe-interval: 200ms -> 1s");
    CHECK(changes[2] == "restart-hold: 15s -> 2500ms");
}
