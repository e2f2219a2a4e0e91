// Programs run inside a real container when it has started and before it is stopped.

#include "tests/contract/runtime/keys_fixture.h"

using contract::expect;
using contract::KeysFixture;

namespace {

constexpr char const* prints_at_end =
    "trap 'cat /tmp/told; exit 0' TERM; echo hello; while :; do sleep 0.05; done";

runtime::Hook hook(std::string script) {
    return {.command = {"sh", "-c", std::move(script)}};
}

std::string log_of(KeysFixture& fixture, std::string const& id) {
    return fixture.driver().read_log(id, 0, false, 10000)->text;
}

}  // namespace

TEST_CASE("hooks run inside, in order, as whom and where they say") {
    KeysFixture fixture(GENERATE("crun", "runc"));
    runtime::Start start = contract::start_of("hooked", prints_at_end);
    start.spec.environment = {{"COLOR", "blue"}};
    start.spec.working_dir = "/var/www";
    runtime::Hook other = hook("echo $(id -u) $(pwd) $MORE >> /tmp/told");
    other.user = "nobody";
    other.working_dir = "/etc";
    other.environment = {{"MORE", "more"}};
    runtime::Hook able = hook("grep CapEff /proc/self/status | cut -f2 >> /tmp/told");
    able.privileged = true;
    start.spec.process.post_start = {
        hook("touch /tmp/told; chmod 666 /tmp/told; echo $(id -u) $(pwd) $COLOR >> /tmp/told"),
        other, able, hook("grep CapEff /proc/self/status | cut -f2 >> /tmp/told")};
    start.spec.process.pre_stop = {hook("echo stops >> /tmp/told")};
    fixture.driver().perform(start);
    expect<runtime::Started>(fixture);
    contract::wait_for_hello(fixture, "hooked");
    REQUIRE(fixture.restart().size() == 1);  // another agent knows of them, too
    fixture.driver().perform(runtime::Stop{"hooked", base::seconds(60)});
    CHECK(expect<runtime::Exited>(fixture).status == runtime::ExitStatus{.code = 0});
    std::string const text = log_of(fixture, "hooked");
    CHECK(text.starts_with("hello\n0 /var/www blue\n65534 /etc more\n"));
    CHECK(text.ends_with("00000000800405fb\nstops\n"));
    CHECK_FALSE(text.contains("more\n00000000800405fb\n0000"));
}

TEST_CASE("a container whose post_start hook fails has not started") {
    KeysFixture fixture(GENERATE("crun", "runc"));
    runtime::Start start = contract::start_of("failing", contract::heeds_term);
    start.spec.process.post_start = {hook("echo nothing there; exit 3")};
    fixture.driver().perform(start);
    CHECK(expect<runtime::StartFailed>(fixture).reason ==
          "post_start hook sh: exit code 3: nothing there");
    CHECK(fixture.leftovers() == std::vector<std::string>{});
}

TEST_CASE("a container whose hooks have not ended is no container to the next agent") {
    KeysFixture fixture(GENERATE("crun", "runc"));
    runtime::Start start = contract::start_of("half", contract::heeds_term);
    start.spec.process.post_start = {hook("echo waits > /proc/1/fd/1; sleep 1000")};
    fixture.driver().perform(start);
    contract::wait_for_log(fixture, "half", "waits\n");
    CHECK(fixture.restart().empty());
    CHECK(fixture.waiting_events() == 0);
    CHECK(fixture.leftovers() == std::vector<std::string>{});
}

TEST_CASE("a pre_stop hook that hangs has the grace and no more") {
    KeysFixture fixture(GENERATE("crun", "runc"));
    runtime::Start start = contract::start_of("hangs", contract::ignores_term);
    start.spec.process.pre_stop = {hook("sleep 1000")};
    fixture.driver().perform(start);
    expect<runtime::Started>(fixture);
    contract::wait_for_hello(fixture, "hangs");
    auto const begin = std::chrono::steady_clock::now();
    fixture.driver().perform(runtime::Stop{"hangs", base::milliseconds(500)});
    CHECK(expect<runtime::Exited>(fixture).status.signal == SIGKILL);
    CHECK(std::chrono::steady_clock::now() - begin >= std::chrono::milliseconds(500));
}

TEST_CASE("hooks that hang delay no other container") {
    KeysFixture fixture(GENERATE("crun", "runc"));
    for (int number = 0; number < 6; ++number) {
        runtime::Start start =
            contract::start_of(base::concat("slow.", number), contract::heeds_term);
        start.spec.process.post_start = {hook("sleep 1000")};
        fixture.driver().perform(start);
    }
    fixture.driver().perform(contract::start_of("quick", contract::prints_and_exits));
    CHECK(expect<runtime::Started>(fixture).id == "quick");
    CHECK(expect<runtime::Exited>(fixture).id == "quick");
}
