// ./dev bench placement: what a plan costs at the size of a large fleet, as tables for
// docs/benchmarks.md.
#include <algorithm>
#include <chrono>
#include <vector>

#include "base/hash.h"
#include "base/text.h"
#include "placement/planner.h"
#include "tests/bench/table.h"

namespace {

using placement::Incumbent;
using placement::Node;
using placement::Plan;
using placement::Planner;
using placement::Service;

constexpr std::size_t nodes_count = 1000;
constexpr std::uint32_t slots_count = 10'000;
constexpr int runs = 21;
constexpr double whole_max_ms = 60;
constexpr double lost_max_ms = 2;

Node make_node(std::uint64_t number) {
    Node node;
    for (std::size_t at = 0; at < node.id.bytes.size(); ++at) {
        node.id.bytes[at] = static_cast<std::uint8_t>(base::mix(number) >> (8 * (at % 8)));
    }
    node.capacity = {.cpu_milli = 16'000, .memory_bytes = std::uint64_t{64} << 30};
    return node;
}

std::vector<Service> make_services(std::uint32_t count) {
    std::vector<Service> services(count);
    for (std::uint32_t number = 0; number < count; ++number) {
        services[number].key = base::concat("shop/service", number);
        services[number].replicas = slots_count / count;
        services[number].reservation = {.cpu_milli = 100, .memory_bytes = 64 << 20};
    }
    return services;
}

template <class Call>
double milliseconds_of(Call&& call) {
    auto const began = std::chrono::steady_clock::now();
    call();
    return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - began)
        .count();
}

double median(std::vector<double> times) {
    std::ranges::nth_element(times, times.begin() + runs / 2);
    return times[runs / 2];
}

using Records = std::vector<std::vector<Incumbent>>;

// What each node says of itself once the plan is carried out.
Records records(std::vector<Node> const& nodes, Plan const& plan) {
    Records held(nodes.size());
    for (placement::Assignment const& each : plan.assignments) {
        auto const at = std::ranges::find(nodes, each.node, &Node::id) - nodes.begin();
        held[static_cast<std::size_t>(at)].push_back(
            {each.service, each.slot, each.node, placement::Phase::healthy});
    }
    return held;
}

void tell(Planner& planner, std::vector<Node> const& nodes, Records const& held) {
    for (std::size_t at = 0; at < nodes.size(); ++at) {
        planner.set_incumbents(nodes[at].id, held[at]);
    }
}

void measure(std::uint32_t services_count) {
    std::vector<Node> nodes;
    for (std::uint64_t number = 1; number <= nodes_count; ++number) {
        nodes.push_back(make_node(number));
    }
    std::vector<Service> const services = make_services(services_count);
    std::vector<double> fresh;
    std::vector<double> kept;
    std::vector<double> lost;
    std::vector<double> ten_lost;
    for (int run = 0; run < runs; ++run) {
        Plan plan;
        fresh.push_back(milliseconds_of([&] { plan = assign(nodes, services, {}); }));
        Records const held = records(nodes, plan);
        Planner planner;
        kept.push_back(milliseconds_of([&] {
            planner.set_services(services);
            for (Node const& node : nodes) {
                planner.set_node(node);
            }
            tell(planner, nodes, held);
            static_cast<void>(planner.plan());
        }));
        auto next = nodes.begin() + run * 11;
        auto const lose = [&] { planner.remove_node((next++)->id); };
        lost.push_back(milliseconds_of([&] {
            lose();
            static_cast<void>(planner.plan());
        }));
        tell(planner, nodes, records(nodes, planner.plan()));
        ten_lost.push_back(milliseconds_of([&] {
            for (int count = 0; count < 10; ++count) {
                lose();
            }
            static_cast<void>(planner.plan());
        }));
    }
    auto const target = [](double time, double most, std::string_view text) {
        return bench::Target{text, time < most};
    };
    bench::row(base::concat("services: ", services_count, "; nothing runs yet"),
               bench::number(median(fresh), 2), target(median(fresh), whole_max_ms, "< 60"));
    bench::row("everything runs, read anew", bench::number(median(kept), 2),
               target(median(kept), whole_max_ms, "< 60"));
    bench::row("then one node is lost", bench::number(median(lost), 2),
               target(median(lost), lost_max_ms, "< 2"));
    bench::row("then ten at once", bench::number(median(ten_lost), 2));
}

}  // namespace

int main() {
    bench::title(base::concat("a plan of ", slots_count, " slots on ", nodes_count,
                              " nodes, median of ", runs, " runs, ms"));
    for (std::uint32_t const services : {1U, 100U, slots_count}) {
        measure(services);
    }
    bench::remark(base::concat(bench::missed(), " targets missed."));
    return bench::missed() == 0 ? 0 : 1;
}
