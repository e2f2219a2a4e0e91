// What of a service's specification reaches its containers.

#include <catch2/catch.hpp>

#include "agent/planner.h"
#include "agent/planning.h"
#include "tests/unit/agent/support.h"

using namespace agent;

namespace {

runtime::Desired desired(spec::ServiceSpec const& spec) {
    return desired_slot({spec, spec::revision(spec)}, 2, "covey.internal");
}

// A specification in which no key that acts in a container has its default.
spec::ServiceSpec full() {
    spec::ServiceSpec spec = service("web");
    spec.platform = "linux/amd64";
    spec.container_name = "shop-web";
    spec.labels = {{"team", "shop"}};
    spec.annotations = {{"note", "kept"}};
    spec.deploy.pull_policy = spec::PullPolicy::never;
    spec.deploy.restart = {.condition = spec::RestartCondition::on_failure,
                           .delay = base::seconds(3),
                           .max_attempts = 4,
                           .window = base::seconds(5)};
    spec.process = {.init = true,
                    .tty = true,
                    .stdin_open = true,
                    .stop_signal = "SIGUSR1",
                    .group_add = {"audio"},
                    .ulimits = {{"nofile", {10, 20}}},
                    .oom_score_adj = 7,
                    .post_start = {{.command = {"a"}, .user = "u", .privileged = true}},
                    .pre_stop = {{.command = {"b"}, .working_dir = "/w"}},
                    .logging = {}};
    spec.security = {.privileged = true,
                     .read_only = true,
                     .cap_add = {"NET_ADMIN"},
                     .cap_drop = {"CHOWN"},
                     .security_opt = {"no-new-privileges:false"}};
    spec.isolation.pid = spec.isolation.uts = spec.isolation.cgroup = spec::Namespace::host;
    spec.isolation.ipc = spec::IpcMode::host;
    spec.isolation.sysctls = {{"net.core.somaxconn", "9"}};
    spec.storage.mounts["/run"] = {.kind = spec::MountKind::tmpfs,
                                   .read_only = true,
                                   .tmpfs_bytes = 11,
                                   .tmpfs_mode = 0700,
                                   .options = {"exec"}};
    spec.storage.mounts["/data"] = {.kind = spec::MountKind::volume, .source = "data"};
    spec.storage.shm_bytes = 12;
    spec.storage.devices = {{"/dev/x", {"/dev/null", "rw"}}};
    spec.storage.device_cgroup_rules = {"c 1:3 r"};
    spec.networking.mode = spec::NetworkMode::host;
    spec.networking.dns = {"9.9.9.9"};
    spec.networking.dns_search = {"example.org"};
    spec.networking.dns_opt = {"ndots:2"};
    spec.networking.extra_hosts = {{"db", {"10.0.0.1"}}};
    spec.networking.hostname = "name";
    spec.networking.domainname = "domain";
    spec.networking.mac_address = "02:42:ac:11:65:43";
    spec.limits = {.cpu_milli = 1, .memory_bytes = 2, .pids = 3};
    spec.reservations.memory_bytes = 1;
    spec.cgroup = {.cpu_shares = 4,
                   .cpu_quota = 5,
                   .cpu_period = 6,
                   .cpuset = "0",
                   .memory_swap = 7,
                   .swappiness = 8,
                   .oom_kill_disable = true,
                   .block_io = {.weight = 9,
                                .weight_device = {{"/dev/a", 10}},
                                .read_bps = {{"/dev/b", 11}},
                                .read_iops = {{"/dev/c", 12}},
                                .write_bps = {{"/dev/d", 13}},
                                .write_iops = {{"/dev/e", 14}}}};
    return spec;
}

}  // namespace

TEST_CASE("every key that acts in a container is handed on") {
    runtime::Desired const got = desired(full());
    CHECK(got.restart == runtime::RestartPolicy{.condition = runtime::RestartCondition::on_failure,
                                                .delay = base::seconds(3),
                                                .attempts_max = 4,
                                                .window = base::seconds(5)});
    CHECK(got.spec.platform == "linux/amd64");
    CHECK(got.spec.pull == runtime::PullPolicy::never);
    CHECK(got.spec.labels == std::map<std::string, std::string>{{"team", "shop"}});
    CHECK(got.spec.annotations == std::map<std::string, std::string>{{"note", "kept"}});
    CHECK(got.spec.process ==
          runtime::Process{.init = true,
                           .tty = true,
                           .stdin_open = true,
                           .stop_signal = "SIGUSR1",
                           .post_start = {{.command = {"a"}, .user = "u", .privileged = true}},
                           .pre_stop = {{.command = {"b"}, .working_dir = "/w"}}});
    CHECK(got.spec.security == runtime::Security{.privileged = true,
                                                 .read_only_root = true,
                                                 .cap_add = {"NET_ADMIN"},
                                                 .cap_drop = {"CHOWN"},
                                                 .options = {"no-new-privileges:false"},
                                                 .devices = {{"/dev/x", {"/dev/null", "rw"}}},
                                                 .device_rules = {"c 1:3 r"},
                                                 .groups = {"audio"}});
    CHECK(got.spec.isolation == runtime::Isolation{.pid = runtime::Namespace::host,
                                                   .uts = runtime::Namespace::host,
                                                   .cgroup = runtime::Namespace::host,
                                                   .ipc = runtime::IpcMode::host,
                                                   .sysctls = {{"net.core.somaxconn", "9"}}});
    CHECK(got.spec.networking == runtime::Networking{.mode = runtime::NetworkMode::host,
                                                     .hostname = "name",
                                                     .domain_name = "domain",
                                                     .alias = "shop-web",
                                                     .mac_address = "02:42:ac:11:65:43",
                                                     .nameservers = {"9.9.9.9"},
                                                     .search_domains = {"example.org"},
                                                     .resolver_options = {"ndots:2"},
                                                     .extra_hosts = {{"db", {"10.0.0.1"}}}});
    CHECK(got.spec.tmpfs ==
          std::map<std::string, runtime::Tmpfs>{
              {"/run", {.size_bytes = 11, .mode = 0700, .read_only = true, .options = {"exec"}}}});
    CHECK(got.spec.limits == runtime::Limits{.cpu_milli = 1,
                                             .memory_bytes = 2,
                                             .pids = 3,
                                             .cpu_shares = 4,
                                             .cpu_period_us = 6,
                                             .cpu_quota_us = 5,
                                             .cpus = "0",
                                             .memory_reservation = 1,
                                             .memory_swap = 7,
                                             .swappiness = 8,
                                             .oom_kill_disable = true,
                                             .oom_score_adj = 7,
                                             .shm_bytes = 12,
                                             .ulimits = {{"nofile", {10, 20}}},
                                             .block_io = {.weight = 9,
                                                          .device_weights = {{"/dev/a", 10}},
                                                          .read_bps = {{"/dev/b", 11}},
                                                          .read_iops = {{"/dev/c", 12}},
                                                          .write_bps = {{"/dev/d", 13}},
                                                          .write_iops = {{"/dev/e", 14}}}});
}

TEST_CASE("a container has a name of its own and its project's names by default") {
    runtime::Networking const plain = desired(service("web")).spec.networking;
    CHECK(plain.hostname == "web-2");
    CHECK(plain.search_domains ==
          std::vector<std::string>{"shop.covey.internal", "covey.internal"});
    spec::ServiceSpec asking = service("web");
    asking.networking.dns = {"9.9.9.9"};
    CHECK(desired(asking).spec.networking.nameservers.empty());
    spec::ServiceSpec alone = service("web");
    alone.networking.mode = spec::NetworkMode::none;
    CHECK(desired(alone).spec.networking.search_domains.empty());
}

TEST_CASE("what takes a port of its host shares a host with no other that takes it") {
    State state;
    Roster roster;
    join(state, roster, node(1));
    join(state, roster, node(2));
    spec::ServiceSpec first = service("first", 2);
    first.networking.mode = spec::NetworkMode::host;
    first.ports = {{.target = 80, .published = 80, .protocol = spec::Protocol::tcp}};
    spec::ServiceSpec second = service("second");
    second.networking.mode = spec::NetworkMode::host;
    second.expose = {80};
    spec::ServiceSpec third = service("third");
    third.ports = {{.target = 80, .published = 80, .mode = spec::PortMode::host}};
    spec::ServiceSpec other = service("other");
    other.networking.mode = spec::NetworkMode::host;
    other.ports = {{.target = 80, .protocol = spec::Protocol::udp}};
    spec::ServiceSpec inside = service("inside");
    inside.ports = {{.target = 80, .published = 8080}};
    for (spec::ServiceSpec const& each : {first, second, third, other, inside}) {
        put(state, each);
    }
    placement::Plan const plan = make_plan(state, roster);
    std::vector<std::string> pending;
    for (placement::Pending const& each : plan.pending) {
        CHECK(each.obstacle == placement::Obstacle::host_ports);
        pending.push_back(each.service);
    }
    CHECK(pending == std::vector<std::string>{"shop/second", "shop/third"});
}

TEST_CASE("a platform is looked for among the hosts, and one address on a bridge stays one") {
    State state;
    Roster roster;
    join(state, roster, node(1));
    join(state, roster, node(2));
    NodeFacts arm = state.nodes().at(node(2));
    arm.arch = "aarch64";
    put(state, facts_entry(node(2)), encode(arm));
    spec::ServiceSpec web = service("web");
    for (auto const& [platform, owner] :
         {std::pair("linux/arm64/v8", node(2)), {"linux/amd64", node(1)}}) {
        web.platform = platform;
        put(state, web);
        placement::Plan const plan = make_plan(state, roster);
        REQUIRE(plan.assignments.size() == 1);
        CHECK(plan.assignments[0].node == owner);
    }
    web.platform = "linux/s390x";
    put(state, web);
    CHECK(make_plan(state, roster).pending.at(0).obstacle == placement::Obstacle::constraints);

    web = service("web", 3);
    web.networking.mac_address = "02:42:ac:11:65:43";
    put(state, web);
    placement::Plan const plan = make_plan(state, roster);
    CHECK(plan.assignments.size() == 2);
    CHECK(plan.pending.at(0).obstacle == placement::Obstacle::max_per_node);
}
