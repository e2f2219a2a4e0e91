#include "tests/sim/checkers/losses.h"

#include <map>

#include "base/text.h"

namespace sim {

using base::concat;

namespace {
constexpr std::uint64_t cuts_max = 2;
}

LostTogether::LostTogether(World const& world, std::size_t lost)
    : lost_(lost), before_(world.hosts().size()) {
    for (Host const* const host : running_hosts(world)) {
        before_[host->index] = count(world, *host);
    }
}

Complaint LostTogether::check(World const& world) {
    std::vector<Host const*> const hosts = running_hosts(world);
    std::size_t at_once = 0;
    for (Host const* const host : hosts) {
        Counts const seen = since(world, *host);
        if (seen.lost != lost_ || seen.cuts > cuts_max || seen.plans != seen.cuts) {
            return concat("host ", short_string(host->id), " counts ", seen.lost, " of ", lost_,
                          " hosts lost, ", seen.cuts, " cuts, ", seen.plans, " plans");
        }
        at_once += seen.cuts == 1 ? 1U : 0U;
    }
    if (10 * at_once < 9 * hosts.size()) {
        return concat("one cut to ", at_once, " of ", hosts.size(), " hosts only");
    }
    return std::nullopt;
}

std::string LostTogether::tally(World const& world) const {
    std::map<Counts, std::size_t> hosts;
    for (Host const* const host : running_hosts(world)) {
        ++hosts[since(world, *host)];
    }
    std::string text;
    for (auto const& [counts, number] : hosts) {
        text += concat(text.empty() ? "" : "; ", counts.lost, " lost, ", counts.cuts, " cuts, ",
                       counts.plans, " plans at ", number, " hosts");
    }
    return text;
}

LostTogether::Counts LostTogether::count(World const& world, Host const& host) {
    agent::StatusReport const status = host.agent->status(world.local(host));
    return {status.hosts_lost, status.cuts, status.loss_plans};
}

LostTogether::Counts LostTogether::since(World const& world, Host const& host) const {
    Counts const now = count(world, host);
    Counts const& before = before_[host.index];
    return {now.lost - before.lost, now.cuts - before.cuts, now.plans - before.plans};
}

}  // namespace sim
