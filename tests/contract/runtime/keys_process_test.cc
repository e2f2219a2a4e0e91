// How the first process of a real container is run and ended.

#include "tests/contract/runtime/keys_fixture.h"

using contract::expect;
using contract::KeysFixture;
using runtime::ContainerSpec;

TEST_CASE("a program reads the end of file, nothing yet, or a terminal") {
    KeysFixture fixture(GENERATE("crun", "runc"));
    ContainerSpec spec;
    CHECK(fixture.output(spec, "test -t 0 || timeout 1 cat; echo $?") == "0\n");
    spec.process.stdin_open = true;
    CHECK(fixture.output(spec, "test -t 0 || timeout 1 cat; echo $?") == "Terminated\n143\n");
    spec.process.tty = true;
    CHECK(fixture.output(spec,
                         "test -t 0 && test -t 1 && test -t 2 && echo $TERM; "
                         "busybox stty size; busybox tty; exit 5") ==
          "xterm\r\n24 80\r\n/dev/pts/0\r\n");
    CHECK(fixture.exit() == runtime::ExitStatus{.code = 5});
}

TEST_CASE("much that a terminal is written is kept whole") {
    KeysFixture fixture(GENERATE("crun", "runc"));
    ContainerSpec spec;
    spec.process.tty = true;
    runtime::Start start = contract::start_of("loud", "seq 1 100000; echo end");
    start.spec.process.tty = true;
    fixture.driver().perform(start);
    expect<runtime::Started>(fixture);
    expect<runtime::Exited>(fixture);
    auto const log = fixture.driver().read_log("loud", 0, false, 1 << 20);
    REQUIRE(log);
    CHECK(log->text.size() == 588'895 + 100'000 + 5);
    CHECK(log->text.ends_with("\r\n100000\r\nend\r\n"));
}

TEST_CASE("a program that does not exist is told, with a terminal too") {
    KeysFixture fixture(GENERATE("crun", "runc"));
    runtime::Start start = contract::start_of("wrong", "");
    start.spec.command = {"/no/such/program"};
    start.spec.process.tty = true;
    fixture.driver().perform(start);
    CHECK(expect<runtime::StartFailed>(fixture).reason.contains("/no/such/program"));
    CHECK(fixture.leftovers() == std::vector<std::string>{});
}

TEST_CASE("init runs the program, reaps what is left, and ends as it ends") {
    KeysFixture fixture(GENERATE("crun", "runc"));
    ContainerSpec spec;
    spec.process.init = true;
    // Counted when both are gone, or in 5 s as they are.
    std::string const orphans =
        "(sleep 0.01 & exec true); (sleep 0.01 & exec true); "
        "for i in $(seq 500); do ps -o stat,args | grep -q '^Z\\|[s]leep 0.01' || break; "
        "usleep 10000; done; ps -o stat | grep -c Z";
    CHECK(fixture.output(spec, base::concat("tr '\\0' ' ' < /proc/1/cmdline | cut -d' ' -f1-3; ",
                                            orphans, "; exit 9")) ==
          "/dev/init init-process sh\n0\n");
    CHECK(fixture.notice().empty());
    CHECK(fixture.exit() == runtime::ExitStatus{.code = 9});
    fixture.output(spec, "kill -SEGV $$");
    CHECK(fixture.exit().code == 128 + SIGSEGV);
    spec.security.read_only_root = true;
    spec.user = "nobody";
    CHECK(fixture.output(spec, "echo $$; id -u") != "1\n65534\n");
}

TEST_CASE("init passes signals on") {
    KeysFixture fixture(GENERATE("crun", "runc"));
    runtime::Start start = contract::start_of("polite", contract::heeds_term);
    start.spec.process.init = true;
    fixture.driver().perform(start);
    expect<runtime::Started>(fixture);
    contract::wait_for_hello(fixture, "polite");
    fixture.driver().perform(runtime::Stop{"polite", base::seconds(60)});
    CHECK(expect<runtime::Exited>(fixture).status == runtime::ExitStatus{.code = 0});

    // Without a trap the program ends by the signal, which as process 1 it would never see.
    start = contract::start_of("plain", contract::ignores_term);
    start.spec.process.init = true;
    fixture.driver().perform(start);
    expect<runtime::Started>(fixture);
    contract::wait_for_hello(fixture, "plain");
    fixture.driver().perform(runtime::Stop{"plain", base::seconds(60)});
    CHECK(expect<runtime::Exited>(fixture).status.code == 143);
}

TEST_CASE("a program that init cannot run ends as a shell would say") {
    KeysFixture fixture(GENERATE("crun", "runc"));
    for (auto const& [command, code] : {std::pair("/no/such/program", 127), {"/etc/passwd", 126}}) {
        runtime::Start start = contract::start_of("wrong", "");
        start.spec.command = {command};
        start.spec.process.init = true;
        fixture.driver().perform(start);
        expect<runtime::Started>(fixture);
        CHECK(expect<runtime::Exited>(fixture).status.code == code);
        fixture.driver().perform(runtime::Remove{"wrong"});
        expect<runtime::Removed>(fixture);
    }
}

TEST_CASE("the stop signal is the service's own") {
    KeysFixture fixture(GENERATE("crun", "runc"));
    runtime::Start start =
        contract::start_of("usr",
                           "trap 'echo usr; exit 4' USR1; trap '' TERM; echo hello; "
                           "while :; do sleep 0.05; done");
    start.spec.process.stop_signal = "SIGUSR1";
    fixture.driver().perform(start);
    expect<runtime::Started>(fixture);
    contract::wait_for_hello(fixture, "usr");
    fixture.driver().perform(runtime::Stop{"usr", base::seconds(60)});
    CHECK(expect<runtime::Exited>(fixture).status == runtime::ExitStatus{.code = 4});
    ContainerSpec spec;
    spec.process.stop_signal = "SIGNOTHING";
    fixture.driver().perform(runtime::Remove{"usr"});
    expect<runtime::Removed>(fixture);
    CHECK(fixture.refusal(spec) == "'SIGNOTHING' is no signal");
}

TEST_CASE("another platform is refused, and what the host could not do is remembered") {
    KeysFixture fixture(GENERATE("crun", "runc"));
    ContainerSpec spec;
    spec.platform = "linux/s390x";
    CHECK(fixture.refusal(spec).starts_with("platform linux/s390x: this host runs linux/"));
    runtime::Start start = contract::start_of("noticed", contract::heeds_term);
    start.spec.pull = runtime::PullPolicy::always;
    fixture.driver().perform(start);
    std::string const notice = expect<runtime::Started>(fixture).notice;
    CHECK(notice.starts_with("pull_policy always"));
    auto const adopted = fixture.restart();
    REQUIRE(adopted.size() == 1);
    CHECK(adopted[0].notice == notice);
    fixture.driver().perform(runtime::Stop{"noticed", base::seconds(0)});
    expect<runtime::Exited>(fixture);
}
