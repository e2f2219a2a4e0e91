// What a real container may use, as its control group and its processes see it.

#include "tests/contract/runtime/keys_fixture.h"

using contract::KeysFixture;
using runtime::ContainerSpec;

namespace {

// The value of a file of the container's own control group, under its name in either version.
std::string value(KeysFixture& fixture, ContainerSpec const& spec, std::string const& v1,
                  std::string const& v2) {
    return fixture.output(spec, base::concat("cat /sys/fs/cgroup/", v1,
                                             " 2>/dev/null || cat "
                                             "/sys/fs/cgroup/",
                                             v2));
}

}  // namespace

TEST_CASE("CPU is shared, limited and pinned") {
    KeysFixture fixture(GENERATE("crun", "runc"));
    ContainerSpec spec;
    spec.limits.cpu_milli = 1500;
    CHECK(fixture.output(spec,
                         "cat /sys/fs/cgroup/cpu/cpu.cfs_quota_us "
                         "/sys/fs/cgroup/cpu/cpu.cfs_period_us 2>/dev/null || "
                         "tr ' ' '\\n' < /sys/fs/cgroup/cpu.max") == "150000\n100000\n");
    spec.limits.cpu_period_us = 50'000;
    spec.limits.cpu_quota_us = 20'000;
    CHECK(fixture.output(spec,
                         "cat /sys/fs/cgroup/cpu/cpu.cfs_quota_us "
                         "/sys/fs/cgroup/cpu/cpu.cfs_period_us 2>/dev/null || "
                         "tr ' ' '\\n' < /sys/fs/cgroup/cpu.max") == "20000\n50000\n");
    spec = {};
    spec.limits.cpu_shares = 512;
    CHECK(value(fixture, spec, "cpu/cpu.shares", "cpu.weight") ==
          (runtime::file_exists("/sys/fs/cgroup/cpu") ? "512\n" : "20\n"));
    spec = {};
    spec.limits.cpus = "0,4000";
    CHECK(value(fixture, spec, "cpuset/cpuset.cpus", "cpuset.cpus") == "0\n");
    CHECK(fixture.notice() == "cpuset is 0 instead of 0,4000: this host has no others");
    spec.limits.cpus = "4000";
    CHECK(fixture.refusal(spec) == "cpuset 4000: this host has none of these CPUs");
}

TEST_CASE("memory is limited and reserved") {
    KeysFixture fixture(GENERATE("crun", "runc"));
    ContainerSpec spec;
    spec.limits.memory_bytes = 64 << 20;
    spec.limits.memory_reservation = 32 << 20;
    CHECK(value(fixture, spec, "memory/memory.limit_in_bytes", "memory.max") == "67108864\n");
    CHECK(value(fixture, spec, "memory/memory.soft_limit_in_bytes", "memory.low") == "33554432\n");
    if (fixture.host_abilities().swap_limit && runtime::file_exists("/sys/fs/cgroup/memory")) {
        std::string const file = "memory/memory.memsw.limit_in_bytes";
        CHECK(value(fixture, spec, file, {}) == "134217728\n");
        spec.limits.memory_swap = 96 << 20;
        CHECK(value(fixture, spec, file, {}) == "100663296\n");
    }
    if (fixture.host_abilities().swappiness) {
        spec.limits.swappiness = 7;
        spec.limits.oom_kill_disable = true;
        CHECK(value(fixture, spec, "memory/memory.swappiness", {}) == "7\n");
        CHECK(value(fixture, spec, "memory/memory.oom_control", {})
                  .starts_with("oom_kill_disable 1"));
    }
}

TEST_CASE("processes are counted") {
    KeysFixture fixture(GENERATE("crun", "runc"));
    ContainerSpec spec;
    spec.limits.pids = 17;
    CHECK(value(fixture, spec, "pids/pids.max", "pids.max") == "17\n");
    spec.limits.pids = 0;
    CHECK(value(fixture, spec, "pids/pids.max", "pids.max") == "max\n");
}

TEST_CASE("ulimits are set, and kept within the host's") {
    KeysFixture fixture(GENERATE("crun", "runc"));
    ContainerSpec spec;
    spec.limits.ulimits = {{"nofile", {100, 200}}, {"core", {0, 0}}, {"nproc", {77, 77}}};
    CHECK(fixture.output(spec,
                         "ulimit -Sn; ulimit -Hn; ulimit -c; "
                         "grep -c 'processes  *77  *77' /proc/self/limits") == "100\n200\n0\n1\n");
    CHECK(fixture.notice().empty());
    std::int64_t const most = fixture.host_abilities().ulimits_max.at("nofile");
    spec.limits.ulimits = {{"nofile", {100, 1'000'000'000'000}}};
    CHECK(fixture.output(spec, "ulimit -Sn; ulimit -Hn") == base::concat("100\n", most, "\n"));
    CHECK(fixture.notice() == base::concat("ulimit nofile is ", most,
                                           " instead of 1000000000000: the agent's own limit"));
}

TEST_CASE("how soon the kernel kills it for want of memory is as near as the host allows") {
    KeysFixture fixture(GENERATE("crun", "runc"));
    ContainerSpec spec;
    spec.limits.oom_score_adj = 321;
    CHECK(fixture.output(spec, "cat /proc/self/oom_score_adj") == "321\n");
    spec.limits.oom_score_adj = -321;
    std::int32_t const least = std::max(fixture.host_abilities().oom_score_adj_min, -321);
    CHECK(fixture.output(spec, "cat /proc/self/oom_score_adj") == base::concat(least, "\n"));
    CHECK(fixture.notice().empty() == (least == -321));
}

TEST_CASE("block I/O is weighed and limited where the kernel can") {
    KeysFixture fixture(GENERATE("crun", "runc"));
    auto const devices = runtime::list_directory("/sys/block");
    REQUIRE_FALSE(devices.empty());
    std::string const device = "/dev/" + devices.front();
    auto const number = runtime::read_file("/sys/block/" + devices.front() + "/dev", 100);
    REQUIRE(number);
    ContainerSpec spec;
    spec.limits.block_io.weight = 200;
    spec.limits.block_io.read_bps = {{device, 1048576}};
    spec.limits.block_io.write_iops = {{device, 100}};
    std::string const output =
        fixture.output(spec,
                       "cat /sys/fs/cgroup/blkio/blkio.*weight "
                       "/sys/fs/cgroup/blkio/blkio.throttle.read_bps_device "
                       "/sys/fs/cgroup/blkio/blkio.throttle.write_iops_device 2>/dev/null || "
                       "cat /sys/fs/cgroup/io.*weight /sys/fs/cgroup/io.max");
    if (fixture.notice().empty() && runtime::file_exists("/sys/fs/cgroup/blkio")) {
        std::string const name(base::trim(*number));
        CHECK(output == base::concat("200\n", name, " 1048576\n", name, " 100\n"));
    }
    spec.limits.block_io.read_bps = {{"/dev/null", 1}};
    CHECK(fixture.refusal(spec) == "blkio_config: /dev/null is no block device");
}
