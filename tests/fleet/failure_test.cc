#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>

#include <catch2/catch.hpp>
#include <signal.h>
#include <sys/mount.h>

#include "base/text.h"
#include "tests/fleet/host_death.h"
#include "tests/fleet/test_fleet.h"

using fleet::Host;
using fleet::wait_until;

namespace {

// A host with a replica.
std::size_t host_with_replica(TestFleet& fleet, std::string_view service) {
    std::string const name = fleet[0].instances(service).at(0).node;
    for (std::size_t index = 0; index < fleet->size(); ++index) {
        if (fleet[index].name() == name) {
            return index;
        }
    }
    throw fleet::Failure(base::concat("no host is called ", name));
}

// The healthy replicas on hosts that this one believes alive.
std::size_t healthy_seen_by(Host const& host, std::string_view service) {
    auto const nodes = host.nodes();
    auto const instances = host.instances(service);
    return static_cast<std::size_t>(std::ranges::count_if(instances, [&](auto const& instance) {
        auto const node = std::ranges::find(nodes, instance.node, &agent::NodeReport::name);
        return instance.status == agent::InstanceStatus::healthy && node != nodes.end() &&
               node->status == agent::NodeStatus::alive;
    }));
}

}  // namespace

TEST_CASE("a host dies: its replicas run elsewhere, requests go on, and it returns") {
    if (!can_make_fleets()) {
        return;
    }
    TestFleet fleet = TestFleet::founded();
    fleet[0].put_file("shop.yaml", web_file(3));
    REQUIRE(fleet.becomes_whole("shop/web", 3));
    std::size_t const victim = host_with_replica(fleet, "shop/web");
    std::size_t const survivor = (victim + 1) % 3;

    auto const death =
        fleet::measure_host_death(*fleet.operator->(), victim, survivor, "shop/web", 80);
    CHECK(death.requests > 100);
    CHECK(death.failed_after_1s == 0);
    CHECK(fleet.becomes_whole("shop/web", 3));

    fleet->return_host(victim);
    REQUIRE(fleet.agrees_on(3));
    CHECK(fleet.becomes_whole("shop/web", 3));
    base::SocketAddress const published{fleet[victim].address(), 8080};
    CHECK(answering_names(fleet[survivor].netns(), published, 40) ==
          std::set<std::string>{"web-1", "web-2", "web-3"});
    CHECK(answering_names(fleet[victim].netns(), {*fleet[victim].service("shop/web").vip, 80},
                          40) == std::set<std::string>{"web-1", "web-2", "web-3"});
}

TEST_CASE("all hosts lose power at once, and the fleet finds itself again") {
    if (!can_make_fleets()) {
        return;
    }
    TestFleet fleet = TestFleet::founded();
    fleet[0].put_file("shop.yaml", web_file(3));
    REQUIRE(fleet.becomes_whole("shop/web", 3));
    auto const vip = fleet.vip("shop/web");
    for (std::size_t index = 0; index < 3; ++index) {
        fleet->kill_host(index);
    }
    CHECK(fleet.answering().empty());
    for (std::size_t index = 3; index-- > 0;) {
        fleet->return_host(index);
    }
    REQUIRE(fleet.agrees_on(3));
    REQUIRE(fleet.becomes_whole("shop/web", 3));
    CHECK(fleet.vip("shop/web") == vip);
    CHECK(answering_names(fleet[1].netns(), vip, 40) ==
          std::set<std::string>{"web-1", "web-2", "web-3"});
}

TEST_CASE("five hosts lose power at once, two return first and elsewhere, and the fleet re-forms") {
    if (!can_make_fleets()) {
        return;
    }
    TestFleet fleet = TestFleet::founded(5);
    fleet[0].put_file("shop.yaml", web_file(5));
    REQUIRE(fleet.becomes_whole("shop/web", 5));
    auto const vip = fleet.vip("shop/web");
    for (std::size_t index = 0; index < 5; ++index) {
        fleet->kill_host(index);
    }
    // Neither of the first two is where the other remembers it.
    fleet->renumber(3);
    fleet->renumber(1);
    for (std::size_t const index : {3U, 1U, 4U, 0U, 2U}) {
        fleet->return_host(index);
    }
    REQUIRE(fleet.agrees_on(5));
    REQUIRE(fleet.becomes_whole("shop/web", 5));
    CHECK(fleet.vip("shop/web") == vip);
    CHECK(fleet[0].nodes().size() == 5);
    for (agent::NodeReport const& node : fleet[0].nodes()) {
        std::size_t const index = static_cast<std::size_t>(node.name.back() - '1');
        CHECK(node.address.ip == fleet[index].address());
    }
    CHECK(answering_names(fleet[1].netns(), vip, 60).size() == 5);
}

TEST_CASE("a host whose link is cut for 20 s is replaced once and welcomed back") {
    if (!can_make_fleets()) {
        return;
    }
    TestFleet fleet = TestFleet::founded();
    fleet[0].put_file("shop.yaml", web_file(6));
    REQUIRE(fleet.becomes_whole("shop/web", 6));
    std::size_t const victim = host_with_replica(fleet, "shop/web");
    Host& survivor = fleet[(victim + 1) % 3];
    std::set<std::string> spared;  // never on the host that was cut off
    std::map<std::uint32_t, std::set<std::string>> containers_of_slot;
    auto const look = [&] {
        for (agent::InstanceReport const& one : survivor.instances("shop/web")) {
            if (!one.id.empty()) {
                containers_of_slot[one.slot].insert(one.id);
            }
        }
    };
    for (agent::InstanceReport const& one : survivor.instances("shop/web")) {
        if (one.node != fleet[victim].name()) {
            spared.insert(one.id);
        }
    }

    base::Instant const cut = fleet::now();
    fleet->unplug(victim);
    REQUIRE(wait_until(patience, [&] {
        look();
        return sees(survivor, fleet[victim].name(), agent::NodeStatus::down) &&
               healthy_seen_by(survivor, "shop/web") == 6;
    }));
    CHECK_FALSE(wait_until(cut + base::seconds(20) - fleet::now(), [&] {
        look();
        return healthy_seen_by(survivor, "shop/web") != 6;
    }));
    fleet->plug(victim);
    REQUIRE(wait_until(patience, [&] {
        look();
        return sees(survivor, fleet[victim].name(), agent::NodeStatus::alive);
    }));
    REQUIRE(fleet.agrees_on(3));
    REQUIRE(fleet.becomes_whole("shop/web", 6));

    look();
    for (auto const& [slot, containers] : containers_of_slot) {
        CAPTURE(slot, containers);
        CHECK(containers.size() <= 2);
    }
    auto const now_running = fleet.ids("shop/web");
    CHECK(std::ranges::includes(now_running, spared));
}

TEST_CASE("containers outlive a killed agent, and the next one takes them over") {
    if (!can_make_fleets()) {
        return;
    }
    TestFleet fleet = TestFleet::founded(1);
    Host& host = fleet[0];
    host.put_file("shop.yaml", web_file(2));
    host.put_file("job.yaml",
                  job_file("work",
                           "echo started; while [ ! -e /tmp/end ]; do sleep 0.05; done; "
                           "echo ended; exit 7"));
    REQUIRE(fleet.becomes_whole("shop/web", 2));
    REQUIRE(fleet.becomes_whole("work/job", 1));
    auto const web = fleet.ids("shop/web");
    auto const job = fleet.instance("work/job");
    std::set<pid_t> processes;
    for (std::string const& id : web) {
        processes.insert(host.container_process(id));
    }

    host.kill_agent();
    CHECK(host.agent({"ps"}).exit_code == 3);
    // One container is reached while no agent runs, the other ends meanwhile.
    std::string const first = *web.begin();
    CHECK(fleet::http_get(host.container_netns(first), {base::IpAddress::v4(0x7f000001), 80}).ok());
    pid_t const job_process = host.container_process(job.id);
    CHECK(host.exec(job.id, {"touch", "/tmp/end"}).exit_code == 0);
    REQUIRE(wait_until(patience, [&] { return !fleet::is_running(job_process); }));

    host.start_agent();
    REQUIRE(fleet.becomes_whole("shop/web", 2));
    CHECK(fleet.ids("shop/web") == web);
    for (std::string const& id : web) {
        CHECK(processes.contains(host.container_process(id)));
    }
    CHECK(answering_names(host.netns(), fleet.vip("shop/web")).size() == 2);
    REQUIRE(wait_until(patience, [&] {
        auto const again = fleet.instance("work/job");
        return again.exit_code == 7 && again.restarts == 1;
    }));
    CHECK(host.agent({"logs", job.id}).out == "started\nended\n");
}

TEST_CASE("an agent that is killed and started again is no host death") {
    if (!can_make_fleets()) {
        return;
    }
    TestFleet fleet = TestFleet::founded();
    fleet[0].put_file("shop.yaml", web_file(6));
    REQUIRE(fleet.becomes_whole("shop/web", 6));
    auto const before = fleet.ids("shop/web");
    fleet[1].kill_agent();
    fleet[1].start_agent();
    REQUIRE(fleet.agrees_on(3));
    CHECK(fleet.becomes_whole("shop/web", 6));
    CHECK(fleet.ids("shop/web") == before);
}

TEST_CASE("an agent that is stopped leaves its containers, and takes them over") {
    if (!can_make_fleets()) {
        return;
    }
    TestFleet fleet = TestFleet::founded(1);
    fleet[0].put_file("shop.yaml", web_file(2));
    REQUIRE(fleet.becomes_whole("shop/web", 2));
    auto const before = fleet.ids("shop/web");
    fleet[0].stop_agent();
    for (std::string const& id : before) {
        CHECK(fleet::is_running(fleet[0].container_process(id)));
    }
    fleet[0].start_agent();
    CHECK(fleet.becomes_whole("shop/web", 2));
    CHECK(fleet.ids("shop/web") == before);
}

TEST_CASE("both sides of a partition serve, and what they were told is known everywhere after") {
    if (!can_make_fleets()) {
        return;
    }
    TestFleet fleet = TestFleet::founded();
    fleet[0].put_file("shop.yaml", web_file(3));
    REQUIRE(fleet.becomes_whole("shop/web", 3));
    fleet->partition({{0, 1}, {2}});
    REQUIRE(wait_until(patience, [&] {
        return sees(fleet[0], "host3", agent::NodeStatus::down) &&
               sees(fleet[1], "host3", agent::NodeStatus::down) &&
               sees(fleet[2], "host1", agent::NodeStatus::down) &&
               sees(fleet[2], "host2", agent::NodeStatus::down);
    }));
    CHECK(wait_until(patience, [&] { return healthy_seen_by(fleet[0], "shop/web") == 3; }));
    CHECK(wait_until(patience, [&] { return healthy_seen_by(fleet[2], "shop/web") >= 1; }));
    CHECK(wait_until(patience, [&] {
        return fleet::http_get(fleet[2].netns(), {*fleet[2].service("shop/web").vip, 80}).ok();
    }));
    CHECK(fleet::http_get(fleet[1].netns(), {*fleet[1].service("shop/web").vip, 80}).ok());

    fleet[0].put_file("many.yaml", job_file("many", "sleep 1000"));
    fleet[2].put_file("few.yaml", job_file("few", "sleep 1000"));
    REQUIRE(wait_until(patience, [&] {
        return healthy_seen_by(fleet[1], "many/job") == 1 &&
               healthy_seen_by(fleet[2], "few/job") == 1;
    }));

    fleet->heal();
    REQUIRE(fleet.agrees_on(3));
    CHECK(fleet.becomes_whole("shop/web", 3));
    CHECK(fleet.becomes_whole("many/job", 1));
    CHECK(fleet.becomes_whole("few/job", 1));
}

TEST_CASE("a host whose disk is full is given nothing until it has room again") {
    if (!can_make_fleets()) {
        return;
    }
    TestFleet fleet = TestFleet::bare(2);
    std::string const small = fleet[1].state_dir();
    std::filesystem::create_directories(small);
    REQUIRE(::mount("tmpfs", small.c_str(), "tmpfs", 0, "size=64m") == 0);
    fleet->found();
    fleet[0].put_file("shop.yaml", job_file("shop", "sleep 1000", "    deploy: {replicas: 4}\n"));
    REQUIRE(fleet.becomes_whole("shop/job", 4));
    std::vector<std::string> const held = fleet[1].containers();
    REQUIRE(held.size() == 2);

    std::string const filler = small + "/filler";
    {
        std::ofstream file(filler, std::ios::binary);
        std::string const block(1 << 16, 'x');
        while (file.write(block.data(), static_cast<std::streamsize>(block.size())).flush()) {
        }
    }
    auto const says_full = [&](bool full) {
        return wait_until(base::seconds(60), [&] {
            return std::ranges::any_of(fleet[0].nodes(), [&](agent::NodeReport const& node) {
                return node.name == fleet[1].name() && node.disk_full == full;
            });
        });
    };
    CHECK(says_full(true));
    CHECK_THAT(fleet[0].agent({"nodes"}).out, Catch::Contains("disk full"));
    CHECK_THAT(fleet[0].agent({"status"}).out, Catch::Contains("make room"));
    REQUIRE(::kill(fleet[1].container_process(held.front()), SIGKILL) == 0);
    CHECK(wait_until(patience, [&] { return fleet[0].containers().size() == 3; }));
    CHECK(fleet.becomes_whole("shop/job", 4));
    CHECK(fleet[1].containers() == std::vector{held.back()});

    std::filesystem::remove(filler);
    CHECK(says_full(false));
    CHECK(fleet[0].agent({"scale", "shop/job=8"}).exit_code == 0);
    CHECK(fleet.becomes_whole("shop/job", 8));
    CHECK(fleet[1].containers().size() == 4);
}
