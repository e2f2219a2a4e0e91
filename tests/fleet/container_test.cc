#include <algorithm>

#include <catch2/catch.hpp>
#include <signal.h>

#include "base/text.h"
#include "tests/fleet/test_fleet.h"

using agent::InstanceStatus;
using Catch::Contains;
using fleet::Host;
using fleet::wait_until;

namespace {

bool has_status(TestFleet& fleet, std::string_view service, InstanceStatus status) {
    return wait_until(patience, [&] { return fleet.instance(service).status == status; });
}

fleet::Output in(TestFleet& fleet, std::string_view service, std::vector<std::string> arguments) {
    auto const instance = fleet.instance(service);
    return fleet.host_of(instance).exec(instance.id, std::move(arguments));
}

// The first of the files that has something in it: cgroup v1 and v2 have different ones.
std::string limit(TestFleet& fleet, std::string_view service,
                  std::initializer_list<char const*> files) {
    auto const instance = fleet.instance(service);
    for (char const* const file : files) {
        std::string const text = fleet.host_of(instance).cgroup_file(instance.id, file);
        if (!text.empty()) {
            return std::string(base::trim(text));
        }
    }
    return {};
}

std::string check(std::string_view text) {
    return base::concat("    healthcheck:\n      ", text,
                        "\n      interval: 100ms\n      timeout: 1s\n      start_period: 60s\n"
                        "      start_interval: 100ms\n");
}

}  // namespace

TEST_CASE("a container is healthy when its check says so: exec, tcp and http") {
    if (!can_make_fleets()) {
        return;
    }
    TestFleet fleet = TestFleet::founded(1);
    fleet[0].put_file("a.yaml",
                      job_file("exec", "sleep 1000", check("test: [CMD, test, -e, /tmp/ok]")));
    fleet[0].put_file("b.yaml", job_file("tcp",
                                         "while [ ! -e /tmp/ok ]; do sleep 0.1; done; "
                                         "exec httpd -f -p 81",
                                         check("x-covey: {tcp: 81}")));
    fleet[0].put_file(
        "c.yaml", job_file("http", "exec httpd -f -p 80 -h /tmp", check("x-covey: {http: 80/ok}")));
    for (char const* const service : {"exec/job", "tcp/job", "http/job"}) {
        INFO(service);
        REQUIRE(has_status(fleet, service, InstanceStatus::running));
        CHECK(in(fleet, service, {"touch", "/tmp/ok"}).exit_code == 0);
        CHECK(has_status(fleet, service, InstanceStatus::healthy));
    }
    CHECK(in(fleet, "exec/job", {"rm", "/tmp/ok"}).exit_code == 0);
    CHECK(wait_until(patience,
                     [&] { return fleet.instance("exec/job").status != InstanceStatus::healthy; }));
}

TEST_CASE("a service waits until the one it depends on is healthy") {
    if (!can_make_fleets()) {
        return;
    }
    TestFleet fleet = TestFleet::founded(2);
    fleet[0].put_file(
        "shop.yaml",
        base::concat(job_file("shop", "sleep 1000", check("test: [CMD, test, -e, /tmp/ok]")),
                     "  after:\n    image: busybox\n    command: [sleep, '1000']\n"
                     "    stop_grace_period: 500ms\n"
                     "    depends_on: {job: {condition: service_healthy}}\n"));
    REQUIRE(has_status(fleet, "shop/job", InstanceStatus::running));
    REQUIRE(has_status(fleet, "shop/after", InstanceStatus::waiting));
    CHECK(fleet.instance("shop/after").id.empty());
    CHECK(in(fleet, "shop/job", {"touch", "/tmp/ok"}).exit_code == 0);
    CHECK(has_status(fleet, "shop/after", InstanceStatus::healthy));
}

TEST_CASE("limits hold in the container's control group") {
    if (!can_make_fleets()) {
        return;
    }
    TestFleet fleet = TestFleet::founded(1);
    fleet[0].put_file("shop.yaml", job_file("shop", "sleep 1000",
                                            "    deploy:\n      resources:\n        limits: "
                                            "{cpus: '0.50', memory: 32m, pids: 20}\n"));
    REQUIRE(fleet.becomes_whole("shop/job", 1));
    CHECK(limit(fleet, "shop/job", {"memory/memory.limit_in_bytes", "memory/memory.max"}) ==
          "33554432");
    CHECK(limit(fleet, "shop/job", {"pids/pids.max"}) == "20");
    std::string const cpu = limit(fleet, "shop/job", {"cpu/cpu.cfs_quota_us", "cpu/cpu.max"});
    CHECK((cpu == "50000" || cpu == "50000 100000"));
}

TEST_CASE("a program that fails is started again, later each time, and says how it ended") {
    if (!can_make_fleets()) {
        return;
    }
    TestFleet fleet = TestFleet::founded(2);
    fleet[0].put_file("shop.yaml", job_file("shop", "echo trying; exit 3"));
    REQUIRE(wait_until(patience, [&] {
        auto const job = fleet.instance("shop/job");
        return job.status == InstanceStatus::backoff && job.restarts >= 2 && job.exit_code == 3;
    }));
    CHECK(fleet[1].agent({"logs", "shop/job"}).out == "trying\n");

    fleet[0].put_file("shop.yaml", job_file("shop", "echo trying; sleep 1000"));
    CHECK(fleet.becomes_whole("shop/job", 1));
}

TEST_CASE("a container that is killed is started again in its place") {
    if (!can_make_fleets()) {
        return;
    }
    TestFleet fleet = TestFleet::founded(2);
    fleet[0].put_file("shop.yaml", web_file(2));
    REQUIRE(fleet.becomes_whole("shop/web", 2));
    auto const before = fleet.instance("shop/web", 1);
    ::kill(fleet.host_of(before).container_process(before.id), SIGKILL);
    REQUIRE(wait_until(patience, [&] { return fleet.instance("shop/web", 1).restarts == 1; }));
    REQUIRE(fleet.becomes_whole("shop/web", 2));
    auto const after = fleet.instance("shop/web", 1);
    CHECK(after.node == before.node);
    CHECK(after.id != before.id);
    CHECK(after.exit_code == 137);
}

TEST_CASE("logs are read from any host") {
    if (!can_make_fleets()) {
        return;
    }
    TestFleet fleet = TestFleet::founded();
    fleet[0].put_file("shop.yaml", job_file("shop", "echo one; echo two >&2; sleep 1000",
                                            "    deploy: {replicas: 3}\n"));
    REQUIRE(fleet.becomes_whole("shop/job", 3));
    for (std::size_t index = 0; index < 3; ++index) {
        CHECK(fleet[index].agent({"logs", "shop/job/2"}).out == "one\ntwo\n");
        CHECK(fleet[index].agent({"logs", "--tail", "1", "shop/job/1"}).out == "two\n");
        auto const all = fleet[index].agent({"logs", "job"});
        CHECK(std::ranges::count(all.out, '\n') == 6);
        CHECK_THAT(all.out, Contains("shop/job/3"));
    }
    auto const unknown = fleet[1].agent({"logs", "shop/nothing"});
    CHECK(unknown.exit_code == 1);
    CHECK_THAT(unknown.err, Contains("shop/nothing"));
}

TEST_CASE("an image that no host has is named, and its service starts when it is loaded") {
    if (!can_make_fleets()) {
        return;
    }
    TestFleet fleet = TestFleet::bare(1);
    Host& host = fleet[0];
    REQUIRE(host.agent({"init"}).exit_code == 0);
    host.put_file("shop.yaml", job_file("shop", "sleep 1000"));
    REQUIRE(wait_until(patience,
                       [&] { return fleet.instance("shop/job").message.contains("busybox"); }));
    CHECK(host.agent({"image", "load", fleet->image()}).out ==
          "docker.io/library/busybox:latest\n");
    CHECK_THAT(host.agent({"image", "ls"}).out, Contains("docker.io/library/busybox:latest"));
    CHECK(fleet.becomes_whole("shop/job", 1));
}
