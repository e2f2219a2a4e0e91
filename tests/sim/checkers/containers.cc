#include "tests/sim/checkers/containers.h"

#include <set>

#include "base/text.h"

namespace sim {

using base::concat;

namespace {

constexpr std::size_t parallelism = 1;

Complaint judge(World const& world, agent::ServiceReport const& service,
                std::map<std::uint32_t, int> const& slots) {
    for (auto const& [slot, count] : slots) {
        if (count != 1) {
            return concat(service.service, '/', slot, " runs ", count, " times");
        }
    }
    if (running_containers(world, service.service) !=
        running_containers(world, service.service, service.revision)) {
        return concat(service.service, " still runs an old revision");
    }
    std::size_t const wanted = service.global ? running_hosts(world).size() : service.replicas;
    if (slots.size() != wanted || service.healthy != wanted) {
        return concat(service.service, ": ", slots.size(), " slots run, ", service.healthy,
                      " are healthy, ", wanted, " are wanted");
    }
    return std::nullopt;
}

}  // namespace

std::size_t running_containers(World const& world, std::string_view service,
                               std::string_view revision) {
    std::size_t count = 0;
    for (auto const& host : world.hosts()) {
        for (auto const& [id, container] : host->containers) {
            bool const counts = container.running && container.assignment.service == service &&
                                (revision.empty() || container.assignment.revision == revision);
            count += counts ? 1U : 0U;
        }
    }
    return count;
}

Complaint OneContainerPerSlotAndHost::check(World const& world) {
    for (auto const& host : world.hosts()) {
        std::set<std::pair<std::string_view, std::uint32_t>> slots;
        for (auto const& [id, container] : host->containers) {
            if (container.running &&
                !slots.emplace(container.assignment.service, container.assignment.slot).second) {
                return concat("host ", short_string(host->id), " runs ",
                              container.assignment.service, '/', container.assignment.slot,
                              " twice");
            }
        }
    }
    return std::nullopt;
}

Complaint NoAddressTwice::check(World const& world) {
    std::set<base::IpAddress> addresses;
    for (auto const& host : world.hosts()) {
        for (auto const& [id, container] : host->containers) {
            if (container.running && !addresses.insert(container.address).second) {
                return concat("address ", to_string(container.address), " is used twice");
            }
        }
    }
    return std::nullopt;
}

Complaint ExactlyTheReplicas::check(World const& world) {
    std::map<std::string, std::map<std::uint32_t, int>> running;
    for (auto const& host : world.hosts()) {
        for (auto const& [id, container] : host->containers) {
            if (container.running) {
                ++running[container.assignment.service][container.assignment.slot];
            }
        }
    }
    for (agent::ServiceReport const& service : running_hosts(world).front()->agent->services()) {
        if (auto complaint = judge(world, service, std::exchange(running[service.service], {}))) {
            return complaint;
        }
    }
    for (auto const& [service, slots] : running) {
        if (!slots.empty()) {
            return concat(service, " still runs");
        }
    }
    return std::nullopt;
}

Complaint ReplicasRun::check(World const& world) {
    std::vector<Host const*> const hosts = running_hosts(world);
    for (agent::ServiceReport const& service : hosts.front()->agent->services()) {
        std::size_t const wanted = service.global ? hosts.size() : service.replicas;
        std::size_t const running = running_containers(world, service.service);
        if (running < wanted) {
            return concat(running, " of ", wanted, " replicas of ", service.service, " run");
        }
    }
    return std::nullopt;
}

OnlyLostSlotsMove::OnlyLostSlotsMove(World const& world, std::size_t lost) {
    for (auto const& host : world.hosts()) {
        for (auto const& [id, container] : host->containers) {
            if (container.running && host->index != lost) {
                before_.emplace_back(host->index, id);
            }
        }
    }
}

Complaint OnlyLostSlotsMove::check(World const& world) {
    for (auto const& [index, id] : before_) {
        auto const& containers = world.hosts()[index]->containers;
        auto const container = containers.find(id);
        if (container == containers.end() || !container->second.running) {
            return concat("host ", short_string(world.hosts()[index]->id), " gave up ", id);
        }
    }
    return std::nullopt;
}

Complaint RolloutKeepsItsFloor::check(World const& world) {
    std::size_t const running = running_containers(world, service_);
    if (running + parallelism < replicas_) {
        return concat(running, " of ", replicas_, " replicas of ", service_, " run");
    }
    return std::nullopt;
}

}  // namespace sim
