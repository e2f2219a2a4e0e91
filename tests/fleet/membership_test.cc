#include <algorithm>
#include <ctime>

#include <catch2/catch.hpp>
#include <signal.h>
#include <sys/wait.h>

#include "base/text.h"
#include "tests/fleet/test_fleet.h"

using Catch::Contains;
using fleet::Host;
using fleet::Output;
using fleet::wait_until;

namespace {

Output join(Host const& host, Host const& peer, std::string const& token) {
    return host.agent({"join", to_string(peer.address()), "--token", token});
}

std::string token_of(Host const& host, std::vector<std::string> options = {}) {
    options.insert(options.begin(), {"token", "create"});
    Output const output = host.agent(std::move(options));
    REQUIRE(output.exit_code == 0);
    return std::string(base::trim(output.out));
}

// Refused with one line on standard error, and this host is in no fleet after.
void check_refused(Output const& output, std::string const& words) {
    CHECK(output.exit_code == 1);
    CHECK(output.out.empty());
    CHECK(std::ranges::count(output.err, '\n') == 1);
    CHECK_THAT(output.err, Contains(words));
}

}  // namespace

TEST_CASE("a join that is refused says why in one line, and a later one succeeds") {
    if (!can_make_fleets()) {
        return;
    }
    TestFleet fleet = TestFleet::bare(3);
    Host& member = fleet[0];
    Host& joiner = fleet[1];
    REQUIRE(member.agent({"init"}).exit_code == 0);
    std::string const token = token_of(member);
    std::string const short_lived = token_of(member, {"--ttl", "1s"});
    std::string const single = token_of(member, {"--uses", "1"});

    check_refused(joiner.agent({"join", "10.77.0.11", "--token", "nonsense"}), "token");
    std::string damaged = token;
    damaged[damaged.size() / 2] = damaged[damaged.size() / 2] == 'A' ? 'B' : 'A';
    check_refused(join(joiner, member, damaged), "token");

    std::time_t const made = std::time(nullptr);
    REQUIRE(wait_until(patience, [&] { return std::time(nullptr) > made + 2; }));
    check_refused(join(joiner, member, short_lived), "token expired");

    REQUIRE(fleet[2].agent({"init"}).exit_code == 0);
    fleet->unplug(0);
    check_refused(join(joiner, fleet[2], token), "wrong fleet");
    check_refused(join(joiner, member, token), "no answer from 10.77.0.11:7700");
    fleet->plug(0);

    // A peer of another fleet does not hinder: the token knows better, and the host is told.
    Output joined;
    REQUIRE(wait_until(patience, [&] {
        joined = join(joiner, fleet[2], single);
        return joined.exit_code == 0;
    }));
    CHECK_THAT(joined.out, Contains("Joined the fleet of 10.77.0.11:7700, which the token names."));
    CHECK(wait_until(patience, [&] { return member.nodes().size() == 2; }));
    check_refused(join(joiner, member, token), "an agent runs here already");
    REQUIRE(fleet[2].agent({"leave"}).exit_code == 0);
    check_refused(join(fleet[2], member, single), "token used up");
    CHECK(join(fleet[2], member, token).exit_code == 0);
    CHECK(wait_until(patience, [&] { return fleet[1].nodes().size() == 3; }));
}

TEST_CASE("what stands in an agent's way is named in one line") {
    if (!can_make_fleets()) {
        return;
    }
    TestFleet fleet = TestFleet::founded(1);
    Host& host = fleet[0];
    check_refused(host.agent({"init"}), "an agent runs here already");
    std::string const elsewhere = base::concat("--run-dir=", host.directory(), "/other");
    check_refused(host.agent({"run", elsewhere, "--port", "7799"}), host.state_dir());
    check_refused(host.agent({"init", elsewhere, "--port", "7799"}), host.state_dir());
    host.stop_agent();
    check_refused(host.agent({"init"}), "belongs to a fleet already");

    pid_t const other = fleet::start_in(
        host.netns(), {.arguments = {"/bin/busybox", "httpd", "-f", "-p", "7700"}}, "/dev/null");
    base::SocketAddress const taken{host.address(), 7700};
    REQUIRE(wait_until(patience, [&] { return fleet::http_get(host.netns(), taken).status != 0; }));
    check_refused(host.agent({"run"}), "TCP port 7700 is in use");
    ::kill(other, SIGKILL);
    ::waitpid(other, nullptr, 0);
    host.start_agent();
    CHECK(host.nodes().size() == 1);
}

TEST_CASE("a host that leaves hands over its containers, and may join again") {
    if (!can_make_fleets()) {
        return;
    }
    TestFleet fleet = TestFleet::founded();
    fleet[0].put_file("shop.yaml", web_file(6));
    REQUIRE(fleet.becomes_whole("shop/web", 6));
    REQUIRE_FALSE(fleet[2].containers().empty());
    pid_t const agent = fleet[2].agent_pid();

    Output const left = fleet[2].agent({"leave"});
    CHECK(left.exit_code == 0);
    CHECK(left.out == "This host has left its fleet, and its agent has ended.\n");
    CHECK(wait_until(patience, [&] { return !fleet::is_running(agent); }));
    CHECK(fleet[2].containers().empty());
    CHECK(fleet.becomes_whole("shop/web", 6));
    CHECK(fleet.agrees_on(2));
    for (std::size_t index = 0; index < 2; ++index) {
        auto const nodes = fleet[index].nodes();
        CHECK(std::ranges::none_of(nodes, [](agent::NodeReport const& node) {
            return node.name == "host3" && node.status != agent::NodeStatus::left;
        }));
    }

    CHECK(join(fleet[2], fleet[1], token_of(fleet[1])).exit_code == 0);
    CHECK(fleet.agrees_on(3));
    fleet[0].put_file("shop.yaml", web_file(9));
    CHECK(fleet.becomes_whole("shop/web", 9));
    CHECK_FALSE(fleet[2].containers().empty());
}
