#include "agent/planner.h"

#include <algorithm>

#include <catch2/catch.hpp>

#include "base/random.h"
#include "tests/unit/agent/support.h"

using namespace agent;

namespace {

// A shared state and a roster that change, and a Planner that is told of every change.
struct Fleet {
    base::Prng prng;
    State state;
    Roster roster;
    Planner planner;

    explicit Fleet(std::uint64_t seed) : prng(seed) {}

    std::uint64_t below(std::uint64_t limit) { return prng.below(limit); }

    void set(std::string const& key, base::Bytes const& value) {
        state.update(key, &value);
        planner.note_changed(key);
    }

    void erase(std::string const& key) {
        state.update(key, nullptr);
        planner.note_changed(key);
    }

    void change_service() {
        spec::ServiceSpec spec = service("s" + std::to_string(below(5)));
        std::string const key = service_key(spec);
        switch (below(5)) {
            case 0:
                erase(service_entry(key));
                return;
            case 1:
                set(scale_entry(key), encode_replicas(static_cast<std::uint32_t>(below(9))));
                return;
            default:
                break;
        }
        spec.replicas = static_cast<std::uint32_t>(below(9));
        spec.environment["VERSION"] = std::to_string(below(2));
        spec.reservations.cpu_milli = below(3) * 500;
        spec.mode = below(6) == 0 ? spec::Mode::global : spec::Mode::replicated;
        if (below(4) == 0) {
            spec.constraints = {{"node.labels.zone", below(2) == 0, "a"}};
        }
        set(service_entry(key), spec::encode(spec));
    }

    void change_host() {
        auto const id = node(static_cast<std::uint8_t>(1 + below(8)));
        planner.note_roster();
        if (roster.contains(id) && below(2) == 0) {
            roster.erase(id);
            return;
        }
        NodeFacts facts;
        facts.name = "host" + std::to_string(id.bytes[0]);
        facts.cpu_milli = 1000 + below(2) * 1000;
        facts.labels["zone"] = below(2) == 0 ? "a" : "b";
        if (!state.nodes().contains(id) || below(3) == 0) {
            set(facts_entry(id), encode(facts));
        }
        roster[id] = {.id = id,
                      .name = facts.name,
                      .address = {},
                      .duty = below(3) == 0 ? static_cast<Duty>(below(4)) : Duty::full};
    }

    // A host begins what it was given, or runs or ends something else.
    void change_records() {
        auto const id = node(static_cast<std::uint8_t>(1 + below(8)));
        for (placement::Assignment const& each : make_plan(state, roster).assignments) {
            if (each.node == id && below(3) != 0) {
                auto const found = state.services().find(each.service);
                set(instance_entry(id, each.service, each.slot),
                    encode(record(found->second.spec, each.slot, runtime::Phase::running)));
            }
        }
        spec::ServiceSpec const spec = service("s" + std::to_string(below(5)));
        auto const slot = static_cast<std::uint32_t>(1 + below(9));
        if (below(2) == 0) {
            erase(instance_entry(id, service_key(spec), slot));
        } else if (below(4) == 0) {
            set(instance_entry(id, service_key(spec), slot),
                encode(record(spec, slot, runtime::Phase::healthy)));
        }
    }
};

}  // namespace

TEST_CASE("a planner that follows the state plans as one that reads it for the first time") {
    for (std::uint64_t seed = 1; seed <= 40; ++seed) {
        Fleet fleet(seed);
        for (int step = 0; step < 60; ++step) {
            for (std::uint64_t changes = fleet.below(4); changes > 0; --changes) {
                std::uint64_t const what = fleet.below(10);
                what < 1   ? fleet.change_service()
                : what < 4 ? fleet.change_host()
                           : fleet.change_records();
            }
            INFO("seed " << seed << ", step " << step);
            placement::Plan const expected = make_plan(fleet.state, fleet.roster);
            placement::Plan const& plan = fleet.planner.plan(fleet.state, fleet.roster);
            REQUIRE(plan.assignments == expected.assignments);
            REQUIRE(std::ranges::equal(plan.pending, expected.pending, {},
                                       &placement::Pending::slot, &placement::Pending::slot));
        }
    }
}
