#include "cmd/units.h"

#include <limits>

#include <catch2/catch.hpp>

TEST_CASE("Durations are shown in two units at most") {
    using namespace std::chrono_literals;
    CHECK(cmd::human_duration(0ns) == "0ms");
    CHECK(cmd::human_duration(850ms) == "850ms");
    CHECK(cmd::human_duration(12s + 900ms) == "12s");
    CHECK(cmd::human_duration(3min + 20s) == "3m20s");
    CHECK(cmd::human_duration(2h) == "2h");
    CHECK(cmd::human_duration(2h + 59s) == "2h");
    CHECK(cmd::human_duration(103h + 5min) == "4d7h");
}

TEST_CASE("Round trips are shown in the unit that suits them") {
    using namespace std::chrono_literals;
    CHECK(cmd::human_round_trip(0ns).empty());
    CHECK(cmd::human_round_trip(350us + 9ns) == "350us");
    CHECK(cmd::human_round_trip(1ms) == "1ms");
    CHECK(cmd::human_round_trip(2450us) == "2.4ms");
    CHECK(cmd::human_round_trip(37'900us) == "37ms");
}

TEST_CASE("Sizes are shown in the largest unit that leaves a whole number") {
    CHECK(cmd::human_bytes(0) == "0 B");
    CHECK(cmd::human_bytes(1023) == "1023 B");
    CHECK(cmd::human_bytes(1024) == "1 KiB");
    CHECK(cmd::human_bytes(1536) == "1.5 KiB");
    CHECK(cmd::human_bytes(10 * 1024 * 1024 + 1) == "10 MiB");
    CHECK(cmd::human_bytes(2048ULL * 1024 * 1024) == "2 GiB");
    CHECK(cmd::human_bytes(std::numeric_limits<std::uint64_t>::max()) == "15 EiB");
}

TEST_CASE("CPUs are shown without trailing zeros") {
    CHECK(cmd::human_cpus(2000) == "2");
    CHECK(cmd::human_cpus(500) == "0.5");
    CHECK(cmd::human_cpus(1025) == "1.025");
}

TEST_CASE("Durations are read with a unit behind every number") {
    using namespace std::chrono_literals;
    CHECK(cmd::parse_duration("90s") == 90s);
    CHECK(cmd::parse_duration("1h30m") == 90min);
    CHECK(cmd::parse_duration("7d") == 168h);
    for (char const* bad :
         {"", "5", "h", "-1h", "1h 2m", "1w", "99999999999999999999d", "9999d", "1h2"}) {
        INFO(bad);
        CHECK_FALSE(cmd::parse_duration(bad).has_value());
    }
}
