#include "base/address.h"

#include <catch2/catch.hpp>

using namespace base;

TEST_CASE("addresses are written as they are read") {
    for (char const* text : {"0.0.0.0", "10.128.3.255", "255.255.255.255", "fd00::1", "::1"}) {
        auto const ip = parse_ip(text);
        REQUIRE(ip);
        CHECK(to_string(*ip) == text);
    }
    for (char const* text : {"", "10.0.0", "10.0.0.256", "host", "10.0.0.1 ", "1.2.3.4.5"}) {
        CHECK_FALSE(parse_ip(text));
    }
}

TEST_CASE("a port may follow an address") {
    CHECK(to_string(*parse_socket_address("10.0.0.1", 7700)) == "10.0.0.1:7700");
    CHECK(to_string(*parse_socket_address("10.0.0.1:80", 7700)) == "10.0.0.1:80");
    CHECK(to_string(*parse_socket_address("fd00::1", 7700)) == "[fd00::1]:7700");
    CHECK(to_string(*parse_socket_address("[fd00::1]:80", 7700)) == "[fd00::1]:80");
    CHECK(to_string(*parse_socket_address("[fd00::1]", 7700)) == "[fd00::1]:7700");
    for (char const* text : {"10.0.0.1:", "10.0.0.1:65536", "10.0.0.1:-1", "[fd00::1", ":80",
                             "[fd00::1]80", "[fd00::1]:"}) {
        CHECK_FALSE(parse_socket_address(text, 7700));
    }
}

TEST_CASE("a prefix contains its addresses and no others") {
    auto const prefix = parse_prefix("10.128.3.0/24");
    REQUIRE(prefix);
    CHECK(to_string(*prefix) == "10.128.3.0/24");
    CHECK(prefix->contains(*parse_ip("10.128.3.0")));
    CHECK(prefix->contains(*parse_ip("10.128.3.255")));
    CHECK_FALSE(prefix->contains(*parse_ip("10.128.4.0")));
    CHECK_FALSE(prefix->contains(*parse_ip("fd00::1")));
    CHECK(to_string(prefix->host(7)) == "10.128.3.7");
    CHECK(parse_prefix("0.0.0.0/0")->contains(*parse_ip("192.0.2.1")));
    for (char const* text : {"10.128.3.1/24", "10.0.0.0", "10.0.0.0/33", "fd00::/8", "10.0.0.0/"}) {
        CHECK_FALSE(parse_prefix(text));
    }
}
