#include "tests/fleet/harness.h"

#include <algorithm>

#include <catch2/catch.hpp>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/text.h"

// The harness itself: fleets that leave nothing behind, whatever happens, and wires that carry or
// do not.
namespace {

using fleet::Fleet;
using fleet::Host;

constexpr base::Duration patience = base::seconds(20);

bool can_make_fleets() {
    std::string const reason = fleet::reason_to_skip(COVEY_AGENT);
    if (!reason.empty()) {
        WARN("skipped: " << reason);
    }
    return reason.empty();
}

bool reaches(Host const& from, Host const& to) {
    return fleet::run_in(from.netns(), {.arguments = {"/bin/busybox", "ping", "-c", "1", "-W", "1",
                                                      to_string(to.address())}})
               .exit_code == 0;
}

// Something in a host's namespace that ends when it is killed.
pid_t sleeper_on(Host const& host) {
    return fleet::start_in(host.netns(), {.arguments = {"/bin/busybox", "sleep", "1000"}},
                           "/dev/null");
}

}  // namespace

TEST_CASE("hosts reach each other, but not through a cut") {
    if (!can_make_fleets()) {
        return;
    }
    Fleet fleet({.agent = COVEY_AGENT});
    CHECK(reaches(fleet.host(0), fleet.host(2)));
    fleet.partition({{0, 1}, {2}});
    CHECK(reaches(fleet.host(0), fleet.host(1)));
    CHECK_FALSE(reaches(fleet.host(0), fleet.host(2)));
    fleet.heal();
    CHECK(fleet::wait_until(patience, [&] { return reaches(fleet.host(0), fleet.host(2)); }));
    fleet.unplug(1);
    CHECK_FALSE(reaches(fleet.host(0), fleet.host(1)));
    fleet.plug(1);
    CHECK(fleet::wait_until(patience, [&] { return reaches(fleet.host(0), fleet.host(1)); }));
}

TEST_CASE("a fleet leaves nothing, and what it leaves would be seen") {
    if (!can_make_fleets()) {
        return;
    }
    std::string run;
    {
        Fleet fleet({.agent = COVEY_AGENT, .hosts = 2});
        run = fleet.run();
        pid_t const sleeper = sleeper_on(fleet.host(1));
        auto const found = fleet::leftovers(run);
        CHECK(std::ranges::any_of(found, [&](std::string const& line) {
            return line.starts_with(base::concat("process ", sleeper, ": "));
        }));
        CHECK(std::ranges::any_of(
            found, [](std::string const& line) { return line.starts_with("network namespace"); }));
    }
    CHECK(fleet::leftovers(run) == std::vector<std::string>{});
}

TEST_CASE("a fleet whose process is killed leaves nothing") {
    if (!can_make_fleets()) {
        return;
    }
    int ready[2];
    REQUIRE(::pipe2(ready, O_CLOEXEC) == 0);
    pid_t const child = ::fork();
    if (child == 0) {
        Fleet fleet({.agent = COVEY_AGENT, .hosts = 2});
        sleeper_on(fleet.host(0));
        (void)!::write(ready[1], "x", 1);
        ::pause();
        ::_exit(0);
    }
    ::close(ready[1]);
    char letter{};
    REQUIRE(::read(ready[0], &letter, 1) == 1);
    std::string const run = std::to_string(child);
    CHECK(fleet::leftovers(run).size() > 2);
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    CHECK(fleet::wait_until(patience, [&] { return fleet::leftovers(run).empty(); }));
}

TEST_CASE("a host that is killed is silent, and returns with its address") {
    if (!can_make_fleets()) {
        return;
    }
    Fleet fleet({.agent = COVEY_AGENT, .hosts = 2});
    fleet.found();
    pid_t const agent = fleet.host(1).agent_pid();
    fleet.kill_host(1);
    CHECK_FALSE(fleet::is_running(agent));
    CHECK_FALSE(reaches(fleet.host(0), fleet.host(1)));
    fleet.return_host(1);
    CHECK(fleet.host(1).agent_pid() != agent);
    CHECK(fleet::wait_until(patience, [&] { return reaches(fleet.host(0), fleet.host(1)); }));
}
