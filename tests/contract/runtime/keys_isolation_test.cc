// Which namespaces of the host a real container shares.

#include <unistd.h>

#include "tests/contract/runtime/keys_fixture.h"

using contract::KeysFixture;
using runtime::ContainerSpec;

namespace {

std::string host_namespace(std::string const& kind) {
    char target[64];
    ssize_t const size =
        readlink(base::concat("/proc/self/ns/", kind).c_str(), target, sizeof target);
    REQUIRE(size > 0);
    return {target, static_cast<std::size_t>(size)};
}

std::string const all_kinds[] = {"cgroup", "ipc", "net", "pid", "user", "uts"};

// Which of the host's namespaces it is in.
std::set<std::string> shared(KeysFixture& fixture, ContainerSpec const& spec) {
    std::string const output =
        fixture.output(spec, "cd /proc/self/ns; for kind in *; do busybox readlink $kind; done");
    std::set<std::string> found;
    for (std::string const& kind : all_kinds) {
        if (output.contains(host_namespace(kind))) {
            found.insert(kind);
        }
    }
    return found;
}

}  // namespace

TEST_CASE("a container shares no namespace but that of users, unless it asks") {
    KeysFixture fixture(GENERATE("crun", "runc"));
    CHECK(shared(fixture, {}) == std::set<std::string>{"user"});
    ContainerSpec spec;
    spec.isolation.pid = runtime::Namespace::host;
    CHECK(shared(fixture, spec) == std::set<std::string>{"pid", "user"});
    spec = {};
    spec.isolation.ipc = runtime::IpcMode::host;
    CHECK(shared(fixture, spec) == std::set<std::string>{"ipc", "user"});
    spec = {};
    spec.isolation.uts = runtime::Namespace::host;
    CHECK(shared(fixture, spec) == std::set<std::string>{"user", "uts"});
    spec = {};
    spec.isolation.cgroup = runtime::Namespace::host;
    CHECK(shared(fixture, spec) == std::set<std::string>{"cgroup", "user"});
    spec = {};
    spec.networking.mode = runtime::NetworkMode::host;
    CHECK(shared(fixture, spec) == std::set<std::string>{"net", "user"});
}

TEST_CASE("what a container in the host's processes leaves behind ends with it") {
    KeysFixture fixture(GENERATE("crun", "runc"));
    ContainerSpec spec;
    spec.isolation.pid = runtime::Namespace::host;
    fixture.output(spec, "sleep 4321 & echo $!");
    CHECK(fixture.leftovers() == std::vector<std::string>{});
    auto const outcome = runtime::run_program({"/bin/sh", "-c", "pgrep -f '^sleep 4321' | wc -l"},
                                              base::seconds(20), 100);
    REQUIRE(outcome);
    CHECK(outcome->output == "0\n");
}

TEST_CASE("shared memory is the host's, one's own of a size, or none") {
    KeysFixture fixture(GENERATE("crun", "runc"));
    std::string const script = "grep ' /dev/shm ' /proc/self/mounts; ls /dev/shm/; echo end";
    ContainerSpec spec;
    CHECK(fixture.output(spec, script).contains("size=65536k"));
    spec.limits.shm_bytes = 1 << 20;
    CHECK(fixture.output(spec, script).contains("size=1024k"));
    spec.isolation.ipc = runtime::IpcMode::none;
    CHECK(fixture.output(spec, "grep -c ' /dev/shm ' /proc/self/mounts") == "0\n");

    std::string const file = base::concat("/dev/shm/covey-", getpid());
    REQUIRE(runtime::replace_file(file, "seen"));
    spec.isolation.ipc = runtime::IpcMode::host;
    CHECK(fixture.output(spec, base::concat("cat ", file)) == "seen");
    unlink(file.c_str());
}

TEST_CASE("a container without network has loopback alone, and no address") {
    KeysFixture fixture(GENERATE("crun", "runc"));
    runtime::Start start =
        contract::start_of("none",
                           "tail -n +3 /proc/net/dev | cut -d: -f1; "
                           "cat /sys/class/net/lo/flags /etc/resolv.conf; echo end; sleep 1000");
    start.spec.networking.mode = runtime::NetworkMode::none;
    fixture.driver().perform(start);
    CHECK(contract::expect<runtime::Started>(fixture).address.is_unspecified());
    contract::wait_for_log(fixture, "none", "end\n");
    CHECK(fixture.driver().read_log("none", 0, false, 1000)->text ==
          "    lo\n0x9\noptions ndots:1 timeout:1\nend\n");
    runtime::HealthCheck check;
    check.kind = runtime::CheckKind::tcp;
    check.port = 1;
    check.timeout = base::seconds(5);
    fixture.driver().perform(runtime::Probe{"none", {}, check});
    CHECK(contract::expect<runtime::Probed>(fixture).output ==
          "a container without network answers no check but exec");
    fixture.driver().perform(runtime::Stop{"none", base::seconds(0)});
    contract::expect<runtime::Exited>(fixture);
}

TEST_CASE("sysctls of a namespace of its own are set, others refused") {
    KeysFixture fixture(GENERATE("crun", "runc"));
    ContainerSpec spec;
    spec.isolation.sysctls = {{"net.ipv4.ip_forward", "1"}, {"kernel.shmmax", "1000000"}};
    CHECK(fixture.output(spec,
                         "cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/shmmax "
                         "/proc/sys/net/ipv4/ip_unprivileged_port_start") == "1\n1000000\n0\n");
    spec.isolation.sysctls = {{"vm.overcommit_memory", "1"}};
    CHECK(fixture.refusal(spec).contains("would change the whole host"));
    spec.isolation.sysctls = {{"net.ipv4.no_such_setting", "1"}};
    CHECK(fixture.refusal(spec).contains("no_such_setting"));
}
