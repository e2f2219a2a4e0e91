#include <algorithm>

#include "agent/claims.h"
#include "agent/machine.h"
#include "base/text.h"

namespace agent {

namespace {
// How long a host that leaves keeps serving what the others have not taken over yet.
constexpr base::Duration hand_over_patience = base::seconds(20);
constexpr base::Duration stop_margin = base::seconds(5);

std::unexpected<Refusal> refuse(std::string text) {
    return std::unexpected(Refusal{std::move(text)});
}
}  // namespace

Outcome<std::string> Agent::Machine::resolve(std::string_view service) const {
    if (state.services().contains(service)) {
        return std::string(service);
    }
    std::vector<std::string> matches;
    for (auto const& [key, known] : state.services()) {
        if (known.spec.name == service) {
            matches.push_back(key);
        }
    }
    if (matches.size() == 1) {
        return matches.front();
    }
    if (matches.empty()) {
        return refuse(base::concat("there is no service ", service,
                                   ": `agent services` lists those there are"));
    }
    return refuse(base::concat("several services are called ", service, ": say ", matches[0],
                               " or ", matches[1]));
}

Outcome<Accepted> Agent::Machine::apply(std::vector<spec::ServiceSpec> services) {
    Accepted accepted;
    for (spec::ServiceSpec const& service : services) {
        std::string const key = service_key(service);
        accepted.entries.push_back(service_entry(key));
        auto const before = state.services().find(key);
        bool const known = before != state.services().end();
        if (known && before->second.spec == service) {
            continue;
        }
        if (state.newer().contains(key)) {
            return refuse(base::concat(key,
                                       " was written by a later version of the agent: upgrade "
                                       "this one, or change it on a host that is"));
        }
        if (!known && state.services().size() >= services_max) {
            return refuse(base::concat(key, ": the fleet has ", services_max,
                                       " services already; remove some first"));
        }
        base::Bytes encoded = spec::encode(service);
        if (encoded.size() > spec::encoded_max) {
            return refuse(base::concat(key, ": larger than ", spec::encoded_max,
                                       " bytes; shorten its environment or labels"));
        }
        // Replicas written anew replace what `scale` said before.
        if (known && before->second.spec.replicas != service.replicas) {
            erase(scale_entry(key));
            accepted.entries.push_back(scale_entry(key));
        }
        if (!put(service_entry(key), std::move(encoded))) {
            return refuse(base::concat(key, ": the shared state is full"));
        }
        if (!virtual_ports(service).empty() && !state.vip(key)) {
            if (auto const free = free_vip(state, key, config.virtual_range)) {
                put(vip_entry(*free), base::to_bytes(key));
            }
        }
        accepted.changed.push_back(key);
    }
    accepted.sequence = pending_sequence();
    return accepted;
}

void Agent::Machine::remove_service(std::string const& key) {
    erase(service_entry(key));
    erase(scale_entry(key));
    std::vector<base::IpAddress> addresses;
    for (auto const& [address, owner] : state.vips()) {
        if (owner == key) {
            addresses.push_back(address);
        }
    }
    for (base::IpAddress const& address : addresses) {
        erase(vip_entry(address));
    }
}

Outcome<Accepted> Agent::Machine::remove(std::string_view service) {
    auto key = resolve(service);
    if (!key) {
        return std::unexpected(key.error());
    }
    remove_service(*key);
    Accepted accepted{pending_sequence(), {}, {service_entry(*key), scale_entry(*key)}};
    accepted.changed.push_back(*std::move(key));
    return accepted;
}

Outcome<Accepted> Agent::Machine::scale(std::string_view service, std::uint32_t replicas) {
    auto key = resolve(service);
    if (!key) {
        return std::unexpected(key.error());
    }
    spec::ServiceSpec const& spec = state.services().find(*key)->second.spec;
    if (spec.mode == spec::Mode::global) {
        return refuse(base::concat(*key, " is global: it runs once on every host"));
    }
    if (replicas > spec::replicas_max) {
        return refuse(base::concat("at most ", spec::replicas_max, " replicas"));
    }
    Accepted accepted;
    accepted.entries = {scale_entry(*key)};
    if (state.replicas(*key) != replicas) {
        if (!put(scale_entry(*key), encode_replicas(replicas))) {
            return refuse("the shared state is full");
        }
        accepted.changed.push_back(*key);
    }
    accepted.sequence = pending_sequence();
    return accepted;
}

void Agent::Machine::apply_file_change(Files::Change change, std::string const& name,
                                       Effects& out) {
    for (std::string const& key : change.remove) {
        if (state.services().contains(key)) {
            out.notices.push_back({Level::info, base::concat(name, ": removes ", key)});
            remove_service(key);
        }
    }
    if (auto const applied = apply(std::move(change.apply)); !applied) {
        out.notices.push_back({Level::error, base::concat(name, ": ", applied.error().text)});
        files.refuse(name, applied.error().text);
    } else {
        for (std::string const& key : applied->changed) {
            out.notices.push_back({Level::info, base::concat(name, ": applies ", key)});
        }
    }
    if (files.take_changed()) {
        pending.locals["files"] = files.encode();
    }
}

Outcome<void> Agent::Machine::read_log(base::Instant now, std::uint64_t request,
                                       std::string_view target, LogRequests::Ask ask,
                                       Effects& out) {
    // "service" or "project/service" first; else the last part may be a slot.
    std::optional<std::uint32_t> slot;
    auto key = resolve(target);
    if (std::size_t const slash = target.rfind('/'); !key && slash != std::string_view::npos) {
        slot = base::parse_integer<std::uint32_t>(target.substr(slash + 1));
        if (slot) {
            key = resolve(target.substr(0, slash));
        }
    }
    std::optional<base::NodeId> holder;
    for (auto const& [node, records] : state.instances()) {
        for (auto const& [where, record] : records) {
            bool const asked = key ? where.service == *key && (!slot || where.slot == *slot)
                                   : record.container == target;
            bool const better = !holder || roster.contains(node);
            if (asked && better && !record.container.empty() && ask.container.empty()) {
                holder = node;
                ask.container = record.container;
            }
        }
    }
    if (!holder && !key && target.contains('.')) {
        // A container that was replaced is in no record; its log may still be on this host.
        holder = config.id;
        ask.container = target;
    }
    if (!holder) {
        return key ? refuse(base::concat("no container of ", target, " has run yet"))
                   : std::unexpected(key.error());
    }
    if (*holder == config.id) {
        if (!logs.read_here(now, request, ask, out.log_reads)) {
            return refuse("too many logs are being read here: try again");
        }
        return {};
    }
    if (!roster.contains(*holder)) {
        return refuse(base::concat("the host that ran ", ask.container, " is not reachable"));
    }
    auto const question = logs.ask_node(now, request, *holder, ask);
    if (!question) {
        return refuse("too many logs are being read here: try again");
    }
    send(*holder, Part::log_question, gossip::Channel::stream, *question, out);
    return {};
}

void Agent::Machine::begin_leave(base::Instant now, Effects& out) {
    if (leaving) {
        return;
    }
    leaving = true;
    dirty = true;
    gossip::Effects effects;
    gossip.begin_leave(now, effects);
    take(now, effects, out);
    base::Duration grace{};
    for (auto const& [slot, held] : desired) {
        grace = std::max(grace, held.stop_grace);
    }
    leave_stop_at = now + hand_over_patience;
    leave_deadline = leave_stop_at + config.runtime.drain + grace + stop_margin;
    publish_facts();
    decide(now, out);
}

}  // namespace agent
