#include "tests/fleet/host_death.h"

#include <algorithm>
#include <chrono>
#include <set>

#include "base/text.h"

namespace fleet {
namespace {

constexpr base::Duration recovery_max = base::seconds(60);
constexpr base::Duration afterwards = base::seconds(2);
constexpr base::Duration first_second = base::seconds(1);

bool knows_death(Host const& survivor, std::string const& victim) {
    return std::ranges::any_of(survivor.nodes(), [&](agent::NodeReport const& node) {
        return node.name == victim && node.status == agent::NodeStatus::down;
    });
}

bool sees_recovery(Host const& survivor, std::string const& victim, std::string const& service) {
    auto const instances = survivor.instances(service);
    auto const healthy = std::ranges::count_if(instances, [&](auto const& instance) {
        return instance.status == agent::InstanceStatus::healthy && instance.node != victim;
    });
    return static_cast<std::uint32_t>(healthy) == survivor.service(service).replicas;
}

void count_failures(std::vector<Request> const& requests, base::Instant death, HostDeath& out) {
    std::set<std::string> problems;
    for (Request const& request : requests) {
        if (request.started < death) {
            continue;
        }
        ++out.requests;
        if (!request.answer.ok()) {
            ++out.failed;
            out.failed_after_1s += request.started - death > first_second ? 1 : 0;
            problems.insert(request.answer.status == 0
                                ? request.answer.problem
                                : base::concat("status ", request.answer.status));
        }
    }
    out.problems.assign(problems.begin(), problems.end());
}

}  // namespace

HostDeath measure_host_death(Fleet& fleet, std::size_t victim, std::size_t client,
                             std::string const& service, std::uint16_t port) {
    std::string const dead = fleet.host(victim).name();
    auto const address = fleet.host(client).service(service).vip;
    if (!address) {
        throw Failure(base::concat(service, " has no virtual address"));
    }
    auto const all_survivors = [&](auto const& predicate) {
        for (std::size_t index = 0; index < fleet.size(); ++index) {
            if (index != victim && !predicate(fleet.host(index))) {
                return false;
            }
        }
        return true;
    };

    RequestLoop requests(fleet.host(client).netns(), {*address, port});
    base::Instant const death = now();
    fleet.kill_host(victim);
    HostDeath out;
    bool const recovered = wait_until(recovery_max, [&] {
        if (out.detection == base::Duration{} &&
            all_survivors([&](Host const& host) { return knows_death(host, dead); })) {
            out.detection = now() - death;
        }
        return out.detection != base::Duration{} &&
               all_survivors([&](Host const& host) { return sees_recovery(host, dead, service); });
    });
    out.recovery = now() - death;
    if (!recovered) {
        throw Failure(base::concat(service, " is not whole again ", in_milliseconds(out.recovery),
                                   " after the death of ", dead));
    }
    (void)wait_until(afterwards, [] { return false; });
    count_failures(requests.stop(), death, out);
    return out;
}

std::string in_milliseconds(base::Duration duration) {
    return base::concat(std::chrono::round<base::milliseconds>(duration).count(), " ms");
}

}  // namespace fleet
