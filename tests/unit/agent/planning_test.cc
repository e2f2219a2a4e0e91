#include "agent/planning.h"

#include <array>

#include <catch2/catch.hpp>

#include "agent/planner.h"
#include "tests/unit/agent/support.h"

using namespace agent;
using runtime::Phase;

namespace {

constexpr std::string_view zone = "covey.internal";

// Three hosts; node(1) is the one that decides. What it holds is told to make_intent() by hold().
struct Fleet {
    State state;
    Roster roster;
    std::vector<runtime::Instance> held;
    std::map<SlotKey, runtime::Desired> before;

    Fleet() {
        for (std::uint8_t number = 1; number <= 3; ++number) {
            join(state, roster, node(number));
        }
    }

    void hold(spec::ServiceSpec const& spec, std::uint32_t slot, Phase phase) {
        InstanceRecord const mine = record(spec, slot, phase);
        put(state, node(1), mine);
        runtime::Instance instance;
        instance.id = mine.container;
        instance.assignment = {mine.service, slot, mine.revision};
        instance.phase = phase;
        held.push_back(instance);
    }

    [[nodiscard]] Intent intent(placement::Plan const& plan) const {
        return make_intent(node(1), zone, plan, state, roster, held, before);
    }

    [[nodiscard]] Intent intent() const { return intent(make_plan(state, roster)); }

    [[nodiscard]] base::NodeId owner(std::string const& service, std::uint32_t slot) const {
        for (placement::Assignment const& each : make_plan(state, roster).assignments) {
            if (each.service == service && each.slot == slot) {
                return each.node;
            }
        }
        return {};
    }
};

placement::Plan plan_of(std::vector<placement::Assignment> assignments) {
    return {.assignments = std::move(assignments), .pending = {}};
}

// "SLOT@REVISION" of what is desired.
std::vector<std::string> wanted(Intent const& intent) {
    std::vector<std::string> out;
    for (runtime::Desired const& desired : intent.desired) {
        out.push_back(std::to_string(desired.assignment.slot) + '@' + desired.assignment.revision);
    }
    return out;
}

std::string at(spec::ServiceSpec const& spec, std::uint32_t slot) {
    return std::to_string(slot) + '@' + spec::revision(spec);
}

// Of the first two hosts.
std::uint8_t other_than(std::uint8_t number) {
    return number == 1 ? 2 : 1;
}

using Wanted = std::vector<std::string>;

}  // namespace

TEST_CASE("a slot that moved away is kept until its new holder serves as well") {
    spec::ServiceSpec const web = service("web");
    placement::Plan const moved = plan_of({{"shop/web", 1, node(2)}});

    struct Row {
        Phase ours;
        std::optional<Phase> theirs;
        bool kept;
    };

    for (Row const& row : std::vector<Row>{{Phase::healthy, std::nullopt, true},
                                           {Phase::healthy, Phase::starting, true},
                                           {Phase::healthy, Phase::running, true},
                                           {Phase::healthy, Phase::draining, true},
                                           {Phase::healthy, Phase::healthy, false},
                                           {Phase::running, Phase::starting, true},
                                           {Phase::running, Phase::running, false},
                                           {Phase::draining, Phase::backoff, true},
                                           {Phase::draining, Phase::failed, true},
                                           {Phase::draining, Phase::draining, false},
                                           {Phase::starting, std::nullopt, false},
                                           {Phase::backoff, std::nullopt, false},
                                           {Phase::stopping, std::nullopt, false}}) {
        Fleet fleet;
        put(fleet.state, web);
        fleet.hold(web, 1, row.ours);
        if (row.theirs) {
            put(fleet.state, node(2), record(web, 1, *row.theirs));
        }
        INFO("ours " << static_cast<int>(row.ours) << ", theirs "
                     << (row.theirs ? static_cast<int>(*row.theirs) : -1));
        CHECK(wanted(fleet.intent(moved)) == (row.kept ? Wanted{at(web, 1)} : Wanted{}));
    }
}

TEST_CASE("a full disk keeps what serves, and hands over what does not run") {
    for (Phase const phase : {Phase::starting, Phase::running, Phase::healthy, Phase::draining,
                              Phase::stopping, Phase::backoff, Phase::failed}) {
        INFO(static_cast<int>(phase));
        Fleet fleet;
        spec::ServiceSpec const web = service("web");
        put(fleet.state, web);
        put(fleet.state, node(2), record(web, 1, phase));
        CHECK(fleet.owner("shop/web", 1) == node(2));
        NodeFacts facts = fleet.state.nodes().at(node(2));
        facts.disk_full = true;
        put(fleet.state, facts_entry(node(2)), encode(facts));
        CHECK((fleet.owner("shop/web", 1) == node(2)) == serves(phase));
        // A second slot is free, and goes to an empty host as ever, but never there.
        put(fleet.state, service("web", 9));
        for (std::uint32_t slot = 2; slot <= 9; ++slot) {
            CHECK(fleet.owner("shop/web", slot) != node(2));
        }
    }
}

TEST_CASE("a global service leaves out a host whose disk is full, until it has room") {
    Fleet fleet;
    spec::ServiceSpec everywhere = service("log");
    everywhere.mode = spec::Mode::global;
    put(fleet.state, everywhere);
    CHECK(make_plan(fleet.state, fleet.roster).assignments.size() == 3);
    NodeFacts facts = fleet.state.nodes().at(node(2));
    facts.disk_full = true;
    put(fleet.state, facts_entry(node(2)), encode(facts));
    CHECK(make_plan(fleet.state, fleet.roster).assignments.size() == 2);
    CHECK(make_plan(fleet.state, fleet.roster).pending.empty());
}

TEST_CASE("what is kept for a new holder keeps its revision and its settings") {
    Fleet fleet;
    spec::ServiceSpec const old = service("web");
    put(fleet.state, changed(old));
    fleet.hold(old, 1, Phase::healthy);
    runtime::Desired last = desired_slot({old, spec::revision(old)}, 1, zone);
    last.stop_grace = base::seconds(77);
    fleet.before[{"shop/web", 1}] = last;
    Intent const intent = fleet.intent(plan_of({{"shop/web", 1, node(2)}}));
    REQUIRE(wanted(intent) == Wanted{at(old, 1)});
    CHECK(intent.desired[0].stop_grace == base::seconds(77));
}

TEST_CASE("a slot that is scaled away or whose service is gone is let go at once") {
    Fleet fleet;
    spec::ServiceSpec const web = service("web", 1);
    put(fleet.state, web);
    fleet.hold(web, 1, Phase::healthy);
    fleet.hold(web, 2, Phase::healthy);
    CHECK(wanted(fleet.intent()) == Wanted{at(web, 1)});
    fleet.state.update("service/shop/web", nullptr);
    CHECK(wanted(fleet.intent()).empty());
}

TEST_CASE("what runs of a service that only a later version understands stays") {
    Fleet fleet;
    spec::ServiceSpec const web = service("web", 1);
    put(fleet.state, web);
    fleet.hold(web, 1, Phase::healthy);
    fleet.hold(web, 2, Phase::backoff);
    base::Bytes encoded = spec::encode(web);
    base::ByteWriter later;
    later.varint(1000);  // a field that is not there yet
    later.sized("x");
    base::Bytes const field = later.take();
    encoded.insert(encoded.end(), field.begin(), field.end());
    REQUIRE(spec::decode(encoded).error() == spec::Errc::newer);
    fleet.state.update(service_entry(service_key(web)), &encoded);
    CHECK(fleet.state.services().empty());
    CHECK(fleet.state.newer().contains(service_key(web)));
    Intent const kept = fleet.intent();
    REQUIRE(kept.desired.size() == 1);
    CHECK(kept.desired[0].assignment.slot == 1);
    CHECK(kept.desired[0].assignment.revision == spec::revision(web));
    CHECK(kept.desired[0].restart.condition == runtime::RestartCondition::none);

    put(fleet.state, web);
    CHECK(fleet.state.newer().empty());
}

TEST_CASE("two holders of one slot never both go and never both stay") {
    spec::ServiceSpec const old = service("web");
    spec::ServiceSpec const next = changed(old, "2");
    spec::ServiceSpec const other = changed(old, "3");
    std::vector<spec::ServiceSpec> const revisions{old, next, other};
    for (spec::ServiceSpec const& ours : revisions) {
        for (spec::ServiceSpec const& theirs : revisions) {
            Fleet fleet;
            put(fleet.state, next);
            fleet.hold(ours, 1, Phase::healthy);
            put(fleet.state, node(2), record(theirs, 1, Phase::healthy));
            INFO("ours " << spec::revision(ours) << ", theirs " << spec::revision(theirs));
            bool const mine = fleet.owner("shop/web", 1) == node(1);
            // The owner moves on to the current revision at once, whatever the other still holds.
            CHECK(wanted(fleet.intent()) == (mine ? Wanted{at(next, 1)} : Wanted{}));
        }
    }
}

TEST_CASE("of two healthy holders that of the current revision keeps the slot") {
    spec::ServiceSpec const old = service("web");
    for (std::uint8_t const current : std::array<std::uint8_t, 2>{1, 2}) {
        Fleet fleet;
        put(fleet.state, changed(old));
        put(fleet.state, node(current), record(changed(old), 1, Phase::healthy));
        put(fleet.state, node(other_than(current)), record(old, 1, Phase::healthy));
        CHECK(fleet.owner("shop/web", 1) == node(current));
    }
}

TEST_CASE("a healthy holder keeps the slot from one that is not, whatever their revisions") {
    spec::ServiceSpec const old = service("web");
    for (std::uint8_t const healthy : std::array<std::uint8_t, 2>{1, 2}) {
        Fleet fleet;
        put(fleet.state, changed(old));
        put(fleet.state, node(healthy), record(old, 1, Phase::healthy));
        put(fleet.state, node(other_than(healthy)), record(changed(old), 1, Phase::starting));
        CHECK(fleet.owner("shop/web", 1) == node(healthy));
    }
}

TEST_CASE("a new revision waits for the lower slots, and says so") {
    Fleet fleet;
    spec::ServiceSpec const old = service("web", 2);
    put(fleet.state, changed(old));
    put(fleet.state, node(2), record(old, 1, Phase::healthy));
    fleet.hold(old, 2, Phase::healthy);
    Intent const waiting = fleet.intent();
    CHECK(wanted(waiting) == Wanted{at(old, 2)});
    REQUIRE(waiting.waiting.size() == 1);
    CHECK(waiting.waiting[0].reason == "waits for its turn in the update");

    put(fleet.state, node(2), record(changed(old), 1, Phase::starting));
    CHECK(wanted(fleet.intent()) == Wanted{at(old, 2)});
    put(fleet.state, node(2), record(changed(old), 1, Phase::healthy));
    Intent const turn = fleet.intent();
    CHECK(wanted(turn) == Wanted{at(changed(old), 2)});
    CHECK(turn.waiting.empty());
}

TEST_CASE("a duplicate does not hold up a rollout") {
    Fleet fleet;
    spec::ServiceSpec const old = service("web", 2);
    put(fleet.state, changed(old));
    put(fleet.state, node(2), record(changed(old), 1, Phase::healthy));
    put(fleet.state, node(3), record(old, 1, Phase::healthy));  // on its way out
    fleet.hold(old, 2, Phase::healthy);
    CHECK(wanted(fleet.intent()) == Wanted{at(changed(old), 2)});
}

TEST_CASE("an owner whose slot another host runs at the current revision still gets its turn") {
    Fleet fleet;
    spec::ServiceSpec const old = service("web");
    put(fleet.state, changed(old));
    fleet.hold(old, 1, Phase::healthy);
    put(fleet.state, node(2), record(changed(old), 1, Phase::healthy));
    placement::Plan const ours = plan_of({{"shop/web", 1, node(1)}});
    CHECK(wanted(fleet.intent(ours)) == Wanted{at(changed(old), 1)});
}

TEST_CASE("nodes that share a slot of a global service do not wait for each other") {
    Fleet fleet;
    spec::ServiceSpec const old = service("agent");
    put(fleet.state, changed(old));
    fleet.hold(old, 5, Phase::healthy);
    put(fleet.state, node(2), record(changed(old), 5, Phase::healthy));
    placement::Plan const shared =
        plan_of({{"shop/agent", 5, node(1)}, {"shop/agent", 5, node(2)}});
    CHECK(wanted(fleet.intent(shared)) == Wanted{at(changed(old), 5)});
}

TEST_CASE("a first start waits for what it depends on; what runs already does not") {
    struct Row {
        spec::Condition condition;
        Phase phase;
        std::optional<std::int32_t> exit_code;
        bool met;
    };

    using spec::Condition;
    for (Row const& row :
         std::vector<Row>{{Condition::started, Phase::starting, std::nullopt, false},
                          {Condition::started, Phase::running, std::nullopt, true},
                          {Condition::healthy, Phase::running, std::nullopt, false},
                          {Condition::healthy, Phase::healthy, std::nullopt, true},
                          {Condition::completed, Phase::healthy, std::nullopt, false},
                          {Condition::completed, Phase::backoff, 1, false},
                          {Condition::completed, Phase::backoff, 0, true},
                          {Condition::completed, Phase::completed, 1, false},
                          {Condition::completed, Phase::completed, 0, true},
                          {Condition::started, Phase::completed, 0, true}}) {
        Fleet fleet;
        spec::ServiceSpec web = service("web");
        web.depends_on = {{"db", row.condition}};
        spec::ServiceSpec const db = service("db");
        put(fleet.state, web);
        put(fleet.state, db);
        InstanceRecord dependency = record(db, 1, row.phase);
        dependency.exit_code = row.exit_code;
        put(fleet.state, node(2), dependency);
        placement::Plan const plan = plan_of({{"shop/web", 1, node(1)}});
        INFO(static_cast<int>(row.condition) << " in phase " << static_cast<int>(row.phase));
        Intent const intent = fleet.intent(plan);
        CHECK(wanted(intent) == (row.met ? Wanted{at(web, 1)} : Wanted{}));
        CHECK(intent.waiting.size() == (row.met ? 0 : 1));
        fleet.hold(web, 1, Phase::backoff);
        CHECK(wanted(fleet.intent(plan)) == Wanted{at(web, 1)});
    }
}

TEST_CASE("a slot whose run has ended for good starts nowhere again") {
    spec::ServiceSpec job = service("job");
    job.deploy.restart.condition = spec::RestartCondition::none;
    placement::Plan const plan = plan_of({{"shop/job", 1, node(1)}});
    InstanceRecord done = record(job, 1, Phase::completed);
    done.exit_code = 0;

    Fleet fleet;
    put(fleet.state, job);
    CHECK(wanted(fleet.intent(plan)) == Wanted{at(job, 1)});
    // It ran on a host that is down now.
    put(fleet.state, node(2), done);
    fleet.roster.erase(node(2));
    CHECK(wanted(fleet.intent(plan)).empty());
    CHECK(completed_run(fleet.state, fleet.state.services().at("shop/job"), 1)->exit_code == 0);

    SECTION("another revision runs") {
        put(fleet.state, changed(job));
        CHECK(wanted(fleet.intent(plan)) == Wanted{at(changed(job), 1)});
    }
    SECTION("a policy that always restarts runs it") {
        job.deploy.restart.condition = spec::RestartCondition::any;
        put(fleet.state, job);
        CHECK(wanted(fleet.intent(plan)) == Wanted{at(job, 1)});
    }
    SECTION("a second run that has begun goes on to its end") {
        fleet.hold(job, 1, Phase::healthy);
        CHECK(wanted(fleet.intent(plan)) == Wanted{at(job, 1)});
    }
    SECTION("a run that failed holds up an update like a start") {
        spec::ServiceSpec const next = changed(job);
        put(fleet.state, next);
        done = record(next, 1, Phase::completed);
        for (std::int32_t const code : {1, 0}) {
            done.exit_code = code;
            put(fleet.state, node(3), done);
            fleet.held.clear();
            fleet.hold(job, 2, Phase::healthy);
            CHECK(wanted(fleet.intent(
                      plan_of({{"shop/job", 1, node(3)}, {"shop/job", 2, node(1)}}))) ==
                  Wanted{code == 0 ? at(next, 2) : at(job, 2)});
        }
    }
}

TEST_CASE("the end of a run is told until somebody else tells it") {
    State state;
    spec::ServiceSpec job = service("job");
    job.deploy.restart.condition = spec::RestartCondition::none;
    put(state, job);
    InstanceRecord const done = record(job, 1, Phase::completed);
    put(state, node(1), done);
    CHECK(is_last_word(state, node(1), done));
    CHECK_FALSE(is_last_word(state, node(1), record(job, 1, Phase::healthy)));
    put(state, node(2), record(job, 1, Phase::starting));
    CHECK(is_last_word(state, node(1), done));
    put(state, node(2), done);
    CHECK_FALSE(is_last_word(state, node(1), done));
    state.update(instance_entry(node(2), "shop/job", 1), nullptr);
    put(state, changed(job));
    CHECK_FALSE(is_last_word(state, node(1), done));

    placement::Plan const plan = plan_of({{"shop/a", 2, node(1)}, {"shop/job", 1, node(2)}});
    CHECK(is_placed(plan, {"shop/job", 1}));
    CHECK_FALSE(is_placed(plan, {"shop/job", 2}));
    CHECK_FALSE(is_placed(plan, {"shop/a", 1}));
}

TEST_CASE("a dependency on a host that is down is not met") {
    Fleet fleet;
    spec::ServiceSpec web = service("web");
    web.depends_on = {{"db", spec::Condition::started}};
    put(fleet.state, web);
    put(fleet.state, node(2), record(service("db"), 1, Phase::healthy));
    fleet.roster.erase(node(2));
    Intent const intent = fleet.intent(plan_of({{"shop/web", 1, node(1)}}));
    REQUIRE(intent.waiting.size() == 1);
    CHECK(intent.waiting[0].reason == "waits for shop/db to start");
}

TEST_CASE("hosts that see the same plan the same, and records of the lost count for nothing") {
    Fleet fleet;
    spec::ServiceSpec const web = service("web", 6);
    put(fleet.state, web);
    placement::Plan const fresh = make_plan(fleet.state, fleet.roster);
    CHECK(fresh.assignments.size() == 6);
    for (placement::Assignment const& each : fresh.assignments) {
        put(fleet.state, each.node, record(web, each.slot, Phase::healthy));
    }
    CHECK(digest(make_plan(fleet.state, fleet.roster)) == digest(fresh));
    fleet.roster.erase(node(3));
    placement::Plan const after = make_plan(fleet.state, fleet.roster);
    CHECK(after.assignments.size() == 6);
    CHECK(digest(after) != digest(fresh));
    for (placement::Assignment const& each : fresh.assignments) {
        if (each.node != node(3)) {
            CHECK(fleet.owner("shop/web", each.slot) == each.node);
        }
    }
}

TEST_CASE("a host whose agent restarts keeps what it holds and is given nothing") {
    Fleet fleet;
    spec::ServiceSpec const web = service("web", 6);
    put(fleet.state, web);
    put(fleet.state, node(2), record(web, 1, Phase::healthy));
    fleet.roster[node(2)].duty = Duty::keeps;
    for (std::uint32_t slot = 1; slot <= 6; ++slot) {
        INFO("slot " << slot);
        CHECK((fleet.owner("shop/web", slot) == node(2)) == (slot == 1));
    }
}

TEST_CASE("a host that leaves hands over, whatever its facts say yet") {
    Fleet fleet;
    spec::ServiceSpec const web = service("web");
    put(fleet.state, web);
    put(fleet.state, node(2), record(web, 1, Phase::healthy));
    REQUIRE(fleet.owner("shop/web", 1) == node(2));
    fleet.roster[node(2)].duty = Duty::hands_over;
    CHECK(fleet.owner("shop/web", 1) != node(2));
}

TEST_CASE("an unsteady host keeps only what no other host can take") {
    Fleet fleet;
    spec::ServiceSpec const web = service("web", 2);
    spec::ServiceSpec bound = service("bound");
    bound.constraints = {{"node.hostname", true, "host2"}};
    spec::ServiceSpec everywhere = service("everywhere");
    everywhere.mode = spec::Mode::global;
    std::uint32_t const global = placement::global_slot("shop/everywhere", node(2));
    for (spec::ServiceSpec const& each : {web, bound, everywhere}) {
        put(fleet.state, each);
        put(fleet.state, node(2),
            record(each, each.mode == spec::Mode::global ? global : 1, Phase::healthy));
    }
    fleet.roster[node(2)].duty = Duty::spare;
    CHECK(fleet.owner("shop/web", 1) != node(2));
    CHECK(fleet.owner("shop/web", 2) != node(2));
    CHECK(fleet.owner("shop/bound", 1) == node(2));
    CHECK(fleet.owner("shop/everywhere", global) == node(2));
    CHECK(make_plan(fleet.state, fleet.roster).pending.empty());
    // What it does not hold it is not given, though nobody else can run it.
    fleet.state.update(instance_entry(node(2), "shop/bound", 1), nullptr);
    CHECK(fleet.owner("shop/bound", 1) == base::NodeId{});
    CHECK(make_plan(fleet.state, fleet.roster).pending.size() == 1);
}
