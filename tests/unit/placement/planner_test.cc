#include "placement/planner.h"

#include <algorithm>
#include <map>

#include <catch2/catch.hpp>

#include "fleet.h"
#include "model.h"

using namespace placement;

namespace {

// A fleet that changes, a Planner that is told of each change, and the plain model beside it.
struct Pair {
    explicit Pair(base::Prng& given) : prng(given) {
        Fleet fleet = random_fleet(prng);
        spare = std::move(fleet.nodes);
        set_services(std::move(fleet.services));
        for (std::size_t count = 1 + prng.below(spare.size()); count > 0; --count) {
            add_node();
        }
    }

    [[nodiscard]] Plan expected() const {
        Fleet fleet;
        for (auto const& [id, node] : nodes) {
            fleet.nodes.push_back(node);
            auto const& records = held.at(id);
            fleet.incumbents.insert(fleet.incumbents.end(), records.begin(), records.end());
        }
        return model::assign(fleet.nodes, services, fleet.incumbents);
    }

    void set_services(std::vector<Service> next) {
        services = std::move(next);
        planner.set_services(services);
        for (auto const& [id, node] : nodes) {
            planner.set_incumbents(id, held[id]);
        }
    }

    void add_node() {
        if (!spare.empty()) {
            Node const node = spare.back();
            spare.pop_back();
            nodes[node.id] = node;
            planner.set_node(node);
            planner.set_incumbents(node.id, held[node.id]);
        }
    }

    void change_node() {
        Node& node = some()->second;
        node.weight = prng.chance(0.2) ? 0 : static_cast<std::uint32_t>(500 + prng.below(3000));
        node.accepts = !prng.chance(0.2);
        node.capacity = {prng.below(8000), prng.below(8000)};
        planner.set_node(node);
    }

    void lose_node() {
        auto const lost = some();
        planner.remove_node(lost->first);
        held[lost->first].clear();
        spare.push_back(lost->second);
        nodes.erase(lost);
    }

    // One host has done its share of the plan, or something else.
    void change_records() {
        base::NodeId const id = some()->first;
        std::vector<Incumbent> records = prng.chance(0.5) ? held[id] : std::vector<Incumbent>();
        for (Incumbent const& done : carried_out(planner.plan())) {
            if (done.node == id && !prng.chance(0.2)) {
                records.push_back(done);
            }
        }
        if (!services.empty() && prng.chance(0.3)) {
            Service const& service = services[prng.below(services.size())];
            auto const slot = service.global ? global_slot(service.key, id)
                                             : static_cast<std::uint32_t>(prng.below(12));
            records.push_back({service.key, slot, id, static_cast<Phase>(prng.below(3))});
        }
        held[id] = records;
        planner.set_incumbents(id, records);
    }

    void change_services() {
        std::vector<Service> next = services;
        for (Service& service : next) {
            service.replicas = static_cast<std::uint32_t>(prng.below(12));
        }
        if (!next.empty() && prng.chance(0.3)) {
            next.pop_back();
        }
        set_services(std::move(next));
    }

    void step() {
        std::uint64_t const what = prng.below(20);
        if (nodes.empty() || what < 4) {
            add_node();
        } else if (what < 6) {
            lose_node();
        } else if (what < 8) {
            change_node();
        } else if (what < 9) {
            change_services();
        } else {
            change_records();
        }
    }

    std::map<base::NodeId, Node>::iterator some() {
        return std::next(nodes.begin(), static_cast<std::ptrdiff_t>(prng.below(nodes.size())));
    }

    base::Prng& prng;
    std::vector<Node> spare;
    std::map<base::NodeId, Node> nodes;
    std::vector<Service> services;
    std::map<base::NodeId, std::vector<Incumbent>> held;
    Planner planner;
};

}  // namespace

TEST_CASE("a planner that is told of changes plans as one that begins anew") {
    base::Prng prng(21);
    for (int round = 0; round < 400; ++round) {
        Pair pair(prng);
        for (int step = 0; step < 40; ++step) {
            INFO("round " << round << ", step " << step);
            REQUIRE(same(pair.planner.plan(), pair.expected()));
            for (std::uint64_t changes = prng.below(4); changes > 0; --changes) {
                pair.step();
            }
        }
    }
}

TEST_CASE("assign() is the plain model") {
    base::Prng prng(22);
    for (int round = 0; round < 2000; ++round) {
        Fleet const fleet = random_fleet(prng);
        INFO("round " << round);
        REQUIRE(same(assign(fleet.nodes, fleet.services, fleet.incumbents),
                     model::assign(fleet.nodes, fleet.services, fleet.incumbents)));
    }
}

TEST_CASE("what a planner does not know is ignored") {
    Planner planner;
    planner.set_services({make_service("p/web", 2)});
    planner.set_node(make_node(1));
    Incumbent const stranger{"p/web", 1, node_id(2), Phase::healthy};
    planner.set_incumbents(node_id(2), {&stranger, 1});
    planner.remove_node(node_id(2));
    CHECK(planner.plan().assignments ==
          std::vector<Assignment>{{"p/web", 1, node_id(1)}, {"p/web", 2, node_id(1)}});
    planner.remove_node(node_id(1));
    CHECK(planner.plan().assignments.empty());
    CHECK(planner.plan().pending.size() == 2);
}
