// Which containers the supervisor starts again, and when.

#include <catch2/catch.hpp>

#include "runtime/supervisor.h"

namespace {

using base::milliseconds;
using base::seconds;
using runtime::Phase;
using runtime::RestartCondition;

runtime::Desired job(runtime::RestartPolicy policy) {
    runtime::Desired desired;
    desired.assignment = {"shop/job", 1, "r1"};
    desired.restart = policy;
    return desired;
}

// A supervisor of one slot and the simulated time it lives in.
struct Host {
    runtime::Supervisor supervisor{{}, base::Prng(7)};
    base::Instant now{seconds(100)};
    runtime::Effects out;
    std::string id;  // of the container started last

    void desire(runtime::Desired const& desired) { supervisor.set_desired(now, {desired}, out); }

    // Starts the container that was asked for and lets it run; false: none was asked for.
    bool run(base::Duration time) {
        auto* const start =
            out.actions.empty() ? nullptr : std::get_if<runtime::Start>(&out.actions.back());
        if (start == nullptr) {
            return false;
        }
        id = start->id;
        out.actions.clear();
        supervisor.on_event(now, runtime::Started{id, base::IpAddress::v4(1)}, out);
        now += time;
        supervisor.on_tick(now, out);
        return true;
    }

    void end(int code) {
        supervisor.on_event(now, runtime::Exited{id, {.code = code}}, out);
        REQUIRE(out.actions.size() == 1);
        REQUIRE(std::get<runtime::Remove>(out.actions[0]).id == id);
        out.actions.clear();
        supervisor.on_event(now, runtime::Removed{id}, out);
    }

    // The wait until the next start; instant_max's: none comes.
    [[nodiscard]] base::Duration wait() const { return supervisor.next_deadline() - now; }

    void pass_wait() {
        now = supervisor.next_deadline();
        supervisor.on_tick(now, out);
    }

    runtime::Instance instance() {
        REQUIRE(supervisor.instances().size() == 1);
        return supervisor.instances()[0];
    }
};

}  // namespace

TEST_CASE("the restart condition says what an end leads to") {
    struct Row {
        RestartCondition condition;
        int code;
        Phase phase;
    };

    for (Row const& row : {Row{RestartCondition::any, 0, Phase::backoff},
                           Row{RestartCondition::any, 1, Phase::backoff},
                           Row{RestartCondition::on_failure, 0, Phase::completed},
                           Row{RestartCondition::on_failure, 1, Phase::backoff},
                           Row{RestartCondition::none, 0, Phase::completed},
                           Row{RestartCondition::none, 1, Phase::completed}}) {
        INFO(static_cast<int>(row.condition) << " with exit code " << row.code);
        Host host;
        host.desire(job({.condition = row.condition}));
        REQUIRE(host.run(seconds(1)));
        host.end(row.code);
        CHECK(host.instance().phase == row.phase);
        CHECK(host.instance().last_exit->code == row.code);
        bool const waits = host.supervisor.next_deadline() < base::instant_max;
        CHECK(waits == (row.phase == Phase::backoff));
    }
}

TEST_CASE("a completed slot stays so until its revision or its policy changes") {
    Host host;
    runtime::Desired desired = job({.condition = RestartCondition::none});
    host.desire(desired);
    REQUIRE(host.run(seconds(1)));
    host.end(0);
    host.desire(desired);
    host.now += seconds(3600);
    host.supervisor.on_tick(host.now, host.out);
    CHECK(host.out.actions.empty());

    desired.assignment.revision = "r2";
    host.desire(desired);
    REQUIRE(host.run(seconds(1)));
    host.end(0);
    CHECK(host.instance().phase == Phase::completed);
    desired.restart.condition = RestartCondition::any;
    host.desire(desired);
    CHECK(host.run(seconds(1)));
}

TEST_CASE("restarts are given up after as many attempts as the policy allows") {
    Host host;
    host.desire(job({.condition = RestartCondition::on_failure, .attempts_max = 2}));
    for (int attempt = 0; attempt < 3; ++attempt) {
        REQUIRE(host.run(seconds(100)));
        host.end(7);
        CHECK(host.instance().phase == (attempt < 2 ? Phase::backoff : Phase::completed));
        if (attempt < 2) {
            host.pass_wait();
        }
    }
    CHECK(host.instance().message == "ended with exit code 7; given up after 2 restarts");
    CHECK(host.instance().last_exit->code == 7);
}

TEST_CASE("a run as long as the window forgets the attempts before it") {
    Host host;
    host.desire(job({.attempts_max = 1, .window = seconds(30)}));
    REQUIRE(host.run(seconds(1)));
    host.end(1);
    for (int run = 0; run < 3; ++run) {
        host.pass_wait();
        REQUIRE(host.run(seconds(30)));
        host.end(1);
        CHECK(host.instance().phase == Phase::backoff);
    }
    host.pass_wait();
    REQUIRE(host.run(seconds(29)));
    host.end(1);
    CHECK(host.instance().phase == Phase::completed);
}

TEST_CASE("a delay is kept exactly, and never below the shortest wait") {
    for (auto const& [delay, wait] : {std::pair(seconds(5), base::Duration(seconds(5))),
                                      std::pair(seconds(0), base::Duration(milliseconds(100)))}) {
        Host host;
        host.desire(job({.delay = delay}));
        for (int run = 0; run < 4; ++run) {
            REQUIRE(host.run(seconds(1)));
            host.end(1);
            CHECK(host.wait() == wait);
            host.pass_wait();
        }
    }
}

TEST_CASE("what could not be made is tried again whatever the policy") {
    Host host;
    host.desire(job({.condition = RestartCondition::none}));
    for (int attempt = 0; attempt < 3; ++attempt) {
        REQUIRE(host.out.actions.size() == 1);
        std::string const id = std::get<runtime::Start>(host.out.actions[0]).id;
        host.out.actions.clear();
        host.supervisor.on_event(host.now, runtime::StartFailed{id, "no image"}, host.out);
        CHECK(host.instance().phase == Phase::failed);
        host.pass_wait();
    }
}

TEST_CASE("an end that nobody saw is judged like any other") {
    for (int const code : {0, 1}) {
        Host host;
        host.supervisor.adopt(
            host.now,
            {{"old", job({}).assignment, base::IpAddress::v4(1), runtime::ExitStatus{code}}},
            host.out);
        // The driver may be quicker than the agent.
        host.desire(job({.condition = RestartCondition::on_failure}));
        CHECK(std::get<runtime::Remove>(host.out.actions.at(0)).id == "old");
        host.supervisor.on_event(host.now, runtime::Removed{"old"}, host.out);
        CHECK(host.instance().phase == (code == 0 ? Phase::completed : Phase::backoff));
    }
}

TEST_CASE("what the host could not do stays in sight, behind what is worse") {
    Host host;
    runtime::Desired desired = job({});
    desired.health.kind = runtime::CheckKind::tcp;
    desired.health.retries = 1;
    host.desire(desired);
    std::string const id = std::get<runtime::Start>(host.out.actions.at(0)).id;
    host.supervisor.on_event(
        host.now, runtime::Started{id, base::IpAddress::v4(1), "nofile lowered"}, host.out);
    CHECK(host.instance().message == "nofile lowered");
    host.supervisor.on_event(host.now, runtime::Probed{id, false, "refused"}, host.out);
    CHECK(host.instance().message == "health check failed: refused");
    host.supervisor.on_tick(host.supervisor.next_deadline(), host.out);
    host.supervisor.on_event(host.now, runtime::Probed{id, true, ""}, host.out);
    CHECK(host.instance().message == "nofile lowered");
}
