// What a host does by itself: probing, spreading news, push-pull.
#include <algorithm>
#include <cstdint>
#include <set>
#include <vector>

#include "gossip/codec.h"
#include "gossip/machine.h"
#include "gossip/timing.h"

namespace gossip {

namespace {

// All hosts together tell a suspect about this often in a gossip interval.
constexpr double tells_per_interval = 16;

}  // namespace

void Gossip::Machine::on_tick(base::Instant now, Effects& out) {
    start(now);
    if (!has_left()) {
        rearm_after_pause(now);
        if (probe_ && now >= probe_->indirect_at) {
            probe_indirectly(out);
        }
        while (auto const expired = suspicions_.take_expired(now)) {
            Member dead = *membership_.find(expired->member);
            dead.state = State::down;
            claim(now, dead, out);
        }
        if (now >= probe_at_) {
            finish_probe(now, out);
            start_probe(now, out);
        }
        if (now >= push_pull_at_) {
            push_pull(now, out);
        }
        reconnect(now, out);
    }
    if (now >= gossip_at_) {
        spread(now, out);
    }
}

base::Instant Gossip::Machine::next_deadline() const {
    if (!started_) {
        return base::Instant{};
    }
    bool const has_news = !queue_.empty() && membership_.live_count() > 0;
    base::Instant next = has_news || !suspicions_.all().empty() ? gossip_at_ : base::instant_max;
    if (has_left()) {
        return next;
    }
    next = std::min({next, probe_at_, push_pull_at_, reconnect_at_, suspicions_.next_deadline()});
    if (probe_) {
        next = std::min(next, probe_->indirect_at);
    }
    return next;
}

void Gossip::Machine::rearm_after_pause(base::Instant now) {
    base::Duration const late = now - probe_at_;
    if (late <= config_.probe_interval) {
        return;
    }
    suspicions_.postpone(late);
    probe_.reset();
    worsen_health();
}

void Gossip::Machine::claim(base::Instant now, Member const& member, Effects& out) {
    if (learn(now, member, out)) {
        announce(*membership_.find(member.id));
    }
}

void Gossip::Machine::finish_probe(base::Instant now, Effects& out) {
    if (!probe_) {
        return;
    }
    ++counters_.probes_failed;
    Member suspect = *membership_.find(probe_->target);
    suspect.state = State::suspect;
    suspect.incarnation = probe_->incarnation;
    probe_.reset();
    claim(now, suspect, out);
}

void Gossip::Machine::start_probe(base::Instant now, Effects& out) {
    probe_at_ = now + stretched(config_.probe_interval);
    Member const* const target = membership_.next_probe(prng_);
    if (target == nullptr) {
        return;
    }
    probe_ = Probe{target->id, target->incarnation, next_sequence_++,
                   now + stretched(config_.probe_timeout)};
    base::Bytes const ping = encode(Ping{probe_->sequence});
    send_datagram(*target, {&ping, 1}, out);
}

void Gossip::Machine::probe_indirectly(Effects& out) {
    probe_->indirect_at = base::instant_max;
    Member const& target = *membership_.find(probe_->target);
    // Once more directly: with two hosts there is nobody else to ask.
    base::Bytes const ping = encode(Ping{probe_->sequence});
    send_datagram(target, {&ping, 1}, out);
    base::Bytes const request = encode(PingRequest{probe_->sequence, target.id, target.address});
    auto const count = static_cast<std::size_t>(config_.indirect_probes);
    for (Member const* const other : membership_.sample(prng_, count, target.id)) {
        send_datagram(*other, {&request, 1}, out);
    }
}

void Gossip::Machine::spread(base::Instant now, Effects& out) {
    gossip_at_ = now + config_.gossip_interval;
    if (queue_.empty() && suspicions_.all().empty()) {
        return;
    }
    auto const fanout = static_cast<std::size_t>(config_.gossip_fanout);
    std::vector<Member const*> const targets = membership_.sample(prng_, fanout, std::nullopt);
    for (Member const* const target : targets) {
        send_datagram(*target, {}, out);
    }
    for (auto const& [id, suspicion] : suspicions_.all()) {
        Member const* const suspect = membership_.find(id);
        bool const told = std::ranges::find(targets, suspect) != targets.end();
        if (!told && prng_.chance(tells_per_interval / static_cast<double>(fleet_size()))) {
            send_datagram(*suspect, {}, out);
        }
    }
}

void Gossip::Machine::push_pull(base::Instant now, Effects& out) {
    push_pull_at_ = now + push_pull_interval(config_.push_pull_interval, fleet_size());
    auto const chosen = membership_.sample(prng_, 1, std::nullopt);
    if (!chosen.empty()) {
        partner_ = chosen.front()->address;
        send_exchange(*partner_, Exchange::request, out);
    }
}

void Gossip::Machine::reconnect(base::Instant now, Effects& out) {
    if (membership_.live_count() > 0) {
        seeds_.clear();
    }
    if (!seeds_.empty() && now >= seeds_at_) {
        seeds_at_ = now + config_.reconnect_interval;
        for (base::SocketAddress const& seed : seeds_) {
            send_exchange(seed, Exchange::request, out);
        }
    }
    if (now < reconnect_at_) {
        return;
    }
    std::set<base::NodeId> const& down = membership_.down();
    if (down.empty()) {
        reconnect_at_ = now + config_.reconnect_interval;
        return;
    }
    // One at a time round the ring, so that a large loss is no burst.
    auto next = down.upper_bound(last_offered_);
    next = next == down.end() ? down.begin() : next;
    last_offered_ = *next;
    send_exchange(membership_.find(*next)->address, Exchange::request, out);
    auto const share = config_.reconnect_interval / static_cast<std::int64_t>(down.size());
    reconnect_at_ = now + std::max(share, config_.gossip_interval);
}

}  // namespace gossip
