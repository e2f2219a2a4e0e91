#include "gossip/probes.h"

#include <algorithm>

namespace gossip {

Probe* Probes::start(base::NodeId target) {
    auto const [at, started] = by_target_.try_emplace(target);
    return started ? &at->second : nullptr;
}

Probe* Probes::find(base::NodeId target) {
    auto const found = by_target_.find(target);
    return found == by_target_.end() ? nullptr : &found->second;
}

void Probes::sent(std::uint64_t sequence, Ping ping) {
    if (pings_.size() >= pings_max) {
        pings_.erase(by_age_.begin()->second);
        by_age_.erase(by_age_.begin());
    }
    if (pings_.emplace(sequence, ping).second) {
        by_age_.emplace(ping.sent_at, sequence);
    }
}

std::optional<Probes::Ping> Probes::take_answered(std::uint64_t sequence) {
    auto const found = pings_.find(sequence);
    if (found == pings_.end()) {
        return std::nullopt;
    }
    Ping const ping = found->second;
    auto [at, end] = by_age_.equal_range(ping.sent_at);
    by_age_.erase(
        std::find_if(at, end, [&](auto const& entry) { return entry.second == sequence; }));
    pings_.erase(found);
    return ping;
}

Probes::Ping const* Probes::find_ping(std::uint64_t sequence) const {
    auto const found = pings_.find(sequence);
    return found == pings_.end() ? nullptr : &found->second;
}

void Probes::forget_before(base::Instant then) {
    while (!by_age_.empty() && by_age_.begin()->first < then) {
        pings_.erase(by_age_.begin()->second);
        by_age_.erase(by_age_.begin());
    }
}

std::vector<base::NodeId> Probes::due_for_repeat(base::Instant now) const {
    std::vector<base::NodeId> due;
    for (auto const& [target, probe] : by_target_) {
        if (probe.repeat_at <= now) {
            due.push_back(target);
        }
    }
    return due;
}

std::vector<base::NodeId> Probes::failed(base::Instant now) const {
    std::vector<base::NodeId> failed;
    for (auto const& [target, probe] : by_target_) {
        if (probe.fails_at <= now) {
            failed.push_back(target);
        }
    }
    return failed;
}

base::Instant Probes::next_deadline() const {
    base::Instant next = base::instant_max;
    for (auto const& [target, probe] : by_target_) {
        next = std::min({next, probe.repeat_at, probe.fails_at});
    }
    return next;
}

bool Relays::start(std::uint64_t sequence, Relay const& relay) {
    return by_sequence_.size() < size_max && by_sequence_.emplace(sequence, relay).second;
}

std::optional<Relay> Relays::take_answered(std::uint64_t sequence, base::NodeId target) {
    auto const found = by_sequence_.find(sequence);
    if (found == by_sequence_.end() || found->second.target != target) {
        return std::nullopt;
    }
    Relay const relay = found->second;
    by_sequence_.erase(found);
    return relay;
}

std::vector<Relay> Relays::take_silent(base::Instant now) {
    std::vector<Relay> silent;
    std::erase_if(by_sequence_, [now](auto const& entry) { return entry.second.expires <= now; });
    for (auto& [sequence, relay] : by_sequence_) {
        if (relay.nack_at <= now) {
            relay.nack_at = base::instant_max;
            silent.push_back(relay);
        }
    }
    return silent;
}

base::Instant Relays::next_deadline() const {
    base::Instant next = base::instant_max;
    for (auto const& [sequence, relay] : by_sequence_) {
        next = std::min(next, relay.nack_at);
    }
    return next;
}

}  // namespace gossip
