#include <algorithm>
#include <map>
#include <set>

#include <catch2/catch.hpp>

#include "base/random.h"
#include "base/text.h"
#include "fleet.h"

using namespace placement;

namespace {

void check_bounds(Fleet const& fleet, Plan const& plan) {
    std::map<std::string, Service const*> services;
    for (Service const& service : fleet.services) {
        services[service.key] = &service;
    }
    std::map<base::NodeId, Resources> used;
    std::map<std::pair<base::NodeId, std::string>, std::uint32_t> per_node;
    std::set<std::pair<base::NodeId, std::uint32_t>> ports;
    std::set<std::pair<std::string, std::uint32_t>> slots;
    for (Assignment const& assignment : plan.assignments) {
        Service const& service = *services.at(assignment.service);
        used[assignment.node].cpu_milli += service.reservation.cpu_milli;
        used[assignment.node].memory_bytes += service.reservation.memory_bytes;
        std::uint32_t const count = ++per_node[{assignment.node, service.key}];
        REQUIRE((service.max_per_node == 0 || count <= service.max_per_node));
        REQUIRE((!service.global || count == 1));
        for (std::uint32_t const port : service.host_ports) {
            REQUIRE(ports.insert({assignment.node, port}).second);
        }
        REQUIRE(slots.insert({assignment.service, assignment.slot}).second);
    }
    for (Pending const& pending : plan.pending) {
        REQUIRE(slots.insert({pending.service, pending.slot}).second);
    }
    for (Node const& node : fleet.nodes) {
        REQUIRE(used[node.id].cpu_milli <= node.capacity.cpu_milli);
        REQUIRE(used[node.id].memory_bytes <= node.capacity.memory_bytes);
        REQUIRE((node.accepts || !used.contains(node.id) || used[node.id].cpu_milli == 0));
    }
    for (Service const& service : fleet.services) {
        for (std::uint32_t slot = 1; !service.global && slot <= service.replicas; ++slot) {
            REQUIRE(slots.contains({service.key, slot}));
        }
    }
}

}  // namespace

TEST_CASE("every plan keeps every bound and places or explains every slot") {
    base::Prng prng(11);
    for (int round = 0; round < 1500; ++round) {
        Fleet const fleet = random_fleet(prng);
        INFO("round " << round);
        check_bounds(fleet, assign(fleet.nodes, fleet.services, fleet.incumbents));
    }
}

TEST_CASE("the order of the inputs does not matter") {
    base::Prng prng(12);
    for (int round = 0; round < 500; ++round) {
        Fleet fleet = random_fleet(prng);
        Plan const plan = assign(fleet.nodes, fleet.services, fleet.incumbents);
        prng.shuffle(std::span(fleet.nodes));
        prng.shuffle(std::span(fleet.services));
        prng.shuffle(std::span(fleet.incumbents));
        REQUIRE(same(plan, assign(fleet.nodes, fleet.services, fleet.incumbents)));
    }
}

TEST_CASE("a plan that was carried out stays as it is") {
    base::Prng prng(13);
    for (int round = 0; round < 500; ++round) {
        Fleet const fleet = random_fleet(prng);
        Plan const plan = assign(fleet.nodes, fleet.services, fleet.incumbents);
        Plan const again = assign(fleet.nodes, fleet.services, carried_out(plan));
        REQUIRE(again.assignments == plan.assignments);
        REQUIRE(again.pending.size() == plan.pending.size());
    }
}

TEST_CASE("losing a node moves only what it ran") {
    base::Prng prng(14);
    for (int round = 0; round < 500; ++round) {
        Fleet fleet = random_fleet(prng);
        Plan const before = assign(fleet.nodes, fleet.services, fleet.incumbents);
        base::NodeId const lost = fleet.nodes.back().id;
        fleet.nodes.pop_back();
        Plan const after = assign(fleet.nodes, fleet.services, carried_out(before));
        for (Assignment const& assignment : before.assignments) {
            bool const stays = std::ranges::binary_search(after.assignments, assignment);
            REQUIRE(stays == (assignment.node != lost));
        }
    }
}

TEST_CASE("a node that joins moves nothing") {
    base::Prng prng(15);
    for (int round = 0; round < 500; ++round) {
        Fleet fleet = random_fleet(prng);
        Plan const before = assign(fleet.nodes, fleet.services, fleet.incumbents);
        fleet.nodes.push_back(make_node(1000));
        Plan const after = assign(fleet.nodes, fleet.services, carried_out(before));
        REQUIRE(std::ranges::includes(after.assignments, before.assignments));
    }
}

TEST_CASE("single slots share by weight") {
    auto nodes = make_nodes(8);
    nodes[0].weight = 4000;
    std::vector<Service> services;
    for (int number = 0; number < 11'000; ++number) {
        services.push_back(make_service(base::concat("p/s", number), 1));
    }
    Plan const plan = assign(nodes, services, {});
    auto const heavy = std::ranges::count(plan.assignments, nodes[0].id, &Assignment::node);
    // 4 of 11 shares; the standard deviation is 50.
    CHECK(heavy == Approx(4000).margin(200));
}
