#include "base/text.h"

#include <catch2/catch.hpp>

#include "base/ids.h"

using namespace base;

TEST_CASE("hexadecimal goes both ways") {
    CHECK(hex(as_bytes(std::string_view("\x00\xff\x7a", 3))) == "00ff7a");
    CHECK(*unhex("00FF7a") == to_bytes(std::string_view("\x00\xff\x7a", 3)));
    CHECK_FALSE(unhex("0"));
    CHECK_FALSE(unhex("0g"));
}

TEST_CASE("a node id is 32 hexadecimal digits") {
    auto const id = parse_node_id("00112233445566778899aabbccddeeff");
    REQUIRE(id);
    CHECK(to_string(*id) == "00112233445566778899aabbccddeeff");
    CHECK(short_string(*id) == "00112233");
    CHECK_FALSE(parse_node_id("0011"));
    CHECK_FALSE(parse_node_id("00112233445566778899aabbccddeeff00"));
}

TEST_CASE("a number is the whole text") {
    CHECK(parse_integer<int>("-12") == -12);
    CHECK(parse_integer<std::uint16_t>("65535") == 65535);
    for (char const* text : {"", " 1", "1 ", "+1", "0x1", "65536", "-1"}) {
        CHECK_FALSE(parse_integer<std::uint16_t>(text));
    }
}

TEST_CASE("split keeps empty parts, trim takes spaces from both ends") {
    CHECK(split("a,,b", ',') == std::vector<std::string_view>{"a", "", "b"});
    CHECK(split("", ',') == std::vector<std::string_view>{""});
    CHECK(trim("  a b\n") == "a b");
    CHECK(trim(" \t") == "");
    CHECK(lower("WeB.Covey") == "web.covey");
}
