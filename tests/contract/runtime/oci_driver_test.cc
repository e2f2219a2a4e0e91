// What only the real driver does: what is inside a container, limits, and recovery from kills at
// any moment.

#include <algorithm>
#include <thread>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "runtime/oci/records.h"
#include "runtime/system/process.h"
#include "tests/contract/runtime/fixtures.h"

using contract::expect;
using contract::OciFixture;
using contract::output_of;
using contract::start_of;

namespace {

runtime::ShimRecord record_of(OciFixture& fixture, std::string const& id) {
    auto record =
        runtime::read_shim(fixture.host().directory + "/state/containers/" + id + "/shim.json");
    REQUIRE(record);
    return *record;
}

std::string meta_of(OciFixture& fixture, std::string const& id) {
    return fixture.host().directory + "/state/containers/" + id + "/meta.json";
}

// Puts a script in the place of the runtime that has made a container, which it calls at its end.
void wrap_runtime(OciFixture& fixture, std::string const& id, std::string const& script) {
    auto meta = runtime::read_meta(meta_of(fixture, id));
    REQUIRE(meta);
    std::string const path = fixture.host().directory + "/wrapped";
    REQUIRE(runtime::replace_file(
        path, base::concat("#!/bin/sh\n", script, "\nexec ", meta->runtime, " \"$@\"\n")));
    REQUIRE(chmod(path.c_str(), 0755) == 0);
    meta->runtime = path;
    REQUIRE(write_record(meta_of(fixture, id), *meta));
}

}  // namespace

TEST_CASE("a container sees what its specification says") {
    OciFixture fixture;
    runtime::Start start =
        start_of("inside",
                 "hostname; pwd; id -u; id -G; echo $COLOR $HOSTNAME; cat /etc/resolv.conf "
                 "/etc/hosts; head -n 1 /proc/self/mounts | cut -d' ' -f1; "
                 "grep -E 'CapEff|NoNewPrivs' /proc/self/status; "
                 "cat /proc/sys/kernel/hostname; echo $$; touch /tmp/x && echo writable");
    start.spec.networking.hostname = "web-1";
    start.spec.working_dir = "/var/www";
    start.spec.user = "nobody";
    start.spec.environment = {{"COLOR", "blue"}};
    start.spec.networking.search_domains = {"shop.covey.internal", "covey.internal"};
    CHECK(output_of(fixture, start) ==
          "web-1\n/var/www\n65534\n65534 800\nblue web-1\n"
          "nameserver 10.128.9.1\nsearch shop.covey.internal covey.internal\n"
          "options ndots:1 timeout:1\n"
          "127.0.0.1 localhost\n::1 localhost\n10.128.9.2 web-1\noverlay\n"
          "CapEff:\t0000000000000000\nNoNewPrivs:\t1\nweb-1\n1\nwritable\n");
    CHECK(fixture.leftovers().empty());
}

TEST_CASE("the root of a container has few capabilities and cannot write to the kernel") {
    OciFixture fixture;
    std::string const output =
        output_of(fixture, start_of("root",
                                    "grep CapEff /proc/self/status; "
                                    "echo 1 > /proc/sys/kernel/sysrq || echo refused; "
                                    "ls /proc/acpi | wc -l; cat /proc/1/oom_score_adj"));
    CHECK(output.starts_with("CapEff:\t00000000800405fb\n"));
    CHECK(output.ends_with("refused\n0\n0\n"));
}

TEST_CASE("checks that hang delay neither the others nor the end of the agent") {
    base::Descriptor const silent(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* const generic = reinterpret_cast<sockaddr*>(&address);
    REQUIRE(::bind(silent.get(), generic, size) == 0);
    REQUIRE(::listen(silent.get(), 64) == 0);
    REQUIRE(::getsockname(silent.get(), generic, &size) == 0);
    runtime::HealthCheck hangs;
    hangs.kind = runtime::CheckKind::http;
    hangs.port = ntohs(address.sin_port);
    hangs.timeout = base::seconds(3600);
    runtime::HealthCheck works;
    works.kind = runtime::CheckKind::exec;
    works.command = {"true"};
    works.timeout = base::seconds(30);

    OciFixture fixture;
    fixture.driver().perform(start_of("checked", contract::heeds_term));
    expect<runtime::Started>(fixture);
    for (int count = 0; count < 50; ++count) {
        auto const loopback = base::IpAddress::v4(INADDR_LOOPBACK);
        fixture.driver().perform(runtime::Probe{"hung", loopback, hangs});
    }
    fixture.driver().perform(runtime::Probe{"checked", {}, works});
    auto const passed = expect<runtime::Probed>(fixture);
    CHECK(passed.id == "checked");
    CHECK(passed.healthy);
    fixture.driver().close();
}

TEST_CASE("limits hold: too much memory ends a container and is told") {
    OciFixture fixture;
    runtime::Start start = start_of("hungry", "exec awk 'BEGIN { s = \"x\"; while (1) s = s s }'");
    start.spec.limits.memory_bytes = 16 << 20;
    start.spec.limits.pids = 32;
    start.spec.limits.cpu_milli = 500;
    fixture.driver().perform(start);
    expect<runtime::Started>(fixture);
    auto const status = expect<runtime::Exited>(fixture).status;
    CHECK(status.signal == SIGKILL);
    CHECK(status.out_of_memory);
}

TEST_CASE("an exec check passes, fails, and is ended when it hangs") {
    OciFixture fixture;
    fixture.driver().perform(start_of("checked", contract::heeds_term));
    expect<runtime::Started>(fixture);
    runtime::HealthCheck check;
    check.kind = runtime::CheckKind::exec;
    check.timeout = base::seconds(20);
    check.command = {"sh", "-c", "echo fine"};
    fixture.driver().perform(runtime::Probe{"checked", {}, check});
    auto const passed = expect<runtime::Probed>(fixture);
    CHECK(passed.healthy);
    CHECK(passed.output == "fine\n");
    check.command = {"sh", "-c", "yes | head -c 100000; exit 1"};
    fixture.driver().perform(runtime::Probe{"checked", {}, check});
    auto const failed = expect<runtime::Probed>(fixture);
    CHECK_FALSE(failed.healthy);
    CHECK(failed.output.size() == 4096);
    check.command = {"sleep", "1234"};
    check.timeout = base::milliseconds(500);
    fixture.driver().perform(runtime::Probe{"checked", {}, check});
    CHECK_FALSE(expect<runtime::Probed>(fixture).healthy);
    // A signal to end is on its way for a moment.
    check.command = {"sh", "-c", "while ps | grep -q '[s]leep 1234'; do usleep 10000; done"};
    check.timeout = base::seconds(20);
    fixture.driver().perform(runtime::Probe{"checked", {}, check});
    CHECK(expect<runtime::Probed>(fixture).healthy);
}

TEST_CASE("a check that times out ends nothing but itself") {
    OciFixture fixture;
    fixture.driver().perform(start_of("checked", contract::heeds_term));
    expect<runtime::Started>(fixture);
    auto const stranger = runtime::spawn({.arguments = {"/bin/sleep", "1000"}});
    REQUIRE(stranger);
    // What an earlier check left, and the number is another process's now.
    REQUIRE(runtime::replace_file(fixture.host().directory + "/state/containers/checked/probe.pid",
                                  base::concat(*stranger)));
    runtime::HealthCheck check;
    check.kind = runtime::CheckKind::exec;
    check.timeout = base::milliseconds(0);
    check.command = {"true"};
    fixture.driver().perform(runtime::Probe{"checked", {}, check});
    CHECK_FALSE(expect<runtime::Probed>(fixture).healthy);
    kill(*stranger, SIGTERM);
    auto const status = runtime::wait_for(*stranger);
    REQUIRE(status);
    CHECK(WTERMSIG(*status) == SIGTERM);
}

TEST_CASE("a command that is not in the image says so and leaves nothing") {
    OciFixture fixture;
    runtime::Start start = start_of("wrong", "");
    start.spec.command = {"/no/such/program"};
    fixture.driver().perform(start);
    CHECK(expect<runtime::StartFailed>(fixture).reason.contains("/no/such/program"));
    start.id = "nobody";
    start.spec.command = {"true"};
    start.spec.user = "missing";
    fixture.driver().perform(start);
    CHECK(expect<runtime::StartFailed>(fixture).reason.contains("user 'missing'"));
    CHECK(fixture.leftovers().empty());
}

TEST_CASE("a container whose shim was killed is ended and reported") {
    OciFixture fixture;
    fixture.driver().perform(start_of("orphan", contract::heeds_term));
    expect<runtime::Started>(fixture);
    runtime::ShimRecord const record = record_of(fixture, "orphan");
    auto const container = runtime::open_process(record.container);
    REQUIRE(container);
    kill(record.shim.pid, SIGKILL);
    CHECK(expect<runtime::Exited>(fixture).status.code == 255);
    CHECK_FALSE(runtime::open_process(record.container));
    fixture.driver().perform(runtime::Remove{"orphan"});
    expect<runtime::Removed>(fixture);
    CHECK(fixture.leftovers().empty());
}

TEST_CASE("a driver says which runtime works and why others do not") {
    OciFixture fixture;
    auto const findings = fixture.driver().diagnose();
    REQUIRE(findings.size() == 2);
    CHECK(findings[0].starts_with("crun"));
    CHECK(findings[1].starts_with("runc"));
    CHECK(std::ranges::count_if(findings, [](std::string const& finding) {
              return finding.ends_with(": works, used");
          }) == 1);
    CHECK(fixture.driver().description().starts_with("oci ("));

    auto const none = runtime::OciDriver::create({.state_dir = fixture.host().directory + "/none",
                                                  .run_dir = fixture.host().directory + "/none",
                                                  .runtimes = {"/bin/false", "no-such-runtime"}},
                                                 *fixture.host().images, *fixture.host().network);
    REQUIRE(none);
    CHECK((*none)->description() == "oci (no runtime works)");
    CHECK((*none)->diagnose()[0].contains("a trial container failed: exit code 1"));
    CHECK((*none)->diagnose()[1].contains("not installed"));
}

TEST_CASE("a container is asked about and deleted by the runtime that made it") {
    OciFixture fixture;
    fixture.driver().perform(start_of("old", contract::heeds_term));
    expect<runtime::Started>(fixture);
    std::string const calls = fixture.host().directory + "/calls";
    wrap_runtime(fixture, "old", base::concat("echo $3 >> ", calls));
    REQUIRE(fixture.restart().size() == 1);
    runtime::HealthCheck check;
    check.kind = runtime::CheckKind::exec;
    check.timeout = base::seconds(20);
    check.command = {"true"};
    fixture.driver().perform(runtime::Probe{"old", {}, check});
    CHECK(expect<runtime::Probed>(fixture).healthy);
    fixture.driver().perform(runtime::Stop{"old", base::milliseconds(0)});
    expect<runtime::Exited>(fixture);
    fixture.driver().perform(runtime::Remove{"old"});
    expect<runtime::Removed>(fixture);
    auto const text = runtime::read_file(calls, 1000);
    REQUIRE(text);
    CHECK(*text == "exec\ndelete\n");
    CHECK(fixture.leftovers().empty());
}

TEST_CASE("a runtime that hangs over a lost container delays no other's end") {
    OciFixture fixture;
    for (char const* const id : {"lost", "other"}) {
        fixture.driver().perform(start_of(id, contract::heeds_term));
        expect<runtime::Started>(fixture);
        contract::wait_for_hello(fixture, id);
    }
    std::string const asked = fixture.host().directory + "/asked";
    std::string const go_on = fixture.host().directory + "/go_on";
    wrap_runtime(
        fixture, "lost",
        base::concat("touch ", asked, "; while [ ! -e ", go_on, " ]; do sleep 0.05; done"));
    kill(record_of(fixture, "lost").shim.pid, SIGKILL);
    auto const deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (!runtime::file_exists(asked) && std::chrono::steady_clock::now() < deadline) {
        std::this_thread::yield();
    }
    fixture.driver().perform(runtime::Stop{"other", base::seconds(60)});
    CHECK(expect<runtime::Exited>(fixture).id == "other");
    REQUIRE(runtime::replace_file(go_on, ""));
    CHECK(expect<runtime::Exited>(fixture).id == "lost");
}

TEST_CASE("no shim can begin in what is being cleaned") {
    OciFixture fixture;
    fixture.driver().perform(start_of("half", contract::heeds_term));
    expect<runtime::Started>(fixture);
    std::string const directory = fixture.host().directory + "/state/containers/half";
    std::string const found = fixture.host().directory + "/found";
    wrap_runtime(fixture, "half",
                 base::concat("flock -n ", directory, "/lock echo free >> ", found,
                              " || echo held >> ", found));
    fixture.host().driver.reset();
    fixture.kill("half");
    // As if the agent had been killed before the shim began.
    std::filesystem::remove(directory + "/shim.json");
    CHECK(fixture.restart().empty());
    CHECK(*runtime::read_file(found, 100) == "held\n");
    CHECK(fixture.leftovers().empty());
}

TEST_CASE("what is of another boot is cleaned, not adopted") {
    OciFixture fixture;
    fixture.driver().perform(start_of("before", contract::heeds_term));
    expect<runtime::Started>(fixture);
    std::string const path = fixture.host().directory + "/state/containers/before/meta.json";
    auto meta = runtime::read_meta(path);
    REQUIRE(meta);
    meta->boot_id = "another";
    REQUIRE(write_record(path, *meta));
    CHECK(fixture.restart().empty());
    CHECK(fixture.leftovers().empty());
}

TEST_CASE("the logs of the last ended containers are kept, and no more") {
    OciFixture fixture;
    std::string const logs = fixture.host().directory + "/state/logs/";
    for (int number = 0; number < 25; ++number) {
        std::filesystem::create_directories(base::concat(logs, "old", number));
    }
    output_of(fixture, start_of("newest", "echo hi"));
    CHECK(runtime::list_directory(logs).size() == runtime::OciDriver::ended_logs_max);
    CHECK(fixture.driver().read_log("newest", 0, false, 10)->text == "hi\n");
}

TEST_CASE("an agent killed at any moment leaves only what the next one adopts or cleans") {
    OciFixture fixture;
    std::string const directory = fixture.host().directory;
    std::size_t adopted_count = 0;
    for (int round = 0; round < 12; ++round) {
        fixture.host().driver.reset();
        auto pipe = runtime::make_pipe();
        REQUIRE(pipe);
        auto const agent = runtime::spawn(
            {.arguments = {COVEY_TEST_AGENT, "agent", directory, fixture.host().cgroup_parent},
             .output = pipe->write.get()});
        REQUIRE(agent);
        char ready = 0;
        REQUIRE(read(pipe->read.get(), &ready, 1) == 1);
        // The moment is what this test varies; whatever it hits must be right.
        std::this_thread::sleep_for(std::chrono::milliseconds(round * 12));
        kill(*agent, SIGKILL);
        REQUIRE(runtime::wait_for(*agent));

        auto const adopted = fixture.restart();
        adopted_count += adopted.size();
        for (runtime::Adopted const& one : adopted) {
            INFO("round " << round << " " << one.id);
            CHECK_FALSE(one.exited);
            fixture.driver().perform(runtime::Stop{one.id, base::milliseconds(0)});
            // Also one that had been made but not yet started: how it ended is known.
            CHECK(expect<runtime::Exited>(fixture).status.code != 255);
            fixture.driver().perform(runtime::Remove{one.id});
            expect<runtime::Removed>(fixture);
        }
        CHECK(fixture.leftovers() == std::vector<std::string>{});
    }
    CHECK(adopted_count > 0);
}
