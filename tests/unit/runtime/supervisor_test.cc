#include "runtime/supervisor.h"

#include <algorithm>
#include <set>

#include <catch2/catch.hpp>

namespace {

using base::milliseconds;
using base::seconds;
using runtime::Phase;

runtime::Desired wish(std::string revision, std::uint32_t slot = 1) {
    runtime::Desired desired;
    desired.assignment = {"shop/web", slot, std::move(revision)};
    desired.spec.image = "busybox";
    return desired;
}

runtime::Desired checked(std::string revision) {
    runtime::Desired desired = wish(std::move(revision));
    desired.health.kind = runtime::CheckKind::tcp;
    desired.health.interval = seconds(30);
    desired.health.start_interval = seconds(5);
    desired.health.start_period = seconds(20);
    desired.health.retries = 3;
    return desired;
}

// A supervisor and the simulated time it lives in. What it asks for is taken from `out`.
struct Host {
    runtime::Supervisor supervisor{{}, base::Prng(7)};
    base::Instant now{seconds(100)};
    runtime::Effects out;

    void desire(std::vector<runtime::Desired> desired) {
        supervisor.set_desired(now, std::move(desired), out);
    }

    void event(runtime::Event const& what) { supervisor.on_event(now, what, out); }

    void pass(base::Duration time) {
        base::Instant const end = now + time;
        while (supervisor.next_deadline() <= end) {
            now = std::max(now, supervisor.next_deadline());
            supervisor.on_tick(now, out);
        }
        now = end;
    }

    // The only action asked for since the last call.
    template <class Kind>
    Kind only() {
        REQUIRE(out.actions.size() == 1);
        REQUIRE(std::holds_alternative<Kind>(out.actions[0]));
        Kind action = std::get<Kind>(out.actions[0]);
        out.actions.clear();
        return action;
    }

    runtime::Instance instance() {
        REQUIRE(supervisor.instances().size() == 1);
        return supervisor.instances()[0];
    }

    std::string run() {
        std::string id = only<runtime::Start>().id;
        event(runtime::Started{id, base::IpAddress::v4(0x0a800302)});
        return id;
    }
};

}  // namespace

TEST_CASE("a desired slot is started and, without a check, healthy once it runs") {
    Host host;
    host.desire({wish("aaaaaaaabbbb")});
    CHECK(host.out.changed);
    auto const start = host.only<runtime::Start>();
    CHECK(start.id.starts_with("shop.web.1.aaaaaaaa."));
    CHECK(start.spec.image == "busybox");
    CHECK(host.instance().phase == Phase::starting);
    host.event(runtime::Started{start.id, base::IpAddress::v4(1)});
    CHECK(host.instance().phase == Phase::healthy);
    CHECK(host.instance().address == base::IpAddress::v4(1));
    CHECK(host.out.actions.empty());
    CHECK(host.supervisor.next_deadline() == base::instant_max);
}

TEST_CASE("the longest names still give an id that a driver takes") {
    Host host;
    runtime::Desired longest = wish("aaaaaaaabbbb");
    longest.assignment.service = std::string(63, 'p') + "/" + std::string(63, 's');
    longest.assignment.slot = 4294967295;
    host.desire({longest});
    std::string const id = host.only<runtime::Start>().id;
    CHECK(id.size() == runtime::id_size_max);
    CHECK(id.starts_with(std::string(63, 'p') + ".sss"));
    CHECK(id.contains("s.4294967295.aaaaaaaa."));
}

TEST_CASE("what is no longer desired is drained, then stopped, then removed") {
    Host host;
    host.desire({wish("r1")});
    std::string const id = host.run();
    host.desire({});
    CHECK(host.instance().phase == Phase::draining);
    CHECK(host.out.actions.empty());
    host.pass(milliseconds(499));
    CHECK(host.out.actions.empty());
    host.pass(milliseconds(1));
    CHECK(host.only<runtime::Stop>().grace == seconds(10));
    CHECK(host.instance().phase == Phase::stopping);
    host.event(runtime::Exited{id, {143, 15, false}});
    CHECK(host.only<runtime::Remove>().id == id);
    host.event(runtime::Removed{id});
    CHECK(host.supervisor.instances().empty());
    CHECK(host.out.actions.empty());
}

TEST_CASE("a new revision starts only when the old one is removed") {
    Host host;
    host.desire({wish("r1")});
    std::string const old = host.run();
    host.desire({wish("r2")});
    host.pass(seconds(1));
    CHECK(host.only<runtime::Stop>().id == old);
    host.event(runtime::Exited{old, {}});
    CHECK(host.only<runtime::Remove>().id == old);
    host.event(runtime::Removed{old});
    CHECK(host.only<runtime::Start>().assignment.revision == "r2");
}

TEST_CASE("a slot desired again while it drains serves on") {
    Host host;
    host.desire({wish("r1")});
    host.run();
    host.desire({});
    host.pass(milliseconds(100));
    host.desire({wish("r1")});
    CHECK(host.instance().phase == Phase::healthy);
    host.pass(seconds(5));
    CHECK(host.out.actions.empty());
}

TEST_CASE("a slot given up while it starts is stopped as soon as it runs") {
    Host host;
    host.desire({wish("r1")});
    std::string const id = host.only<runtime::Start>().id;
    host.desire({});
    host.pass(seconds(5));
    CHECK(host.out.actions.empty());
    host.event(runtime::Started{id, {}});
    host.pass(seconds(1));
    CHECK(host.only<runtime::Stop>().id == id);
}

TEST_CASE("failures wait twice as long each time, up to the most, and are forgotten when stable") {
    Host host;
    host.desire({wish("r1")});
    base::Duration expected = milliseconds(100);
    for (std::uint32_t failure = 0; failure < 14; ++failure) {
        std::string const id = host.run();
        CHECK(host.instance().restarts == failure);
        host.event(runtime::Exited{id, {1, 0, false}});
        host.only<runtime::Remove>();
        host.event(runtime::Removed{id});
        CHECK(host.instance().phase == Phase::backoff);
        CHECK(host.instance().last_exit->code == 1);
        CHECK(host.instance().message == "ended with exit code 1");
        base::Duration const wait = host.supervisor.next_deadline() - host.now;
        CHECK(wait <= expected);
        CHECK(wait >= expected / 2);
        expected = std::min<base::Duration>(expected * 2, seconds(60));
        CHECK(host.out.actions.empty());
        host.pass(wait);
    }
    std::string const id = host.run();
    host.pass(seconds(10));
    host.event(runtime::Exited{id, {}});
    host.only<runtime::Remove>();
    host.event(runtime::Removed{id});
    CHECK(host.supervisor.next_deadline() - host.now <= milliseconds(100));
}

TEST_CASE("why a container ended is told while its next start waits") {
    Host host;
    host.desire({wish("r1")});
    std::string const id = host.run();
    host.event(runtime::Exited{id, {137, 9, true}});
    host.only<runtime::Remove>();
    CHECK(host.instance().phase == Phase::backoff);
    CHECK(host.instance().message == "ended: out of memory");
    host.event(runtime::Removed{id});
    CHECK(host.instance().message == "ended: out of memory");
    host.pass(milliseconds(100));
    std::string const next = host.run();
    CHECK(host.instance().message.empty());
    host.event(runtime::Exited{next, {139, 11, false}});
    host.only<runtime::Remove>();
    host.event(runtime::Removed{next});
    CHECK(host.instance().message == "ended by signal 11");
}

TEST_CASE("what cannot be made is told and tried again; a new revision does not wait") {
    Host host;
    host.desire({wish("r1")});
    for (int failure = 0; failure < 8; ++failure) {
        std::string const id = host.only<runtime::Start>().id;
        host.event(runtime::StartFailed{id, std::string(2000, 'x')});
        CHECK(host.instance().phase == Phase::failed);
        CHECK(host.instance().message.size() == 512);
        CHECK(host.instance().id == id);
        host.pass(host.supervisor.next_deadline() - host.now);
    }
    std::string const id = host.only<runtime::Start>().id;
    host.event(runtime::StartFailed{id, "no such image"});
    host.desire({wish("r2")});
    CHECK(host.only<runtime::Start>().assignment.revision == "r2");
    CHECK(host.instance().restarts == 0);
}

TEST_CASE("a check makes healthy at its first success and unhealthy after its retries") {
    Host host;
    host.desire({checked("r1")});
    std::string const id = host.run();
    CHECK(host.instance().phase == Phase::running);
    host.only<runtime::Probe>();
    host.pass(seconds(60));
    CHECK(host.out.actions.empty());  // one at a time
    host.event(runtime::Probed{id, true, ""});
    CHECK(host.instance().phase == Phase::healthy);

    for (int failure = 1; failure <= 3; ++failure) {
        host.pass(seconds(30) - milliseconds(1));
        CHECK(host.out.actions.empty());
        host.pass(milliseconds(1));
        host.only<runtime::Probe>();
        host.event(runtime::Probed{id, false, "refused"});
        CHECK(host.instance().phase == (failure < 3 ? Phase::healthy : Phase::running));
    }
    CHECK(host.instance().message == "health check failed: refused");
    host.pass(seconds(30));
    host.only<runtime::Probe>();
    host.event(runtime::Probed{id, true, ""});
    CHECK(host.instance().phase == Phase::healthy);
    CHECK(host.instance().message.empty());
}

TEST_CASE("failures in the start period do not count, and probes come at the start interval") {
    Host host;
    host.desire({checked("r1")});
    std::string const id = host.run();
    for (int probe = 0; probe < 4; ++probe) {  // at 0, 5, 10 and 15 seconds
        host.only<runtime::Probe>();
        host.event(runtime::Probed{id, false, "not yet"});
        CHECK(host.instance().message.empty());
        host.pass(seconds(5));
    }
    for (int failure = 1; failure <= 3; ++failure) {  // at 20, 25 and 30
        CHECK(host.instance().message.empty());
        host.only<runtime::Probe>();
        host.event(runtime::Probed{id, false, "not yet"});
        host.pass(seconds(5));
    }
    CHECK(host.instance().message == "health check failed: not yet");
}

TEST_CASE("an adopted container of the desired revision keeps running") {
    Host host;
    base::IpAddress const address = base::IpAddress::v4(9);
    host.supervisor.adopt(
        host.now,
        {{"old.1", wish("r1").assignment, address, {}},
         {"old.2", wish("r0", 2).assignment, address, {}},
         {"old.3", wish("r1", 3).assignment, address, runtime::ExitStatus{3, 0, false}}},
        host.out);
    for (int tick = 0; tick < 3; ++tick) {
        host.now += seconds(5);
        host.supervisor.on_tick(host.now, host.out);
    }
    CHECK(host.out.actions.empty());  // nothing is done before it is told what should run

    host.desire({wish("r1"), wish("r1", 3)});
    CHECK(host.only<runtime::Remove>().id == "old.3");
    auto const instances = host.supervisor.instances();
    REQUIRE(instances.size() == 3);
    CHECK(instances[0].phase == Phase::healthy);
    CHECK(instances[1].phase == Phase::draining);
    CHECK(instances[2].phase == Phase::backoff);
    CHECK(instances[2].last_exit->code == 3);
    host.event(runtime::Removed{"old.3"});
    host.pass(milliseconds(100));
    CHECK(host.only<runtime::Start>().assignment.slot == 3);
    host.pass(seconds(1));
    CHECK(host.only<runtime::Stop>().id == "old.2");
}

TEST_CASE("of two adopted containers of one slot only one stays") {
    Host host;
    host.supervisor.adopt(
        host.now, {{"a", wish("r1").assignment, {}, {}}, {"b", wish("r1").assignment, {}, {}}},
        host.out);
    host.desire({wish("r1")});
    host.pass(seconds(1));
    CHECK(host.only<runtime::Stop>().id == "b");
}

namespace {

// The driver's side as a model: which action and event is legal for a container in which state.
class Model {
public:
    enum class State { starting, running, ended };

    void check(runtime::Effects& out) {
        for (runtime::Action const& action : out.actions) {
            std::visit([&](auto const& alternative) { on(alternative); }, action);
        }
        out.actions.clear();
    }

    // Something that a driver may report now.
    std::optional<runtime::Event> draw(base::Prng& prng) {
        std::vector<runtime::Event> possible;
        for (auto const& [id, state] : states_) {
            switch (state) {
                case State::starting:
                    possible.emplace_back(runtime::Started{id, base::IpAddress::v4(1)});
                    possible.emplace_back(runtime::StartFailed{id, "no"});
                    break;
                case State::running:
                    possible.emplace_back(runtime::Exited{id, {1, 0, false}});
                    break;
                case State::ended:
                    if (removing_.contains(id)) {
                        possible.emplace_back(runtime::Removed{id});
                    }
                    break;
            }
        }
        for (std::string const& id : probing_) {
            possible.emplace_back(runtime::Probed{id, prng.chance(0.5), "output"});
        }
        if (possible.empty()) {
            return std::nullopt;
        }
        runtime::Event event = possible[prng.below(possible.size())];
        std::visit([&](auto const& alternative) { apply(alternative); }, event);
        return event;
    }

    [[nodiscard]] bool idle() const { return states_.empty(); }

private:
    void on(runtime::Start const& start) {
        REQUIRE(!states_.contains(start.id));
        REQUIRE(slots_.insert(start.assignment.slot).second);  // one container a slot
        states_[start.id] = State::starting;
        slot_of_[start.id] = start.assignment.slot;
    }

    void on(runtime::Stop const& stop) {
        REQUIRE(states_.at(stop.id) == State::running);
        REQUIRE(stopping_.insert(stop.id).second);
    }

    void on(runtime::Remove const& remove) {
        REQUIRE(states_.at(remove.id) == State::ended);
        REQUIRE(removing_.insert(remove.id).second);
    }

    void on(runtime::Probe const& probe) {
        REQUIRE(states_.at(probe.id) == State::running);
        REQUIRE(!stopping_.contains(probe.id));
        REQUIRE(probing_.insert(probe.id).second);  // one probe at a time
    }

    void apply(runtime::Started const& event) { states_[event.id] = State::running; }

    void apply(runtime::StartFailed const& event) { forget(event.id); }

    void apply(runtime::Exited const& event) { states_[event.id] = State::ended; }

    void apply(runtime::Removed const& event) { forget(event.id); }

    void apply(runtime::Probed const& event) { probing_.erase(event.id); }

    void forget(std::string const& id) {
        slots_.erase(slot_of_.at(id));
        states_.erase(id);
    }

    std::map<std::string, State> states_;
    std::map<std::string, std::uint32_t> slot_of_;
    std::set<std::uint32_t> slots_;
    std::set<std::string> stopping_, removing_, probing_;
};

std::vector<runtime::Desired> random_desired(base::Prng& prng) {
    std::vector<runtime::Desired> desired;
    for (std::uint32_t slot = 1; slot <= 4; ++slot) {
        if (prng.chance(0.7)) {
            std::string const revision = prng.chance(0.5) ? "r1" : "r2";
            desired.push_back(prng.chance(0.5) ? checked(revision) : wish(revision));
            desired.back().assignment.slot = slot;
        }
    }
    return desired;
}

}  // namespace

TEST_CASE("any order of events keeps one container a slot, legal actions, and an end") {
    for (std::uint64_t seed = 0; seed < 300; ++seed) {
        INFO("seed " << seed);
        base::Prng prng(seed);
        Host host;
        Model model;
        for (int step = 0; step < 300; ++step) {
            auto const before = host.supervisor.instances();
            host.out.changed = false;
            if (prng.chance(0.1)) {
                host.desire(random_desired(prng));
            } else if (prng.chance(0.5)) {
                host.pass(milliseconds(static_cast<std::int64_t>(prng.below(3000))));
            } else if (std::optional<runtime::Event> const event = model.draw(prng)) {
                host.event(*event);
            }
            model.check(host.out);
            auto const after = host.supervisor.instances();
            REQUIRE(std::ranges::is_sorted(after, {}, &runtime::Instance::id));
            bool const same = std::ranges::equal(before, after, [](auto const& a, auto const& b) {
                return a.id == b.id && a.phase == b.phase && a.restarts == b.restarts &&
                       a.message == b.message && a.address == b.address;
            });
            REQUIRE((same || host.out.changed));
        }
        host.desire({});
        for (int step = 0; step < 200 && !model.idle(); ++step) {
            host.pass(seconds(1));
            model.check(host.out);
            if (std::optional<runtime::Event> const event = model.draw(prng)) {
                host.event(*event);
            }
            model.check(host.out);
        }
        REQUIRE(model.idle());
        REQUIRE(host.supervisor.instances().empty());
    }
}
