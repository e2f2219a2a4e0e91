#include <algorithm>
#include <map>

#include <catch2/catch.hpp>

#include "fleet.h"

using namespace placement;

namespace {

std::map<base::NodeId, int> load(Plan const& plan) {
    std::map<base::NodeId, int> slots;
    for (Assignment const& assignment : plan.assignments) {
        ++slots[assignment.node];
    }
    return slots;
}

std::vector<base::NodeId> holders(Plan const& plan, std::uint32_t slot) {
    std::vector<base::NodeId> nodes;
    for (Assignment const& assignment : plan.assignments) {
        if (assignment.slot == slot) {
            nodes.push_back(assignment.node);
        }
    }
    return nodes;
}

void check_pending(Plan const& plan, std::size_t count, Obstacle obstacle) {
    REQUIRE(plan.pending.size() == count);
    for (Pending const& pending : plan.pending) {
        CHECK(pending.obstacle == obstacle);
    }
}

}  // namespace

TEST_CASE("nothing in, nothing out") {
    Plan const plan = assign({}, {}, {});
    CHECK(plan.assignments.empty());
    CHECK(plan.pending.empty());
}

TEST_CASE("without nodes every slot is pending") {
    Service const service = make_service("p/web", 3);
    check_pending(assign({}, {&service, 1}, {}), 3, Obstacle::no_nodes);
}

TEST_CASE("slots spread evenly, the first by score") {
    auto const nodes = make_nodes(4);
    Service const service = make_service("p/web", 10);
    Plan const plan = assign(nodes, {&service, 1}, {});
    REQUIRE(plan.assignments.size() == 10);
    for (auto const& [node, slots] : load(plan)) {
        CHECK((slots == 2 || slots == 3));
    }
    CHECK(holders(plan, 1).front() == ranking("p/web", 1, nodes).front());
    CHECK(std::ranges::is_sorted(plan.assignments));
}

TEST_CASE("constraints filter as in Swarm") {
    auto nodes = make_nodes(3);
    nodes[0].attributes["node.labels.zone"] = "East";
    nodes[1].attributes["node.labels.zone"] = "west";
    Service service = make_service("p/web", 6);

    service.constraints = {{"node.labels.zone", true, "east"}};
    Plan plan = assign(nodes, {&service, 1}, {});
    CHECK(load(plan) == std::map<base::NodeId, int>{{nodes[0].id, 6}});

    // A node without the label differs from every value.
    service.constraints = {{"node.labels.zone", false, "EAST"}};
    plan = assign(nodes, {&service, 1}, {});
    CHECK(load(plan) == std::map<base::NodeId, int>{{nodes[1].id, 3}, {nodes[2].id, 3}});

    service.constraints = {{"node.labels.zone", true, "east"}, {"node.hostname", true, "host2"}};
    check_pending(assign(nodes, {&service, 1}, {}), 6, Obstacle::constraints);
}

TEST_CASE("reservations never exceed the capacity") {
    auto const nodes = make_nodes(2);
    Service service = make_service("p/web", 6);
    service.reservation = {1500, 1};
    Plan const plan = assign(nodes, {&service, 1}, {});
    CHECK(plan.assignments.size() == 4);
    check_pending(plan, 2, Obstacle::resources);

    service.reservation = {0, 8'000'001};
    check_pending(assign(nodes, {&service, 1}, {}), 6, Obstacle::resources);
    service.reservation = {~std::uint64_t{0}, ~std::uint64_t{0}};
    check_pending(assign(nodes, {&service, 1}, {}), 6, Obstacle::resources);
}

TEST_CASE("max_per_node and host ports bound the slots of a node") {
    auto const nodes = make_nodes(2);
    Service service = make_service("p/web", 6);
    service.max_per_node = 2;
    Plan plan = assign(nodes, {&service, 1}, {});
    CHECK(plan.assignments.size() == 4);
    check_pending(plan, 2, Obstacle::max_per_node);

    service.max_per_node = 0;
    service.host_ports = {80 << 1};
    plan = assign(nodes, {&service, 1}, {});
    CHECK(plan.assignments.size() == 2);
    check_pending(plan, 4, Obstacle::host_ports);

    // UDP port 80 is another port.
    std::vector<Service> services{service, make_service("p/dns", 2)};
    services[0].replicas = 2;
    services[1].host_ports = {(80 << 1) | 1};
    CHECK(assign(nodes, services, {}).pending.empty());
    services[1].host_ports = {443 << 1, 80 << 1};
    plan = assign(nodes, services, {});
    CHECK(plan.assignments.size() == 2);
    check_pending(plan, 2, Obstacle::host_ports);
}

TEST_CASE("the obstacle told is that of the node that came closest") {
    auto nodes = make_nodes(3);
    nodes[0].accepts = false;
    nodes[1].attributes["node.labels.gpu"] = "yes";
    nodes[1].capacity = {};
    Service service = make_service("p/ml", 1);
    service.constraints = {{"node.labels.gpu", true, "yes"}};
    service.reservation = {1, 1};
    check_pending(assign(nodes, {&service, 1}, {}), 1, Obstacle::resources);
    check_pending(assign({nodes.data(), 1}, {&service, 1}, {}), 1, Obstacle::no_nodes);
}

TEST_CASE("incumbents keep their slots while they fit") {
    auto nodes = make_nodes(3);
    Service service = make_service("p/web", 3);
    std::vector<Incumbent> incumbents;
    for (std::uint32_t slot = 1; slot <= 3; ++slot) {
        incumbents.push_back({"p/web", slot, nodes[0].id, Phase::starting});
    }
    auto const stay = std::map<base::NodeId, int>{{nodes[0].id, 3}};
    CHECK(load(assign(nodes, {&service, 1}, incumbents)) == stay);

    SECTION("weight 0 takes nothing new and keeps what runs") {
        nodes[0].weight = 0;
        CHECK(load(assign(nodes, {&service, 1}, incumbents)) == stay);
        service.replicas = 4;
        CHECK(load(assign(nodes, {&service, 1}, incumbents)).at(nodes[0].id) == 3);
        check_pending(assign({nodes.data(), 1}, {&service, 1}, incumbents), 1, Obstacle::no_nodes);
    }
    SECTION("a draining node loses all") {
        nodes[0].accepts = false;
        CHECK_FALSE(load(assign(nodes, {&service, 1}, incumbents)).contains(nodes[0].id));
    }
    SECTION("a node that no longer matches loses all") {
        service.constraints = {{"node.hostname", false, "host1"}};
        CHECK_FALSE(load(assign(nodes, {&service, 1}, incumbents)).contains(nodes[0].id));
    }
    SECTION("max_per_node keeps the lowest slots") {
        service.max_per_node = 1;
        Plan const plan = assign(nodes, {&service, 1}, incumbents);
        CHECK(load(plan).size() == 3);
        CHECK(holders(plan, 1) == std::vector{nodes[0].id});
    }
    SECTION("a reservation that grew keeps the lowest slots") {
        service.reservation = {2000, 0};
        Plan const plan = assign(nodes, {&service, 1}, incumbents);
        CHECK(load(plan).at(nodes[0].id) == 2);
        CHECK(holders(plan, 3) != std::vector{nodes[0].id});
    }
    SECTION("slots above the replicas are dropped") {
        service.replicas = 1;
        CHECK(assign(nodes, {&service, 1}, incumbents).assignments ==
              std::vector<Assignment>{{"p/web", 1, nodes[0].id}});
    }
    SECTION("slot 0, unknown services and unknown nodes are ignored") {
        incumbents.push_back({"p/web", 0, nodes[0].id, Phase::healthy});
        incumbents.push_back({"p/gone", 1, nodes[0].id, Phase::healthy});
        incumbents.push_back({"p/web", 2, node_id(99), Phase::healthy});
        Plan const plan = assign(nodes, {&service, 1}, incumbents);
        CHECK(load(plan) == stay);
        CHECK(plan.assignments.size() == 3);
    }
}

TEST_CASE("of several holders the most advanced keeps the slot, ties go by score") {
    auto const nodes = make_nodes(3);
    Service const service = make_service("p/web", 1);
    auto const ranked = ranking("p/web", 1, nodes);
    std::vector<Incumbent> incumbents{{"p/web", 1, ranked[0], Phase::starting},
                                      {"p/web", 1, ranked[2], Phase::healthy},
                                      {"p/web", 1, ranked[1], Phase::healthy}};
    CHECK(holders(assign(nodes, {&service, 1}, incumbents), 1) == std::vector{ranked[1]});
    incumbents[0].phase = Phase::running;
    incumbents[1].phase = Phase::starting;
    incumbents[2].phase = Phase::starting;
    CHECK(holders(assign(nodes, {&service, 1}, incumbents), 1) == std::vector{ranked[0]});
}

TEST_CASE("a holder that no longer fits leaves the slot to the next holder") {
    auto nodes = make_nodes(2);
    Service const service = make_service("p/web", 1);
    nodes[0].accepts = false;
    std::vector<Incumbent> const incumbents{{"p/web", 1, nodes[0].id, Phase::healthy},
                                            {"p/web", 1, nodes[1].id, Phase::starting}};
    CHECK(holders(assign(nodes, {&service, 1}, incumbents), 1) == std::vector{nodes[1].id});
}

TEST_CASE("a free slot never displaces an incumbent, whatever the service's name") {
    auto const nodes = make_nodes(1);
    std::vector<Service> services{make_service("a/new", 3), make_service("z/old", 3)};
    services[0].reservation = {1000, 0};
    services[1].reservation = {1000, 0};
    std::vector<Incumbent> incumbents;
    for (std::uint32_t slot = 1; slot <= 3; ++slot) {
        incumbents.push_back({"z/old", slot, nodes[0].id, Phase::starting});
    }
    Plan const plan = assign(nodes, services, incumbents);
    CHECK(plan.assignments.size() == 4);
    check_pending(plan, 2, Obstacle::resources);
    CHECK(plan.pending[0].service == "a/new");
}

TEST_CASE("a global service runs once on every fitting node") {
    auto nodes = make_nodes(4);
    nodes[0].accepts = false;
    nodes[1].attributes["node.labels.edge"] = "no";
    nodes[2].capacity = {};
    Service service = make_service("p/log", 0);
    service.global = true;
    service.constraints = {{"node.labels.edge", false, "no"}};
    service.reservation = {1, 0};
    Plan const plan = assign(nodes, {&service, 1}, {});
    CHECK(plan.assignments ==
          std::vector<Assignment>{{"p/log", global_slot("p/log", nodes[3].id), nodes[3].id}});
    check_pending(plan, 1, Obstacle::resources);
    CHECK(plan.pending[0].slot == global_slot("p/log", nodes[2].id));

    nodes[3].weight = 0;
    CHECK(assign(nodes, {&service, 1}, {}).assignments.empty());
    CHECK(assign(nodes, {&service, 1}, carried_out(plan)).assignments == plan.assignments);
    std::vector<Incumbent> const stale{{"p/log", 1, nodes[3].id, Phase::healthy}};
    CHECK(assign(nodes, {&service, 1}, stale).assignments.empty());
}
