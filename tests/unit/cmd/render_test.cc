#include "cmd/render.h"

#include <catch2/catch.hpp>

#include "cmd/table.h"

namespace {

base::NodeId node_id(std::uint8_t first) {
    base::NodeId id;
    id.bytes[0] = first;
    return id;
}

agent::NodeReport node() {
    return {.id = node_id(0xab),
            .name = "alpha",
            .address = {base::IpAddress::v4(0x0a000001), 7700},
            .status = agent::NodeStatus::alive,
            .self = true,
            .current = true,
            .subnet = "10.128.3.0/24",
            .cpu_milli = 2500,
            .memory_bytes = 3ULL << 30,
            .arch = "x86_64",
            .runtime = "runc",
            .version = "0.1.0",
            .labels = {"rack=1", "zone=a"},
            .instances = 4,
            .since = base::seconds(200),
            .round_trip = std::chrono::microseconds(2450),
            .distance = std::chrono::microseconds(1900)};
}

agent::NodeReport lost_node() {
    agent::NodeReport lost;
    lost.id = node_id(0xcd);
    lost.name = "beta-with-a-long-name";
    lost.address = {base::IpAddress::v4(0x0a000002), 7700};
    lost.status = agent::NodeStatus::down;
    lost.since = base::milliseconds(1500);
    return lost;
}

}  // namespace

TEST_CASE("A table aligns its columns and leaves no trailing space") {
    cmd::Table table{"A", "LONG", "LAST"};
    table.add({"wide cell", "", "x"});
    table.add({"a\x1b[31m\n", "b", ""});
    CHECK(table.text() ==
          "A          LONG  LAST\n"
          "wide cell  -     x\n"
          "a?[31m?    b     -\n");
}

TEST_CASE("Hosts as a table") {
    CHECK(cmd::render(std::vector{node(), lost_node()}, cmd::Listing::table) ==
          "NAME                   STATUS  FOR    ADDRESS        SUBNET         INSTANCES  RTT\n"
          "alpha *                alive   3m20s  10.0.0.1:7700  10.128.3.0/24  4          1.9ms\n"
          "beta-with-a-long-name  down    1s     10.0.0.2:7700  -              0          -\n");
    CHECK(cmd::render(std::vector{node()}, cmd::Listing::wide) ==
          "NAME     STATUS  FOR    ADDRESS        SUBNET         INSTANCES  RTT    "
          "MEASURED  ID                                CPUS  MEMORY  ARCH    RUNTIME  VERSION  "
          "LABELS\n"
          "alpha *  alive   3m20s  10.0.0.1:7700  10.128.3.0/24  4          1.9ms  "
          "2.4ms     ab000000000000000000000000000000  2.5   3 GiB   x86_64  runc     0.1.0    "
          "rack=1,zone=a\n");
}

TEST_CASE("A host that takes nothing new says why") {
    agent::NodeReport full = node();
    full.disk_full = true;
    CHECK_THAT(cmd::render(std::vector{full}, cmd::Listing::table),
               Catch::Contains("alpha *  alive, disk full  3m20s"));
}

TEST_CASE("The nearest hosts come first, this one before all, unknown ones last") {
    auto const at = [](char const* name, int microseconds) {
        agent::NodeReport host;
        host.name = name;
        host.distance = std::chrono::microseconds(microseconds);
        return host;
    };
    std::vector nodes{at("far", 900), at("gone", 0), at("here", 0), at("near", 20), at("too", 900)};
    nodes[2].self = true;
    cmd::sort_nearest(nodes);
    std::string order;
    for (agent::NodeReport const& host : nodes) {
        order += host.name + ' ';
    }
    CHECK(order == "here near far too gone ");
}

TEST_CASE("An unsteady host that does not answer says so") {
    agent::NodeReport silent = lost_node();
    silent.name = "c";
    silent.status = agent::NodeStatus::unsteady;
    silent.silent = base::seconds(12);
    CHECK_THAT(cmd::render(std::vector{silent}, cmd::Listing::table),
               Catch::Contains("c     unsteady (not answering for 12s)  1s"));
}

TEST_CASE("Services as a table") {
    agent::ServiceReport web{.service = "shop/web",
                             .image = "web:1",
                             .global = false,
                             .replicas = 3,
                             .healthy = 2,
                             .running = 3,
                             .revision = "0011223344556677",
                             .updating = true,
                             .vip = base::IpAddress::v4(0x0a8f0001),
                             .ports = {"8080->80/tcp", "81/udp"},
                             .message = ""};
    agent::ServiceReport clash = web;
    clash.service = "shop/x";
    clash.vip.reset();
    clash.ports.clear();
    clash.message = "port 8080/tcp is already published by shop/web";
    CHECK(cmd::render(std::vector{web, clash}, cmd::Listing::table) ==
          "SERVICE   HEALTHY  VIP         PORTS                IMAGE  NOTE\n"
          "shop/web  2/3      10.143.0.1  8080->80/tcp,81/udp  web:1  updating\n"
          "shop/x    2/3      -           -                    web:1  "
          "port 8080/tcp is already published by shop/web\n");
    CHECK(cmd::render(std::vector<agent::ServiceReport>{}, cmd::Listing::table) ==
          "SERVICE  HEALTHY  VIP  PORTS  IMAGE  NOTE\n");
}

TEST_CASE("Instances as a table") {
    agent::InstanceReport healthy;
    healthy.service = "shop/web";
    healthy.slot = 1;
    healthy.status = agent::InstanceStatus::healthy;
    healthy.id = "shop.web.1.00112233.4";
    healthy.node = "alpha";
    healthy.address = base::IpAddress::v4(0x0a800302);
    healthy.old_revision = true;
    healthy.revision = "0011223344556677";
    healthy.restarts = 2;
    healthy.exit_code = 137;
    agent::InstanceReport pending;
    pending.service = "shop/web";
    pending.slot = 2;
    pending.message = "no host has 8 CPUs free";
    CHECK(cmd::render(std::vector{healthy, pending}, cmd::Listing::table) ==
          "INSTANCE    STATUS         NODE   ADDRESS     RESTARTS  NOTE\n"
          "shop/web/1  healthy (old)  alpha  10.128.3.2  2         -\n"
          "shop/web/2  pending        -      -           0         no host has 8 CPUs free\n");
    CHECK(cmd::render(std::vector{healthy}, cmd::Listing::wide) ==
          "INSTANCE    STATUS         NODE   ADDRESS     RESTARTS  CONTAINER              "
          "REVISION          EXIT  NOTE\n"
          "shop/web/1  healthy (old)  alpha  10.128.3.2  2         shop.web.1.00112233.4  "
          "0011223344556677  137   -\n");
}

TEST_CASE("Images as a table") {
    net::ImageReport const image{"web:1", "sha256:00112233445566778899aabbccddeeff", 5'500'000};
    CHECK(cmd::render(std::vector{image}, cmd::Listing::table) ==
          "IMAGE  ID                   SIZE\n"
          "web:1  sha256:001122334455  5.2 MiB\n");
}

TEST_CASE("The status names service files and problems") {
    agent::StatusReport status;
    status.id = node_id(0xab);
    status.name = "alpha";
    status.address = {base::IpAddress::v4(0x0a000001), 7700};
    status.profile = "lan";
    status.nodes_alive = 2;
    status.nodes_known = 3;
    status.services = 1;
    status.replicas_wanted = 3;
    status.replicas_healthy = 2;
    status.state_digest = 0x1234;
    status.files = {{"shop.yaml", true, {"web", "db"}, {"shop.yaml:3:5: services.web.x: ignored"}},
                    {"bad.yaml", false, {}, {"bad.yaml:1:1: expected a mapping"}}};
    status.problems = {"beta is down"};
    CHECK(cmd::render(status, cmd::Listing::table) ==
          "host       alpha (ab000000) at 10.0.0.1:7700\n"
          "fleet      2 of 3 hosts alive; still learning the fleet's state\n"
          "membership lan\n"
          "services   1, 2 of 3 replicas healthy\n"
          "subnet     none claimed yet\n"
          "files\n"
          "  shop.yaml: web,db\n"
          "    shop.yaml:3:5: services.web.x: ignored\n"
          "  bad.yaml: not usable; its previous services keep running\n"
          "    bad.yaml:1:1: expected a mapping\n"
          "problems\n"
          "  beta is down\n");
    CHECK_THAT(cmd::render(status, cmd::Listing::wide),
               Catch::Contains("digest 0000000000001234, 0 conflicts\n"));
    CHECK_THAT(cmd::render(status, cmd::Listing::json),
               Catch::StartsWith("{\"id\":\"ab00") && Catch::EndsWith("}\n"));
}
