#include "tests/sim/checkers.h"

#include <algorithm>
#include <map>
#include <set>

#include "base/text.h"

namespace sim {

using base::concat;

Complaint one_container_per_slot_and_host(World const& world) {
    for (auto const& host : world.hosts()) {
        std::set<std::pair<std::string, std::uint32_t>> slots;
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

Complaint everyone_alive(World const& world) {
    for (auto const& host : world.hosts()) {
        std::size_t alive = 0;
        for (agent::NodeReport const& node : host->agent->nodes(world.now())) {
            alive += node.status == agent::NodeStatus::alive && node.current ? 1U : 0U;
        }
        if (alive != world.hosts().size()) {
            return concat("host ", short_string(host->id), " sees ", alive, " of ",
                          world.hosts().size(), " hosts alive");
        }
    }
    return std::nullopt;
}

Complaint state_converged(World const& world) {
    base::Bytes const first = world.hosts().front()->agent->map().canonical();
    for (auto const& host : world.hosts()) {
        if (host->agent->map().canonical() != first) {
            return concat("host ", short_string(host->id), " holds another state");
        }
    }
    return std::nullopt;
}

Complaint plans_agree(World const& world) {
    std::uint64_t const first = world.hosts().front()->agent->status(world.now()).plan_digest;
    for (auto const& host : world.hosts()) {
        if (host->agent->status(world.now()).plan_digest != first) {
            return concat("host ", short_string(host->id), " has another plan");
        }
    }
    return std::nullopt;
}

namespace {

std::size_t old_revisions(World const& world, agent::ServiceReport const& service) {
    std::size_t count = 0;
    for (auto const& host : world.hosts()) {
        for (auto const& [id, container] : host->containers) {
            count += container.running && container.assignment.service == service.service &&
                             container.assignment.revision != service.revision
                         ? 1U
                         : 0U;
        }
    }
    return count;
}

}  // namespace

Complaint exactly_the_replicas(World const& world) {
    std::map<std::string, std::map<std::uint32_t, int>> running;
    for (auto const& host : world.hosts()) {
        for (auto const& [id, container] : host->containers) {
            if (container.running) {
                ++running[container.assignment.service][container.assignment.slot];
            }
        }
    }
    for (agent::ServiceReport const& service : world.hosts().front()->agent->services()) {
        std::map<std::uint32_t, int> const slots = std::exchange(running[service.service], {});
        for (auto const& [slot, count] : slots) {
            if (count != 1) {
                return concat(service.service, '/', slot, " runs ", count, " times");
            }
        }
        if (old_revisions(world, service) != 0) {
            return concat(service.service, " still runs an old revision");
        }
        std::size_t const wanted = service.global ? world.hosts().size() : service.replicas;
        if (slots.size() != wanted || service.healthy != wanted) {
            return concat(service.service, ": ", slots.size(), " slots run, ", service.healthy,
                          " are healthy, ", wanted, " are wanted");
        }
    }
    for (auto const& [service, slots] : running) {
        if (!slots.empty()) {
            return concat(service, " still runs");
        }
    }
    return std::nullopt;
}

Complaint addresses_unique(World const& world) {
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

Complaint tables_true(World const& world) {
    std::map<std::string, std::set<base::IpAddress>> running;
    for (auto const& host : world.hosts()) {
        for (auto const& [id, container] : host->containers) {
            if (container.running) {
                running[container.assignment.service].insert(container.address);
            }
        }
    }
    for (auto const& host : world.hosts()) {
        for (lb::Frontend const& frontend :
             host->table ? host->table->frontends : std::vector<lb::Frontend>()) {
            std::set<base::IpAddress> backends;
            for (lb::Backend const& backend : frontend.backends) {
                backends.insert(backend.address.ip);
            }
            if (backends != running[frontend.service]) {
                return concat("host ", short_string(host->id), " balances ", frontend.service,
                              " over ", backends.size(), " of ", running[frontend.service].size(),
                              " replicas");
            }
        }
    }
    return std::nullopt;
}

Complaint healed(World const& world) {
    for (auto* const check : {everyone_alive, state_converged, plans_agree, exactly_the_replicas,
                              addresses_unique, tables_true}) {
        if (Complaint complaint = check(world)) {
            return complaint;
        }
    }
    return std::nullopt;
}

Complaint heals_for_good(World& world) {
    base::Instant const end = world.now() + heal_bound(world);
    base::Instant since = world.now();
    Complaint last;
    while (world.now() - since < heal_proof) {
        world.run_for(base::milliseconds(100));
        if (Complaint complaint = healed(world)) {
            since = world.now();
            last = std::move(complaint);
        }
        if (since > end) {
            return concat("not healed in time: ", *last);
        }
    }
    return std::nullopt;
}

base::Duration heal_bound(World const& world) {
    agent::Config const config;
    base::Duration const backoff = base::seconds(5);
    std::uint32_t replicas = 0;
    for (auto const& host : world.hosts()) {
        if (host->agent) {
            for (agent::ServiceReport const& service : host->agent->services()) {
                replicas = std::max(replicas, service.replicas);
            }
        }
    }
    // A rollout goes slot by slot: drained, stopped and removed, started, healthy, heard of.
    base::Duration const step = config.runtime.drain + base::milliseconds(500);
    // Hosts find each other, sync, wait out the longest settle and backoff, stop duplicates.
    return 4 * config.gossip.reconnect_interval + 10 * config.sync.interval + 5 * config.settle +
           2 * backoff + 10 * config.runtime.drain + replicas * step;
}

}  // namespace sim
