#include "net/resolve.h"

#include <catch2/catch.hpp>

using base::parse_ip;

TEST_CASE("an IP address is its own answer") {
    CHECK(net::resolve("10.1.2.3", base::seconds(0)).value() == std::vector{*parse_ip("10.1.2.3")});
    CHECK(net::resolve("fd00::1", base::seconds(0)).value() == std::vector{*parse_ip("fd00::1")});
}

TEST_CASE("localhost is known without a name server") {
    auto const addresses = net::resolve("localhost", base::seconds(5));
    REQUIRE(addresses);
    bool loopback = false;
    for (base::IpAddress const& ip : *addresses) {
        loopback = loopback || ip == *parse_ip("127.0.0.1") || ip == *parse_ip("::1");
    }
    CHECK(loopback);
}

TEST_CASE("what cannot be a host name is refused at once") {
    CHECK_FALSE(net::resolve("", base::seconds(1)));
    CHECK_FALSE(net::resolve(std::string(300, 'a'), base::seconds(1)));
}
