#include "agent/tables.h"

#include <catch2/catch.hpp>

#include "tests/unit/agent/support.h"

using namespace agent;
using runtime::Phase;

namespace {

struct Fleet {
    State state;
    Roster roster;

    Fleet() {
        for (std::uint8_t number = 1; number <= 3; ++number) {
            join(state, roster, node(number));
        }
    }

    [[nodiscard]] std::vector<std::uint32_t> slots(std::string const& service) const {
        std::vector<std::uint32_t> out;
        Endpoints const all = endpoints(state, roster);
        if (auto const found = all.find(service); found != all.end()) {
            for (ServiceEndpoint const& endpoint : found->second) {
                out.push_back(endpoint.slot);
            }
        }
        return out;
    }
};

using Slots = std::vector<std::uint32_t>;

spec::ServiceSpec published(std::string name, std::uint16_t port,
                            spec::Protocol protocol = spec::Protocol::tcp) {
    spec::ServiceSpec spec = service(std::move(name));
    spec.ports = {{80, port, protocol}};
    return spec;
}

}  // namespace

TEST_CASE("healthy instances are used, in order of their slots") {
    Fleet fleet;
    spec::ServiceSpec const web = service("web");
    put(fleet.state, web);
    put(fleet.state, node(2), record(web, 3, Phase::healthy));
    put(fleet.state, node(2), record(web, 1, Phase::healthy));
    put(fleet.state, node(1), record(web, 2, Phase::healthy));
    put(fleet.state, node(3), record(web, 4, Phase::running));
    put(fleet.state, node(3), record(web, 5, Phase::draining));
    put(fleet.state, node(3), record(web, 6, Phase::starting));
    CHECK(fleet.slots("shop/web") == Slots{1, 2, 3});
}

TEST_CASE("when none is healthy, all that run are used") {
    Fleet fleet;
    spec::ServiceSpec const web = service("web");
    put(fleet.state, web);
    put(fleet.state, node(1), record(web, 1, Phase::running));
    put(fleet.state, node(2), record(web, 2, Phase::running));
    put(fleet.state, node(3), record(web, 3, Phase::backoff));
    CHECK(fleet.slots("shop/web") == Slots{1, 2});
    put(fleet.state, node(3), record(web, 3, Phase::healthy));
    CHECK(fleet.slots("shop/web") == Slots{3});
}

TEST_CASE("hosts that are down and services that are removed give nothing") {
    Fleet fleet;
    spec::ServiceSpec const web = service("web");
    put(fleet.state, web);
    put(fleet.state, node(1), record(web, 1, Phase::healthy));
    put(fleet.state, node(2), record(web, 2, Phase::healthy));
    fleet.roster.erase(node(1));
    CHECK(fleet.slots("shop/web") == Slots{2});
    fleet.state.update("service/shop/web", nullptr);
    CHECK(fleet.slots("shop/web").empty());
}

TEST_CASE("the instances of a suspected host are doubtful, in the tables too") {
    Fleet fleet;
    spec::ServiceSpec const web = published("web", 8080);
    put(fleet.state, web);
    put(fleet.state, node(1), record(web, 1, Phase::healthy));
    put(fleet.state, node(2), record(web, 2, Phase::healthy));
    fleet.roster[node(2)].suspect = true;
    Balancing const out = make_frontends(fleet.state, endpoints(fleet.state, fleet.roster));
    REQUIRE(out.frontends.size() == 1);
    REQUIRE(out.frontends[0].backends.size() == 2);
    CHECK_FALSE(out.frontends[0].backends[0].doubtful);
    CHECK(out.frontends[0].backends[1].doubtful);
    CHECK(out.frontends[0].backends[0].address.port == 80);
}

TEST_CASE("of two services with one published port the first by name has it") {
    Fleet fleet;
    put(fleet.state, published("web", 8080));
    put(fleet.state, published("api", 8080));
    Balancing const out = make_frontends(fleet.state, {});
    REQUIRE(out.frontends.size() == 1);
    CHECK(out.frontends[0].service == "shop/api");
    REQUIRE(out.refused.contains("shop/web"));
    CHECK(out.refused.at("shop/web") == "port 8080/tcp is already published by shop/api");
    CHECK_FALSE(out.refused.contains("shop/api"));
}

TEST_CASE("a container without network is used by nobody") {
    Fleet fleet;
    spec::ServiceSpec const job = service("job");
    put(fleet.state, job);
    InstanceRecord alone = record(job, 1, Phase::healthy);
    alone.address = {};
    put(fleet.state, node(1), alone);
    CHECK(fleet.slots("shop/job").empty());
}

TEST_CASE("what listens in its host's network is not published over itself") {
    Fleet fleet;
    spec::ServiceSpec web = published("web", 80);
    web.networking.mode = spec::NetworkMode::host;
    put(fleet.state, web);
    CHECK(make_frontends(fleet.state, {}).frontends.empty());
    put(fleet.state, published("api", 80));
    Balancing const both = make_frontends(fleet.state, {});
    CHECK(both.frontends.size() == 1);
    CHECK(both.refused.at("shop/web") == "port 80/tcp of its hosts is published by shop/api");
}

TEST_CASE("an address that many share is of no project") {
    Fleet fleet;
    runtime::Instance inside;
    inside.assignment.service = "shop/web";
    inside.address = base::IpAddress::v4(0x0a800302);
    runtime::Instance shared = inside;
    shared.address = runtime::host_network_address();
    runtime::Instance const local[] = {inside, shared};
    dns::ZoneData const zone = make_zone("covey.internal", fleet.state, fleet.roster, {}, local);
    REQUIRE(zone.projects.size() == 1);
    CHECK(zone.projects.begin()->first == inside.address);
}

TEST_CASE("a container's own resolvers stand beside its address") {
    Fleet fleet;
    spec::ServiceSpec web = service("web");
    web.networking.dns = {"9.9.9.9"};
    put(fleet.state, web);
    runtime::Instance asks;
    asks.assignment.service = "shop/web";
    asks.address = base::IpAddress::v4(0x0a800302);
    runtime::Instance other = asks;
    other.assignment.service = "shop/db";
    other.address = base::IpAddress::v4(0x0a800303);
    runtime::Instance const local[] = {asks, other};
    dns::ZoneData const zone = make_zone("covey.internal", fleet.state, fleet.roster, {}, local);
    REQUIRE(zone.resolvers.size() == 1);
    CHECK(zone.resolvers.at(asks.address) ==
          std::vector<base::SocketAddress>{{base::parse_ip("9.9.9.9").value(), 53}});
}

TEST_CASE("TCP and UDP do not conflict, nor ports that are not published") {
    Fleet fleet;
    put(fleet.state, published("web", 53));
    put(fleet.state, published("dns", 53, spec::Protocol::udp));
    put(fleet.state, published("api", 0));
    Balancing const out = make_frontends(fleet.state, {});
    CHECK(out.frontends.size() == 2);
    CHECK(out.refused.empty());
}

TEST_CASE("a virtual IP listens on every port, published or exposed, once") {
    Fleet fleet;
    spec::ServiceSpec web = service("web");
    web.ports = {{53, 0, spec::Protocol::udp},
                 {80, 0, spec::Protocol::tcp},
                 {80, 8080, spec::Protocol::tcp}};
    web.expose = {80, 9000};
    put(fleet.state, web);
    std::vector<VirtualPort> const ports = virtual_ports(web);
    CHECK(ports == std::vector<VirtualPort>{{53, true}, {80, false}, {9000, false}});

    base::IpAddress const vip = base::IpAddress::v4(0x0a8f0001);
    put(fleet.state, vip_entry(vip), base::to_bytes("shop/web"));
    std::set<std::pair<base::SocketAddress, bool>> listens;
    Balancing const out = make_frontends(fleet.state, {});
    for (lb::Frontend const& frontend : out.frontends) {
        listens.emplace(frontend.listen, frontend.protocol == lb::Protocol::udp);
    }
    CHECK(listens ==
          std::set<std::pair<base::SocketAddress, bool>>{{{vip, 53}, true},
                                                         {{vip, 80}, false},
                                                         {{vip, 9000}, false},
                                                         {{base::IpAddress::v4(0), 8080}, false}});
}

TEST_CASE("the zone names services, hosts and the projects of local containers") {
    Fleet fleet;
    spec::ServiceSpec const web = published("web", 8080);
    spec::ServiceSpec const worker = service("worker");
    put(fleet.state, web);
    put(fleet.state, worker);
    put(fleet.state, node(1), record(web, 1, Phase::healthy));
    put(fleet.state, "vip/10.143.0.1", base::to_bytes("shop/web"));
    put(fleet.state, "vip/10.143.0.2", base::to_bytes("shop/worker"));
    runtime::Instance local;
    local.assignment = {"shop/web", 1, "r"};
    local.address = base::IpAddress::v4(0x0a800102);
    runtime::Instance starting;
    starting.assignment = {"shop/web", 2, "r"};
    std::vector<runtime::Instance> const instances{local, starting};
    dns::ZoneData const zone = make_zone("covey.internal", fleet.state, fleet.roster,
                                         endpoints(fleet.state, fleet.roster), instances);
    REQUIRE(zone.services.size() == 2);
    CHECK(zone.services[0].vip == base::IpAddress::v4(0x0a8f0001));
    CHECK(zone.services[0].endpoints.size() == 1);
    CHECK_FALSE(zone.services[1].vip);  // no port to listen on
    CHECK(zone.hosts.size() == 3);
    CHECK(zone.projects == std::map<base::IpAddress, std::string>{{local.address, "shop"}});
}

TEST_CASE("routes lead to the subnets of the others, also while they are down") {
    State state;
    std::map<base::NodeId, gossip::Member> members;
    for (std::uint8_t number = 1; number <= 3; ++number) {
        gossip::Member member;
        member.id = node(number);
        member.address = {base::IpAddress::v4(0x0a000000U + number), 7700};
        member.state = number == 3 ? gossip::State::down : gossip::State::alive;
        members[member.id] = member;
        put(state, subnet_entry({0x0a800000U + (std::uint32_t{number} << 8), 24}),
            base::to_bytes(to_string(member.id)));
    }
    members[node(4)] = members[node(2)];
    members[node(4)].state = gossip::State::evicted;
    put(state, subnet_entry({0x0a800400, 24}), base::to_bytes(to_string(node(4))));
    put(state, "subnet/10.128.9.0/24", base::to_bytes(to_string(node(9))));  // a stranger's
    CHECK(make_routes(node(1), state, members) ==
          std::vector<SubnetRoute>{{{0x0a800200, 24}, base::IpAddress::v4(0x0a000002)},
                                   {{0x0a800300, 24}, base::IpAddress::v4(0x0a000003)}});
}
