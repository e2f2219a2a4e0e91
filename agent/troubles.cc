#include "agent/troubles.h"

#include <algorithm>
#include <string_view>

#include "base/text.h"

namespace agent {

namespace {

std::string words(gossip::Trouble const& trouble, std::string const& host) {
    std::string const address = to_string(trouble.address);
    switch (trouble.kind) {
        case gossip::Trouble::Kind::identity_in_use:
            return base::concat("another host, at ", address,
                                ", speaks with this host's identity, probably from a copied disk: "
                                "stop one of the two, remove its state directory and join it as a "
                                "new host");
        case gossip::Trouble::Kind::bad_signature:
            return base::concat(host,
                                " passes on what its author did not sign: its agent is "
                                "broken or hostile; look at it, or `agent evict` it");
        case gossip::Trouble::Kind::too_fast:
            return base::concat(host,
                                " sends more than this host takes from one peer: look at "
                                "its agent, or raise gossip-peer-rate-max");
        case gossip::Trouble::Kind::streams_only:
            return base::concat(host, " answers at ", address,
                                " by TCP but not by UDP: let UDP "
                                "through the firewalls between the two hosts");
        case gossip::Trouble::Kind::datagrams_only:
            return base::concat(host, " answers at ", address,
                                " by UDP but not by TCP: let TCP "
                                "through the firewalls between the two hosts");
        case gossip::Trouble::Kind::relayed_only:
            return base::concat(host, " at ", address,
                                " answers only through other hosts: let UDP and TCP of that port "
                                "through between the two hosts, both ways");
        case gossip::Trouble::Kind::half_reachable:
            return base::concat("other hosts do not reach this one at ", address,
                                " although it reaches them: let UDP and TCP of that port in "
                                "through its firewall");
        case gossip::Trouble::Kind::members_full:
            return base::concat(host, " at ", address, " finds no place: the fleet knows ",
                                gossip::members_max,
                                " hosts, all of them alive or down for less than three days");
    }
    return {};
}

// "host web1 (0a1b2c3d)".
std::string label(base::NodeId id, std::string_view name) {
    return base::concat("host ", name, name.empty() ? "(" : " (", short_string(id), ")");
}

// A line for each value that several live members share.
template <class Value, class Words>
void add_shared(std::map<Value, std::vector<gossip::Member const*>> const& holders, Words words,
                std::vector<std::string>& out) {
    for (auto const& [value, members] : holders) {
        if (members.size() < 2) {
            continue;
        }
        std::string hosts;
        for (gossip::Member const* member : members) {
            hosts += base::concat(hosts.empty() ? "" : " and ", label(member->id, member->name));
        }
        out.push_back(words(hosts, value));
    }
}

}  // namespace

std::string const& Troubles::note(base::Instant now, gossip::Trouble const& trouble,
                                  Members const& members) {
    std::pair const key(trouble.kind, trouble.id);
    if (seen_.size() >= troubles_max && !seen_.contains(key)) {
        seen_.erase(std::ranges::min_element(seen_, {},
                                             [](auto const& entry) { return entry.second.last; }));
    }
    auto const member = members.find(trouble.id);
    std::string const name = member != members.end() ? member->second.name : std::string();
    Seen& seen = seen_[key];
    seen = {now, words(trouble, label(trouble.id, name))};
    return seen.text;
}

std::vector<std::string> Troubles::lines(base::Instant now) const {
    std::vector<std::string> out;
    for (auto const& [key, seen] : seen_) {
        if (now - seen.last < shown_for) {
            out.push_back(seen.text);
        }
    }
    return out;
}

std::vector<std::string> clashes(Members const& members) {
    std::map<std::string_view, std::vector<gossip::Member const*>> names;
    std::map<base::SocketAddress, std::vector<gossip::Member const*>> addresses;
    for (auto const& [id, member] : members) {
        if (gossip::is_live(member.state)) {
            if (!member.name.empty()) {
                names[member.name].push_back(&member);
            }
            addresses[member.address].push_back(&member);
        }
    }
    std::vector<std::string> out;
    add_shared(
        names,
        [](std::string const& hosts, std::string_view name) {
            return base::concat(hosts, " are both called ", name,
                                ": start one with another --name");
        },
        out);
    add_shared(
        addresses,
        [](std::string const& hosts, base::SocketAddress const& address) {
            return base::concat(hosts, " both say that they are at ", to_string(address),
                                ": give each its own with --advertise or --port");
        },
        out);
    return out;
}

}  // namespace agent
