// What a host makes of a specification: the nearest it can do, or a clear refusal.

#include "runtime/oci/fitting.h"

#include <catch2/catch.hpp>

#include "base/text.h"

namespace {

using runtime::ContainerSpec;
using runtime::Fitted;
using runtime::HostAbilities;
using Lines = std::vector<std::string>;

HostAbilities able() {
    HostAbilities host;
    host.architecture = "amd64";
    host.capabilities = runtime::all_capabilities();
    host.ulimits_max = {{"nofile", 1'000'000}, {"nproc", -1}, {"memlock", 8192}};
    host.cpus = {0, 1, 2, 3};
    host.swap_limit = host.swappiness = host.oom_kill_disable = true;
    host.block_weight = host.block_device_weight = host.block_rate = true;
    host.init_program = "/usr/bin/agent";
    return host;
}

// Without all that able() has.
HostAbilities poor() {
    HostAbilities host = able();
    host.capabilities &= ~(runtime::CapabilitySet{1} << 24);
    host.oom_score_adj_min = -5;
    host.swap_limit = host.swappiness = host.oom_kill_disable = false;
    host.block_weight = host.block_device_weight = host.block_rate = false;
    host.init_program = {};
    return host;
}

Fitted fitted(ContainerSpec const& spec, HostAbilities const& host = able()) {
    auto result = fit(spec, host);
    INFO((result ? "" : result.error().message));
    REQUIRE(result);
    return *result;
}

std::string refusal(ContainerSpec const& spec) {
    auto const result = fit(spec, able());
    return result ? "" : result.error().message;
}

}  // namespace

TEST_CASE("a specification that asks for nothing is as tight as can be, on any host") {
    for (HostAbilities const& host : {able(), poor()}) {
        Fitted const plain = fitted({}, host);
        CHECK(plain.notices.empty());
        CHECK(plain.confinement.no_new_privileges);
        CHECK(plain.confinement.kernel_paths_hidden);
        CHECK_FALSE(plain.confinement.kernel_writable);
        CHECK(plain.confinement.capabilities == runtime::default_capabilities());
        CHECK(plain.limits.ulimits.at("nofile") == runtime::Ulimit{1'000'000, 1'000'000});
    }
}

TEST_CASE("what the host has not is replaced by the nearest, and said") {
    ContainerSpec spec;
    spec.limits.memory_bytes = 64 << 20;
    spec.limits.memory_swap = 128 << 20;
    spec.limits.swappiness = 10;
    spec.limits.oom_kill_disable = true;
    spec.limits.oom_score_adj = -500;
    spec.limits.cpus = "2-5";
    spec.limits.ulimits = {{"nofile", {2'000'000, 3'000'000}}, {"memlock", {-1, -1}}};
    spec.limits.block_io.weight = 100;
    spec.limits.block_io.device_weights = {{"/dev/vda", 200}};
    spec.limits.block_io.read_bps = {{"/dev/vda", 1 << 20}};
    spec.security.cap_add = {"SYS_RESOURCE", "NET_ADMIN"};
    spec.security.options = {"apparmor=mine", "label:type:mine", "seccomp=profile.json"};
    spec.process.init = true;
    spec.pull = runtime::PullPolicy::always;

    Fitted const poorly = fitted(spec, poor());
    CHECK(poorly.notices ==
          Lines{"ulimit memlock is 8192 instead of unlimited: the agent's own limit",
                "ulimit nofile is 1000000 instead of 3000000: the agent's own limit",
                "cpuset is 2,3 instead of 2-5: this host has no others",
                "memswap_limit has no effect: this host's kernel does not limit swap",
                "mem_swappiness has no effect: cgroup version 2 has none",
                "oom_kill_disable has no effect: cgroup version 2 has none",
                "oom_score_adj is -5 instead of -500: the agent may not go below its own",
                "the blkio weight has no effect: this host's kernel has none",
                "blkio weights by device have no effect: this host's kernel has none",
                "blkio rates have no effect: this host's kernel has none",
                "not given, the agent has not got it: CAP_SYS_RESOURCE",
                "the AppArmor profile mine is not applied: this host has no AppArmor",
                "the label type:mine is not applied: this host has no SELinux",
                "the seccomp profile is not applied: profiles are not supported yet",
                "init: the program is process 1 itself, for this agent needs libraries to run",
                "pull_policy always: the image is the one this host has, pulling is not "
                "supported yet"});
    CHECK(poorly.limits.ulimits.at("nofile") == runtime::Ulimit{1'000'000, 1'000'000});
    CHECK(poorly.limits.cpus == "2,3");
    CHECK(poorly.limits.oom_score_adj == -5);
    CHECK_FALSE(poorly.limits.memory_swap);
    CHECK_FALSE(poorly.limits.swappiness);
    CHECK(poorly.limits.block_io == runtime::BlockIo{});
    CHECK_FALSE(poorly.init);

    HostAbilities host = able();
    host.apparmor = true;
    spec.limits.ulimits = {{"nproc", {10, -1}}};
    spec.limits.cpus = "2-3";
    spec.security.options = {"apparmor=mine", "label:disable", "seccomp=unconfined"};
    spec.pull = runtime::PullPolicy::never;
    Fitted const well = fitted(spec, host);
    CHECK(well.notices.empty());
    CHECK(well.confinement.apparmor_profile == "mine");
    CHECK(well.limits.memory_swap == 128 << 20);
    CHECK(well.limits.oom_score_adj == -500);
    CHECK(well.limits.block_io == spec.limits.block_io);
    CHECK(well.init);
}

TEST_CASE("a memory limit brings as much swap, unless it says otherwise") {
    ContainerSpec spec;
    spec.limits.memory_bytes = 64 << 20;
    CHECK(fitted(spec).limits.memory_swap == 128 << 20);
    CHECK_FALSE(fitted(spec, poor()).limits.memory_swap);
    spec.limits.memory_swap = -1;
    CHECK(fitted(spec).limits.memory_swap == -1);
    spec.limits.memory_bytes = 0;
    Fitted const without = fitted(spec);
    CHECK(without.notices == Lines{"memswap_limit has no effect without mem_limit"});
    CHECK_FALSE(without.limits.memory_swap);
}

TEST_CASE("limits that no host takes are refused") {
    auto const with = [](auto change) {
        ContainerSpec spec;
        change(spec.limits);
        return refusal(spec);
    };
    using runtime::Limits;
    CHECK(with([](Limits& l) { l.ulimits["files"] = {}; }) == "there is no ulimit 'files'");
    CHECK(with([](Limits& l) { l.ulimits["nofile"] = {20, 10}; }) ==
          "ulimit nofile: soft 20 is above hard 10");
    CHECK(with([](Limits& l) { l.ulimits["nofile"] = {-1, 10}; }) ==
          "ulimit nofile: soft unlimited is above hard 10");
    CHECK(with([](Limits& l) { l.cpus = "4-9"; }).contains("this host has none of these CPUs"));
    CHECK(with([](Limits& l) { l.cpus = "3-1"; }).contains("is no list such as 0-2,5"));
    CHECK(with([](Limits& l) { l.cpu_period_us = 500; }).contains("between 1000 and 1000000"));
    CHECK(with([](Limits& l) { l.cpu_quota_us = 999; }).contains("below 1000"));
    CHECK(with([](Limits& l) { l.swappiness = 101; }).contains("above 100"));
    CHECK(with([](Limits& l) { l.oom_score_adj = 1001; }).contains("between -1000 and 1000"));
    CHECK(with([](Limits& l) { l.block_io.weight = 9; }).contains("between 10 and 1000"));
    CHECK(with([](Limits& l) {
              l.memory_bytes = 2;
              l.memory_reservation = 3;
          }).contains("reservation is above"));
    CHECK(with([](Limits& l) {
              l.memory_bytes = 20;
              l.memory_swap = 10;
          }).contains("cannot be below mem_limit"));
}

TEST_CASE("only a sysctl of a namespace that is the container's own is taken") {
    using runtime::IpcMode;
    using runtime::Namespace;
    using runtime::NetworkMode;
    ContainerSpec own;
    ContainerSpec shared;
    shared.networking.mode = NetworkMode::host;
    shared.isolation.ipc = IpcMode::host;
    shared.isolation.uts = Namespace::host;
    for (std::string const name :
         {"net.core.somaxconn", "fs.mqueue.msg_max", "kernel.shmmax", "kernel.domainname"}) {
        own.isolation.sysctls = {{name, "1"}};
        shared.isolation.sysctls = own.isolation.sysctls;
        CHECK(refusal(own).empty());
        CHECK(refusal(shared).starts_with(base::concat("sysctl ", name, " would change the host")));
    }
    for (std::string const name : {"kernel.panic", "vm.swappiness", "fs.file-max", "netx.core"}) {
        own.isolation.sysctls = {{name, "1"}};
        CHECK(refusal(own).contains("would change the whole host"));
    }
    own.isolation.sysctls = {{"net/../kernel/panic", "1"}};
    CHECK(refusal(own).contains("is no sysctl"));
}

TEST_CASE("capabilities are changed as Docker does") {
    auto const all = runtime::capability_names(runtime::all_capabilities());
    auto const joined = [](runtime::CapabilitySet set) {
        std::string text;
        for (std::string const& name : runtime::capability_names(set)) {
            text += name.substr(4) + " ";
        }
        return text;
    };
    CHECK(all.size() == 41);
    CHECK(all.back() == "CAP_CHECKPOINT_RESTORE");
    std::string const usual = joined(runtime::default_capabilities());
    CHECK(usual ==
          "CHOWN DAC_OVERRIDE FOWNER FSETID KILL SETGID SETUID SETPCAP "
          "NET_BIND_SERVICE SYS_CHROOT SETFCAP ");
    auto const changed = [&](std::set<std::string> const& add, std::set<std::string> const& drop) {
        return joined(runtime::change_capabilities(add, drop).value());
    };
    CHECK(changed({"cap_net_admin"}, {"SETFCAP", "CAP_CHOWN"}) ==
          "DAC_OVERRIDE FOWNER FSETID KILL SETGID SETUID SETPCAP NET_BIND_SERVICE NET_ADMIN "
          "SYS_CHROOT ");
    CHECK(changed({"NET_RAW"}, {"all"}) == "NET_RAW ");
    CHECK(changed({}, {"ALL"}).empty());
    CHECK(changed({"ALL"}, {"SYS_ADMIN"}).find("SYS_ADMIN") == std::string::npos);
    CHECK(changed({"ALL"}, {}) == joined(runtime::all_capabilities()));
    CHECK(runtime::change_capabilities({"NET_ADMINN"}, {}).error().message ==
          "there is no capability 'NET_ADMINN'");
}

TEST_CASE("privileged lifts what confines, but not what is asked for beside it") {
    ContainerSpec spec;
    spec.security.privileged = true;
    Fitted const free = fitted(spec);
    CHECK(free.confinement.capabilities == runtime::all_capabilities());
    CHECK_FALSE(free.confinement.no_new_privileges);
    CHECK_FALSE(free.confinement.kernel_paths_hidden);
    CHECK(free.confinement.kernel_writable);
    spec.security.options = {"no-new-privileges"};
    CHECK(fitted(spec).confinement.no_new_privileges);
    CHECK(fitted(spec, poor()).notices ==
          Lines{"not given, the agent has not got it: CAP_SYS_RESOURCE"});
}

TEST_CASE("security options are read in all their forms, and unknown ones refused") {
    ContainerSpec spec;
    for (std::string const text : {"no-new-privileges:false", "no-new-privileges=false"}) {
        spec.security.options = {text};
        CHECK_FALSE(fitted(spec).confinement.no_new_privileges);
    }
    spec.security.options = {"systempaths=unconfined"};
    CHECK_FALSE(fitted(spec).confinement.kernel_paths_hidden);
    for (std::string const text : {"no-new-privileges:maybe", "seccomp", "no-new-privilege"}) {
        spec.security.options = {text};
        CHECK(refusal(spec).starts_with(base::concat("security_opt '", text, "' is unknown")));
    }
}

TEST_CASE("another platform is refused, the host's own in any spelling is not") {
    ContainerSpec spec;
    for (std::string const text : {"linux", "linux/amd64", "linux/x86_64", "linux/amd64/v2"}) {
        spec.platform = text;
        CHECK(refusal(spec).empty());
    }
    for (std::string const text : {"linux/arm64", "windows/amd64", "amd64"}) {
        spec.platform = text;
        CHECK(refusal(spec) == base::concat("platform ", text, ": this host runs linux/amd64"));
    }
}

TEST_CASE("a file system in memory has a place and options that are known") {
    ContainerSpec spec;
    spec.tmpfs["/run"].options = {"exec", "uid=1000", "noatime"};
    CHECK(refusal(spec).empty());
    spec.tmpfs["/run"].options = {"uid=me"};
    CHECK(refusal(spec) == "tmpfs /run: option 'uid=me' is unknown");
    spec.tmpfs = {{"run", {}}};
    CHECK(refusal(spec) == "tmpfs 'run' is no absolute path below /");
    spec.tmpfs = {{"/run/../proc", {}}};
    CHECK(refusal(spec).contains("no absolute path"));
}

TEST_CASE("a hook without a command is refused") {
    ContainerSpec spec;
    spec.process.pre_stop.emplace_back();
    CHECK(refusal(spec) == "a hook needs a command");
}

TEST_CASE("lists of CPUs are read or empty") {
    using Cpus = std::set<std::uint32_t>;
    CHECK(runtime::parse_cpus("0-2,5") == Cpus{0, 1, 2, 5});
    CHECK(runtime::parse_cpus("7") == Cpus{7});
    for (char const* const text : {"", "a", "1-", "-1", "2-1", "0-99999", "1,,2"}) {
        CHECK(runtime::parse_cpus(text).empty());
    }
}
