#include <catch2/catch.hpp>

#include "base/text.h"
#include "tests/fleet/test_fleet.h"

using Catch::Contains;

namespace {

constexpr std::string_view client = R"(
  client:
    image: busybox
    command: ["sleep", "1000000"]
    stop_grace_period: 500ms
)";

std::set<std::string> const all_names{"web-1", "web-2", "web-3"};

// Three replicas of shop/web, and shop/client to ask from.
struct Shop {
    TestFleet fleet = TestFleet::founded();
    agent::InstanceReport inside;

    Shop() {
        fleet[0].put_file("shop.yaml", base::concat(web_file(3), client));
        REQUIRE(fleet.becomes_whole("shop/web", 3));
        REQUIRE(fleet.becomes_whole("shop/client", 1));
        inside = fleet.instance("shop/client");
    }

    fleet::Output in_client(std::vector<std::string> arguments) {
        return fleet.host_of(inside).exec(inside.id, std::move(arguments));
    }
};

}  // namespace

TEST_CASE("names are answered inside a container") {
    if (!can_make_fleets()) {
        return;
    }
    Shop shop;
    std::string const vip = to_string(shop.fleet.vip("shop/web").ip);
    auto const ask = [&](std::vector<std::string> words) {
        words.insert(words.begin(), "nslookup");
        auto const output = shop.in_client(std::move(words));
        return output.out + output.err;
    };
    CHECK_THAT(ask({"web.shop.covey.internal"}), Contains(base::concat("Address: ", vip, "\n")));
    CHECK_THAT(ask({"web"}), Contains(base::concat("Address: ", vip, "\n")));
    CHECK_THAT(ask({"host2.node.covey.internal"}), Contains("Address: 10.77.0.12\n"));
    CHECK_THAT(ask({"nothing.shop.covey.internal"}), Contains("NXDOMAIN"));

    auto const replicas = ask({"tasks.web.shop.covey.internal"});
    auto const ports = ask({"-type=srv", "_80._tcp.web.shop.covey.internal"});
    for (agent::InstanceReport const& instance : shop.fleet[0].instances("shop/web")) {
        std::string const address = to_string(instance.address);
        std::string const name = base::concat(instance.slot, ".web.shop.covey.internal");
        CHECK_THAT(replicas, Contains(base::concat("Address: ", address, "\n")));
        CHECK_THAT(ask({name}), Contains(base::concat("Address: ", address, "\n")));
        CHECK_THAT(ports, Contains(base::concat(" 80 ", name)));
        CHECK_THAT(ask({address}), Contains(base::concat("name = ", name)));
    }
    // Programs look names up by the search list of their container.
    CHECK_THAT(shop.in_client({"wget", "-q", "-O", "-", "http://web/"}).out, Contains("hello"));
}

TEST_CASE("the virtual address reaches every replica, from every host and from containers") {
    if (!can_make_fleets()) {
        return;
    }
    Shop shop;
    auto const vip = shop.fleet.vip("shop/web");
    for (std::size_t index = 0; index < shop.fleet->size(); ++index) {
        CHECK(answering_names(shop.fleet[index].netns(), vip, 40) == all_names);
    }
    auto const netns = shop.fleet.host_of(shop.inside).container_netns(shop.inside.id);
    CHECK(answering_names(netns, vip, 40) == all_names);
}

TEST_CASE("a published port answers on every host, to hosts and containers") {
    if (!can_make_fleets()) {
        return;
    }
    Shop shop;
    auto const netns = shop.fleet.host_of(shop.inside).container_netns(shop.inside.id);
    for (std::size_t index = 0; index < shop.fleet->size(); ++index) {
        fleet::Host& host = shop.fleet[index];
        base::SocketAddress const published{host.address(), 8080};
        CHECK(answering_names(shop.fleet[0].netns(), published, 40) == all_names);
        CHECK(answering_names(netns, published, 40) == all_names);
        CHECK(answering_names(host.netns(), {base::IpAddress::v4(0x7f000001), 8080}, 40) ==
              all_names);
    }
}

TEST_CASE("containers reach each other across hosts by address") {
    if (!can_make_fleets()) {
        return;
    }
    Shop shop;
    auto const netns = shop.fleet.host_of(shop.inside).container_netns(shop.inside.id);
    bool elsewhere = false;
    for (agent::InstanceReport const& instance : shop.fleet[0].instances("shop/web")) {
        elsewhere = elsewhere || instance.node != shop.inside.node;
        CHECK(answering_names(netns, {instance.address, 80}, 1) ==
              std::set{base::concat("web-", instance.slot)});
    }
    CHECK(elsewhere);
}
