#include "tests/sim/checkers/membership.h"

#include "base/hash.h"
#include "base/text.h"
#include "gossip/codec.h"

namespace sim {

using base::concat;

namespace {
constexpr std::byte gossip_part{1};  // how agents frame it
constexpr std::size_t large_fleet = 200;
}  // namespace

Complaint EveryoneAlive::check(World const& world) {
    std::vector<Host const*> const hosts = running_hosts(world);
    for (Host const* const host : hosts) {
        agent::StatusReport const status = host->agent->status(world.local(*host));
        if (status.nodes_alive != hosts.size()) {
            return concat("host ", short_string(host->id), " sees ", status.nodes_alive, " of ",
                          hosts.size(), " hosts alive");
        }
        // Membership does not tell what the disks hold up; the operator is told.
        for (std::string const& problem : status.problems) {
            if (problem.starts_with("disk full")) {
                return concat("host ", short_string(host->id), " says: ", problem);
            }
        }
    }
    return std::nullopt;
}

Complaint NoFalseDown::check(World const& world) {
    std::vector<Host const*> const hosts = running_hosts(world);
    // Reports of all by all are dear. Who is not seen to answer shows in the contacts; a host that
    // calls itself unsteady does so for seconds and to everybody, so one that looks is enough. Of a
    // large fleet a part looks each time: what one host believes, others hear.
    std::size_t const parts = 1 + hosts.size() / large_fleet;
    std::size_t const turn = turn_++;
    for (std::size_t at = turn % parts; at < hosts.size(); at += parts) {
        Host const* const host = hosts[at];
        bool const whole = at == turn % hosts.size();
        if (!whole && host->agent->contacts().size() == hosts.size()) {
            continue;
        }
        for (agent::NodeReport const& node : host->agent->nodes(world.local(*host))) {
            if (node.status != agent::NodeStatus::alive) {
                return concat("host ", short_string(host->id), " sees ", short_string(node.id),
                              " in status ", static_cast<int>(node.status));
            }
        }
    }
    return std::nullopt;
}

Complaint LossNoticed::check(World const& world) {
    for (Host const* const host : running_hosts(world)) {
        for (agent::NodeReport const& node : host->agent->nodes(world.local(*host))) {
            if (node.id == lost_ && node.status != agent::NodeStatus::down) {
                return concat("host ", short_string(host->id), " does not know that ",
                              short_string(lost_), " is lost");
            }
        }
    }
    return std::nullopt;
}

IncarnationsRise::IncarnationsRise(World& world) {
    world.set_tap(
        [this](Host const& from, gossip::Channel, base::ByteView message) { hear(from, message); });
}

void IncarnationsRise::hear(Host const& from, base::ByteView message) {
    if (message.empty() || message.front() != gossip_part) {
        return;
    }
    auto const messages = gossip::decode(message.subspan(1));
    if (!messages) {
        complaint_ = concat("host ", short_string(from.id), " sends what does not decode");
        return;
    }
    for (gossip::Message const& one : *messages) {
        if (auto const* const claim = std::get_if<gossip::Record>(&one)) {
            hear(from, *claim);
        }
    }
}

void IncarnationsRise::hear(Host const& from, gossip::Record const& claim) {
    bool const own = claim.id == from.id;
    Said const now{own ? 0 : from.life, claim.incarnation, own ? base::stable_hash(claim.body) : 0};
    auto const [at, first] = said_.try_emplace({from.index, claim.id}, now);
    Said& before = at->second;
    bool const comparable = !first && before.life == now.life;
    if (comparable && now.incarnation < before.incarnation) {
        complaint_ =
            concat("host ", short_string(from.id), " speaks of incarnation ", now.incarnation,
                   " of ", short_string(claim.id), " after ", before.incarnation);
    } else if (comparable && now.incarnation == before.incarnation &&
               now.content != before.content) {
        complaint_ = concat("host ", short_string(from.id), " says two things in its incarnation ",
                            now.incarnation);
    }
    before = now;
}

Complaint IncarnationsRise::check(World const& /*world*/) {
    return complaint_;
}

}  // namespace sim
