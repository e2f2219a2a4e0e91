#include "spec/compose_units.h"

#include <limits>

#include <catch2/catch.hpp>

#include "spec/rules.h"

using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::minutes;

TEST_CASE("durations are read as Go reads them") {
    struct Case {
        char const* text;
        base::Duration value;
    };

    Case const cases[] = {
        {"0", base::Duration(0)},
        {"0s", base::Duration(0)},
        {"7ns", base::Duration(7)},
        {"10us", microseconds(10)},
        {"10\xc2\xb5s", microseconds(10)},
        {"300ms", base::milliseconds(300)},
        {"90s", base::seconds(90)},
        {"1m30s", base::seconds(90)},
        {"1h5m", minutes(65)},
        {"1h0m0.5s", hours(1) + base::milliseconds(500)},
        {"1.5h", minutes(90)},
        {".5s", base::milliseconds(500)},
        {"8760h", spec::duration_max},
    };
    for (Case const& item : cases) {
        INFO(item.text);
        CHECK(spec::parse_duration(item.text) == item.value);
    }
    for (char const* const text : {"", "s", "1", "-1s", "1s ", " 1s", "1 s", "1x", "1d", "1.s.",
                                   ".", ".s", "1e3s", "8760h1ns", "99999999999999999999h"}) {
        INFO(text);
        CHECK_FALSE(spec::parse_duration(text).has_value());
    }
}

TEST_CASE("memory is counted in units of 1024") {
    struct Case {
        char const* text;
        std::uint64_t value;
    };

    Case const cases[] = {
        {"0", 0},
        {"1024", 1024},
        {"7b", 7},
        {"1k", 1024},
        {"1kb", 1024},
        {"2KiB", 2048},
        {"50M", 50 << 20},
        {"64mb", 64 << 20},
        {"64 mb", 64 << 20},
        {"1g", 1 << 30},
        {"1.5gb", 3ULL << 29},
        {"1.1k", 1127},  // 1126.4 rounded up
        {"1024t", spec::memory_max},
    };
    for (Case const& item : cases) {
        INFO(item.text);
        CHECK(spec::parse_memory(item.text) == item.value);
    }
    for (char const* const text : {"", "m", "-1m", "1x", "1  m", "1mm", "1.5.5g", "0x10", "1025t",
                                   "99999999999999999999", "1.1234567891g"}) {
        INFO(text);
        CHECK_FALSE(spec::parse_memory(text).has_value());
    }
}

TEST_CASE("cpus are counted in thousandths, rounded up") {
    CHECK(spec::parse_cpus("0") == 0);
    CHECK(spec::parse_cpus("0.5") == 500);
    CHECK(spec::parse_cpus("2") == 2000);
    CHECK(spec::parse_cpus("1.") == 1000);
    CHECK(spec::parse_cpus("0.0001") == 1);
    CHECK(spec::parse_cpus("0.1234") == 124);
    CHECK(spec::parse_cpus("1000") == spec::cpu_milli_max);
    for (char const* const text : {"", ".", "-1", "1e3", "one", "1001", "1000.001"}) {
        INFO(text);
        CHECK_FALSE(spec::parse_cpus(text).has_value());
    }
}

TEST_CASE("scalars become the text that Compose makes of them") {
    struct Case {
        char const* text;
        char const* value;
    };

    Case const cases[] = {
        {"True", "true"},
        {"FALSE", "false"},
        {"true", "true"},
        {"yes", "yes"},
        {"80", "80"},
        {"+80", "80"},
        {"-7", "-7"},
        {"0", "0"},
        {"0x1F", "31"},
        {"0o17", "15"},
        {"0b11", "3"},
        {"017", "15"},
        {"089", "89"},
        {"1_000", "1000"},
        {"1.50", "1.5"},
        {"1.0", "1"},
        {".5", "0.5"},
        {"1e3", "1000"},
        {"1e21", "1e+21"},
        {"0.00001", "1e-05"},
        {"1.2.3", "1.2.3"},
        {"1.27-a", "1.27-a"},
        {"10:30", "10:30"},
        {"0x", "0x"},
        {"2024-01-01", "2024-01-01"},
        {"", ""},
        {"-", "-"},
        {"_1", "_1"},
        {"18446744073709551615", "18446744073709551615"},
        {"0.0", "0"},
        {"1e999", "1e999"},
    };
    for (Case const& item : cases) {
        INFO(item.text);
        CHECK(spec::scalar_text(item.text) == item.value);
    }
}

TEST_CASE("a command line is cut into words") {
    struct Case {
        char const* text;
        std::vector<std::string> words;
    };

    Case const cases[] = {
        {"", {}},
        {"  ", {}},
        {"a", {"a"}},
        {" a  b\tc\nd ", {"a", "b", "c", "d"}},
        {"nginx -g 'daemon off;'", {"nginx", "-g", "daemon off;"}},
        {R"(a "b c"'d e'f)", {"a", "b cd ef"}},
        {R"(a '' "")", {"a", "", ""}},
        {R"(a\ b \"c)", {"a b", "\"c"}},
        {R"("a\"b" 'c\d')", {"a\"b", R"(c\d)"}},
        {R"(a\tb "x\ny")", {"a\tb", "x\ny"}},
        {R"("a && b | c > d")", {"a && b | c > d"}},
    };
    for (Case const& item : cases) {
        INFO(item.text);
        auto const words = spec::split_command(item.text);
        REQUIRE(words.has_value());
        CHECK(*words == item.words);
    }
    CHECK(spec::split_command("a 'b").error() == "a quote is not closed");
    CHECK(spec::split_command("a \"b").error() == "a quote is not closed");
    CHECK(spec::split_command("a \\").error() == "a backslash at the end escapes nothing");
    for (char const* const text : {"a; b", "a && b", "a | b", "a > b", "$(a)", "`a`"}) {
        INFO(text);
        CHECK_FALSE(spec::split_command(text).has_value());
    }
}
