#include "tests/sim/checkers/plans.h"

#include <map>
#include <set>

#include "base/text.h"

namespace sim {

using base::concat;

Complaint PlansAgree::check(World const& world) {
    std::optional<std::uint64_t> first;
    for (Host const* const host : running_hosts(world)) {
        std::uint64_t const digest = host->agent->status(world.local(*host)).plan_digest;
        if (digest != first.value_or(digest)) {
            return concat("host ", short_string(host->id), " has another plan");
        }
        first = digest;
    }
    return std::nullopt;
}

Complaint TablesTrue::check(World const& world) {
    std::map<std::string, std::set<base::IpAddress>> running;
    for (auto const& host : world.hosts()) {
        for (auto const& [id, container] : host->containers) {
            if (container.running) {
                running[container.assignment.service].insert(container.address);
            }
        }
    }
    for (Host const* const host : running_hosts(world)) {
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

Complaint ClaimsUnique::check(World const& world) {
    std::set<base::Prefix> subnets;
    for (Host const* const host : running_hosts(world)) {
        if (host->network && !subnets.insert(host->network->subnet).second) {
            return concat("subnet ", to_string(host->network->subnet), " is used by two hosts");
        }
    }
    std::set<base::IpAddress> vips;
    for (agent::ServiceReport const& service : running_hosts(world).front()->agent->services()) {
        if (service.vip && !vips.insert(*service.vip).second) {
            return concat("virtual IP ", to_string(*service.vip), " is of two services");
        }
        if (!service.vip && !service.ports.empty()) {
            return concat(service.service, " has no virtual IP");
        }
    }
    return std::nullopt;
}

}  // namespace sim
