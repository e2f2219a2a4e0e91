#include "tests/unit/gossip/cluster.h"

#include <algorithm>
#include <utility>

#include "base/text.h"

namespace gossip_test {

base::NodeId node_id(int host) {
    base::NodeId id;
    id.bytes[0] = static_cast<std::uint8_t>(host >> 8);
    id.bytes[1] = static_cast<std::uint8_t>(host);
    id.bytes[15] = 0xaa;
    return id;
}

base::SocketAddress host_address(int host) {
    return {base::IpAddress::v4(0x0a000001U + static_cast<std::uint32_t>(host)), 7700};
}

std::string host_name(int host) {
    return base::concat("host", host);
}

Cluster::Cluster(Options options) : options_(std::move(options)), prng_(options_.seed) {}

void Cluster::start(int host, std::uint64_t incarnation,
                    std::optional<base::SocketAddress> address) {
    base::SocketAddress const where = address.value_or(host_address(host));
    std::erase_if(addresses_, [host](auto const& entry) { return entry.second == host; });
    addresses_[where] = host;
    hosts_.erase(host);
    hosts_.emplace(host, gossip::Gossip({node_id(host), host_name(host), where, incarnation, {}},
                                        options_.config, prng_.fork()));
}

void Cluster::join(int host, std::vector<int> const& seeds) {
    std::vector<base::SocketAddress> addresses;
    for (int const seed : seeds) {
        addresses.push_back(host_address(seed));
    }
    call(host, [&](auto& gossip, auto& out) { gossip.join(now_, addresses, out); });
}

void Cluster::start_joined(int count) {
    for (int host = 0; host < count; ++host) {
        start(host);
        if (host > 0) {
            join(host, {0});
        }
    }
    run_until(base::seconds(30), [this] { return converged(); });
}

void Cluster::call(int host, std::function<void(gossip::Gossip&, gossip::Effects&)> const& what) {
    gossip::Effects out;
    what(hosts_.at(host), out);
    carry_out(host, out);
}

void Cluster::carry_out(int host, gossip::Effects& effects) {
    for (gossip::Change const& change : effects.changes) {
        observed.push_back({now_, host, change});
    }
    for (gossip::Payload const& payload : effects.payloads) {
        std::string const text(base::as_text(payload.bytes));
        std::vector<std::string>& known = payloads[host];
        if (std::ranges::find(known, text) == known.end()) {
            hosts_.at(host).broadcast(text, payload.bytes);
        }
        known.push_back(text);
    }
    if (effects.incarnation) {
        saved_incarnations[host] = *effects.incarnation;
    }
    for (gossip::Send& send : effects.sends) {
        auto const to = addresses_.find(send.to);
        bool const datagram = send.channel == gossip::Channel::datagram;
        if (datagram) {
            ++datagrams;
            largest_datagram = std::max(largest_datagram, send.bytes.size());
        }
        bool const lost = datagram && prng_.chance(options_.loss);
        if (to == addresses_.end() || lost) {
            continue;
        }
        auto const spread =
            static_cast<std::uint64_t>((options_.latency_max - options_.latency_min).count());
        base::Instant const at =
            now_ + options_.latency_min +
            base::Duration(static_cast<base::Duration::rep>(prng_.below(spread + 1)));
        network_.emplace(at,
                         Delivery{at, host, to->second, send.channel, std::move(send.bytes), true});
    }
}

void Cluster::deliver(Delivery const& delivery) {
    auto const from = hosts_.find(delivery.from);
    auto const to = hosts_.find(delivery.to);
    bool const passes = !cut_.contains({delivery.from, delivery.to});
    base::SocketAddress const source =
        from != hosts_.end() ? from->second.self().address : host_address(delivery.from);
    if (on_delivery) {
        Delivery seen = delivery;
        seen.arrived = to != hosts_.end() && passes;
        on_delivery(seen);
    }
    if (to == hosts_.end() || !passes) {
        if (delivery.channel == gossip::Channel::stream && from != hosts_.end()) {
            call(delivery.from, [&](auto& gossip, auto& out) {
                gossip.on_unreachable(now_, host_address(delivery.to), out);
            });
        }
        return;
    }
    call(delivery.to, [&](auto& gossip, auto& out) {
        (void)gossip.on_message(now_, node_id(delivery.from), source, delivery.channel,
                                delivery.bytes, out);
    });
}

bool Cluster::step(base::Instant end) {
    base::Instant tick = base::instant_max;
    int ticking = -1;
    for (auto const& [host, gossip] : hosts_) {
        base::Instant const deadline = gossip.next_deadline();
        if (deadline < tick) {
            tick = deadline;
            ticking = host;
        }
    }
    base::Instant const arrival = network_.empty() ? base::instant_max : network_.begin()->first;
    if (std::min(tick, arrival) > end) {
        now_ = end;
        return false;
    }
    now_ = std::max(now_, std::min(tick, arrival));
    if (arrival <= tick) {
        Delivery const delivery = std::move(network_.extract(network_.begin()).mapped());
        deliver(delivery);
    } else {
        call(ticking, [this](auto& gossip, auto& out) { gossip.on_tick(now_, out); });
    }
    return true;
}

void Cluster::run_for(base::Duration duration) {
    base::Instant const end = now_ + duration;
    while (step(end)) {
    }
}

bool Cluster::run_until(base::Duration limit, std::function<bool()> const& condition) {
    base::Instant const end = now_ + limit;
    while (!condition()) {
        if (!step(end)) {
            return condition();
        }
    }
    return true;
}

std::optional<gossip::State> Cluster::view(int host, int of) const {
    gossip::Member const* const member = hosts_.at(host).find(node_id(of));
    return member == nullptr ? std::nullopt : std::optional(member->state);
}

bool Cluster::converged() const {
    for (auto const& [host, gossip] : hosts_) {
        std::size_t alive = 0;
        for (auto const& [id, member] : gossip.members()) {
            alive += member.state == gossip::State::alive ? 1 : 0;
            if (member.state == gossip::State::suspect) {
                return false;
            }
        }
        if (alive != hosts_.size()) {
            return false;
        }
        for (auto const& [other, ignored] : hosts_) {
            if (view(host, other) != gossip::State::alive) {
                return false;
            }
        }
    }
    return true;
}

bool Cluster::all_see(int of, gossip::State state) const {
    return std::ranges::all_of(hosts_, [&](auto const& entry) {
        return entry.first == of || view(entry.first, of) == state;
    });
}

}  // namespace gossip_test
