#include "agent/claims.h"

#include <catch2/catch.hpp>

#include "tests/unit/agent/support.h"

using namespace agent;

namespace {

void claim(State& state, base::Prefix subnet, base::NodeId owner) {
    put(state, subnet_entry(subnet), base::to_bytes(to_string(owner)));
}

base::Prefix prefix(std::string_view text) {
    return base::parse_prefix(text).value();
}

}  // namespace

TEST_CASE("a host owns what is claimed under its id, the lowest of several") {
    State state;
    CHECK_FALSE(own_subnet(state, node(1)));
    claim(state, prefix("10.128.9.0/24"), node(1));
    claim(state, prefix("10.128.4.0/24"), node(1));
    claim(state, prefix("10.128.2.0/24"), node(2));
    CHECK(own_subnet(state, node(1)) == prefix("10.128.4.0/24"));
    CHECK_FALSE(own_subnet(state, node(3)));
}

TEST_CASE("a fleet takes every subnet once, none of the virtual range, and then no more") {
    State state;
    base::Prefix const fleet = prefix("10.128.0.0/20");
    base::Prefix const virtual_range = prefix("10.128.12.0/22");
    std::set<base::Prefix> taken;
    for (std::uint8_t number = 1; number <= 12; ++number) {
        auto const free = free_subnet(state, node(number), fleet, virtual_range);
        REQUIRE(free);
        CHECK(free->length == 24);
        CHECK(fleet.contains(free->host(0)));
        CHECK_FALSE(virtual_range.contains(free->host(0)));
        CHECK(taken.insert(*free).second);
        claim(state, *free, node(number));
    }
    CHECK_FALSE(free_subnet(state, node(13), fleet, virtual_range));
    state.update(subnet_entry(*taken.begin()), nullptr);
    CHECK(free_subnet(state, node(13), fleet, virtual_range) == *taken.begin());
}

TEST_CASE("hosts choose for themselves: the same again, and mostly not the same as others") {
    State state;
    base::Prefix const fleet = prefix("10.128.0.0/12");
    std::set<base::Prefix> chosen;
    for (std::uint8_t number = 1; number <= 20; ++number) {
        auto const free = free_subnet(state, node(number), fleet, prefix("10.143.0.0/16"));
        CHECK(free == free_subnet(state, node(number), fleet, prefix("10.143.0.0/16")));
        chosen.insert(free.value());
    }
    CHECK(chosen.size() >= 19);
}

TEST_CASE("virtual IPs leave out the ends of their range and are given once") {
    State state;
    base::Prefix const range = prefix("10.143.0.0/29");
    std::set<base::IpAddress> taken;
    for (int number = 0; number < 6; ++number) {
        std::string const name = "shop/service" + std::to_string(number);
        auto const free = free_vip(state, name, range);
        REQUIRE(free);
        CHECK(*free != range.host(0));
        CHECK(*free != range.host(7));
        CHECK(taken.insert(*free).second);
        put(state, vip_entry(*free), base::to_bytes(name));
    }
    CHECK_FALSE(free_vip(state, "shop/more", range));
}
