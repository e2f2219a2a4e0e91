// Finding out who is there: probes, pings for others, and what their answers tell.
#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "gossip/codec.h"
#include "gossip/machine.h"

namespace gossip {

namespace {

// All hosts together send about this many probes out of turn when they hear of a suspicion.
constexpr double confirmers = 6;
constexpr std::size_t probes_max = 64;            // further suspicions are left to the round
constexpr auto ping_memory = base::seconds(100);  // an answer that comes later tells nothing
constexpr auto relay_memory = base::seconds(10);
constexpr auto patience_min = base::milliseconds(5);
// Of all members together: most paths do not carry what is tried.
constexpr auto mtu_search_interval = base::seconds(30);
// So many in a row are taken for a firewall.
constexpr std::uint8_t stream_answers_max = 5;
constexpr std::uint8_t relayed_answers_max = 5;
constexpr std::uint8_t streams_lost_max = 3;
constexpr auto stream_check_interval = base::seconds(10);

}  // namespace

void Gossip::Machine::on_tick(base::Instant now, Effects& out) {
    start(now);
    if (!has_left()) {
        notice_pause(now);
        for (base::NodeId const target : probes_.due_for_repeat(now)) {
            try_other_routes(now, target, out);
        }
        for (base::NodeId const target : probes_.failed(now)) {
            fail_probe(now, target, out);
        }
        send_nacks(now, out);
        give_up_suspects(now, out);
        give_up_held(now, out);
        give_up_absent(now, out);
        if (now >= probe_at_) {
            start_probe_round(now, out);
        }
        if (now >= push_pull_at_) {
            push_pull(now, out);
        }
        reconnect(now, out);
        check_steadiness(now, out);
    }
    if (now >= gossip_at_) {
        spread(now, out);
    }
    counters_.health = health_.score();
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
    for (base::NodeId const id : membership_.held()) {
        next = std::min(next, membership_.find(id)->held_since + config_.restart_hold);
    }
    for (base::NodeId const id : membership_.absent()) {
        next = std::min(next, absent_until(*membership_.find(id)));
    }
    if (!seeds_.empty()) {
        next = std::min(next, seeds_at_);
    }
    return std::min({next, probe_at_, awake_at_ + config_.probe_interval, push_pull_at_,
                     reconnect_at_, suspicions_.next_deadline(), probes_.next_deadline(),
                     relays_.next_deadline(), steadiness_.next_deadline(config_)});
}

void Gossip::Machine::notice_pause(base::Instant now) {
    // We ask to be called every probe_interval at least.
    base::Duration const late = now - awake_at_ - config_.probe_interval;
    awake_at_ = now;
    if (late <= config_.probe_interval) {
        return;
    }
    suspicions_.postpone(late);
    probes_.clear();
    probes_.forget_before(now);
    relays_.clear();
    health_.on_pause();
}

void Gossip::Machine::start_probe_round(base::Instant now, Effects& out) {
    probe_at_ = now + health_.stretched(config_.probe_interval);
    probes_.forget_before(now - ping_memory);
    // Who is cut off probes more slowly the worse its health is, and would need minutes to see how
    // many are gone: while nobody answers it makes up for that.
    for (int left = 1 + std::min(failures_in_a_row_, health_.score()); left > 0; --left) {
        if (Peer* const target = membership_.next_probe(prng_)) {
            start_probe(now, *target, out);
        }
    }
}

void Gossip::Machine::start_probe(base::Instant now, Peer& target, Effects& out) {
    Probe* const probe = probes_.start(target.member->id);
    if (probe == nullptr) {
        return;
    }
    ++counters_.probes;
    probe->incarnation = target.member->incarnation;
    probe->repeat_at = now + health_.stretched(target.round_trip.timeout(config_));
    probe->fails_at = now + health_.stretched(target.round_trip.probe_duration(config_));
    send_ping(now, target, Route::direct, out);
}

void Gossip::Machine::confirm_suspicion(base::Instant now, Peer& suspect, Effects& out) {
    double const share = confirmers / static_cast<double>(fleet_size());
    if (probes_.size() < probes_max && prng_.chance(share)) {
        start_probe(now, suspect, out);
    }
}

void Gossip::Machine::send_ping(base::Instant now, Peer& target, Route route, Effects& out) {
    std::uint64_t const sequence = prng_.next();
    base::Bytes const ping = encode(Ping{sequence});
    std::size_t size = 0;
    if (route == Route::stream) {
        PacketWriter packet(config_.stream_max);
        packet.add(ping);
        out.sends.push_back({target.member->address, Channel::stream, packet.take()});
    } else if (route == Route::repeat) {
        size = send_datagram(target, {&ping, 1}, News::without, out);
    } else {
        size = send_datagram(target, {&ping, 1}, News::with, out);
        search_mtu(now, target, out);
        if (Probe* const probe = probes_.find(target.member->id)) {
            probe->size = size;
        }
    }
    probes_.sent(sequence, {target.member->id, route, now, size});
}

void Gossip::Machine::search_mtu(base::Instant now, Peer const& target, Effects& out) {
    if (now < mtu_search_at_) {
        return;
    }
    mtu_search_at_ = now + mtu_search_interval;
    if (auto const last = mtu_search_ ? probes_.take_answered(*mtu_search_) : std::nullopt) {
        if (Peer* const peer = membership_.find(last->target)) {
            peer->mtu.on_lost(now, last->size, config_.datagram_max);
        }
    }
    mtu_search_.reset();
    std::size_t const size = target.mtu.probe_size(now, config_.datagram_max);
    if (size == 0) {
        return;
    }
    mtu_search_ = prng_.next();
    PacketWriter packet(size);
    packet.add(encode(Ping{*mtu_search_}));
    packet.add(encode(Padding{std::max(packet.room(), padding_min)}));
    out.sends.push_back({target.member->address, Channel::datagram, packet.take()});
    probes_.sent(*mtu_search_, {target.member->id, Route::padded, now, size});
}

void Gossip::Machine::try_other_routes(base::Instant now, base::NodeId target, Effects& out) {
    Probe& probe = *probes_.find(target);
    // However late we are, the other routes get their time.
    probe.fails_at = std::max(probe.fails_at, now + (probe.fails_at - probe.repeat_at));
    probe.repeat_at = base::instant_max;
    Peer& peer = *membership_.find(target);
    send_ping(now, peer, Route::repeat, out);
    send_ping(now, peer, Route::stream, out);
    auto const count = static_cast<std::size_t>(config_.indirect_probes);
    // Of twice as many, half of them those nearest to the target, who know best; not all, for what
    // has struck the target may have struck its neighbours.
    std::vector<Peer*> helpers = membership_.sample(prng_, 2 * count, target);
    std::erase_if(helpers,
                  [](Peer const* helper) { return helper->judgement != Judgement::trusted; });
    if (peer.coordinate && helpers.size() > count) {
        auto const away = [&](Peer const* helper) {
            return std::pair(helper->coordinate
                                 ? gossip::distance(*helper->coordinate, *peer.coordinate)
                                 : base::Duration::max(),
                             helper->member->id);
        };
        auto const middle = helpers.begin() + static_cast<std::ptrdiff_t>(count / 2);
        std::ranges::partial_sort(helpers, middle, {}, away);
    }
    helpers.resize(std::min(helpers.size(), count));
    std::uint64_t const sequence = prng_.next();
    probes_.sent(sequence, {target, Route::relayed, now, 0});
    probe.nacks_expected = static_cast<int>(helpers.size());
    base::Duration const patience =
        std::clamp<base::Duration>((probe.fails_at - now) / 2, patience_min, patience_max);
    base::Bytes const request =
        encode(PingRequest{sequence, target, peer.member->address, patience});
    for (Peer const* const helper : helpers) {
        send_datagram(*helper, {&request, 1}, News::with, out);
    }
}

void Gossip::Machine::fail_probe(base::Instant now, base::NodeId target, Effects& out) {
    Probe const probe = *probes_.find(target);
    probes_.finish(target);
    ++counters_.probes_failed;
    ++failures_in_a_row_;
    health_.on_probe_failed(probe.nacks_expected, probe.nacks);
    Peer* const peer = membership_.find(target);
    if (peer == nullptr || peer->member->incarnation != probe.incarnation) {
        return;
    }
    peer->round_trip.on_timeout();
    suspicions_.on_silence(now, target);
    if (suspect(now, *peer, self_.id, out)) {
        pass_on({Accusation::Kind::suspect, target, probe.incarnation, self_.id});
    }
}

void Gossip::Machine::on_ping_request(Incoming const& in, PingRequest const& request,
                                      Effects& out) {
    if (request.target == self_.id || membership_.is_evicted(request.target)) {
        return;
    }
    std::uint64_t const sequence = prng_.next();
    base::Instant const nack_at = in.now + request.patience;
    if (!relays_.start(sequence, {in.source, request.sequence, request.target, nack_at,
                                  nack_at + relay_memory})) {
        return;
    }
    base::Bytes const ping = encode(Ping{sequence});
    if (Peer const* const target = membership_.find(request.target)) {
        send_datagram(*target, {&ping, 1}, News::without, out);
    } else {
        send_packet(request.address, config_.datagram_max, {&ping, 1}, News::without, out);
    }
}

void Gossip::Machine::on_ack(Incoming const& in, Ack const& ack, Effects& out) {
    if (in.from == ack.subject) {
        if (auto const relay = relays_.take_answered(ack.sequence, ack.subject)) {
            base::Bytes const answer = encode(Ack{relay->sequence, ack.subject, std::nullopt});
            send_packet(relay->asker, config_.datagram_max, {&answer, 1}, News::without, out);
            return;
        }
    }
    Probes::Ping const* const known = probes_.find_ping(ack.sequence);
    if (known == nullptr || known->target != ack.subject ||
        (known->route != Route::relayed && in.from != ack.subject)) {
        return;
    }
    on_answer(in, *probes_.take_answered(ack.sequence), ack, out);
}

void Gossip::Machine::on_answer(Incoming const& in, Probes::Ping const& ping, Ack const& ack,
                                Effects& out) {
    Peer* const target = membership_.find(ping.target);
    failures_in_a_row_ = 0;
    if (target == nullptr) {
        return;
    }
    Peer& peer = *target;
    Probe const* const probe = probes_.find(ping.target);
    if (ping.route == Route::direct || ping.route == Route::repeat) {
        base::Duration const sample = in.now - ping.sent_at;
        peer.round_trip.on_sample(sample);
        anyones_.on_sample(sample);
        peer.member->round_trip = *peer.round_trip.smoothed();
        if (ack.coordinate) {
            peer.coordinate = ack.coordinate;
            position_.on_sample(ping.target, *ack.coordinate, sample, prng_);
        }
    }
    if (ping.route == Route::direct || ping.route == Route::padded) {
        peer.mtu.on_delivered(in.now, ping.size, config_.datagram_max);
    } else if (ping.route == Route::repeat && probe != nullptr && probe->size > ping.size) {
        peer.mtu.on_lost(in.now, probe->size, config_.datagram_max);
    }
    note_way(in.now, peer, ping.route, out);
    if (probe != nullptr) {
        probes_.finish(ping.target);
        health_.on_probe_answered();
    }
    suspicions_.on_answer(in.now, ping.target);
}

void Gossip::Machine::note_way(base::Instant now, Peer& peer, Route route, Effects& out) {
    auto const count = [&](std::uint8_t& answers, std::uint8_t most, Trouble::Kind kind) {
        answers += answers < most ? 1 : 0;
        if (answers == most) {
            report(now, {kind, peer.member->id, peer.member->address}, out);
        }
    };
    switch (route) {
        case Route::padded:
            return;
        case Route::relayed:
            count(peer.relayed_answers, relayed_answers_max, Trouble::Kind::relayed_only);
            return;
        case Route::stream:
            peer.relayed_answers = 0;
            peer.streams_lost = 0;
            peer.stream_check_at = {};
            count(peer.stream_answers, stream_answers_max, Trouble::Kind::streams_only);
            return;
        case Route::direct:
        case Route::repeat:
            break;
    }
    peer.relayed_answers = 0;
    peer.stream_answers = 0;
    peer.answers_datagrams = true;
    // Streams are rare: whether one broke by chance would be known in minutes.
    if (peer.stream_check_at != base::Instant{} && now >= peer.stream_check_at) {
        peer.stream_check_at = {};
        send_ping(now, peer, Route::stream, out);
    }
}

void Gossip::Machine::note_stream_lost(base::Instant now, Peer& peer, Unreachable why,
                                       Effects& out) {
    // Refusals have a cause of their own, which a further stream would provoke.
    if (why == Unreachable::silent) {
        peer.stream_check_at = now + stream_check_interval;
    }
    if (!std::exchange(peer.answers_datagrams, false)) {
        return;
    }
    peer.streams_lost += peer.streams_lost < streams_lost_max ? 1 : 0;
    if (peer.streams_lost == streams_lost_max) {
        report(now, {Trouble::Kind::datagrams_only, peer.member->id, peer.member->address}, out);
    }
}

void Gossip::Machine::on_nack(Nack const& nack) {
    Probes::Ping const* const ping = probes_.find_ping(nack.sequence);
    if (ping == nullptr || ping->route != Route::relayed) {
        return;
    }
    if (Probe* const probe = probes_.find(ping->target)) {
        probe->nacks = std::min(probe->nacks + 1, probe->nacks_expected);
    }
}

void Gossip::Machine::send_nacks(base::Instant now, Effects& out) {
    for (Relay const& relay : relays_.take_silent(now)) {
        base::Bytes const nack = encode(Nack{relay.sequence});
        send_packet(relay.asker, config_.datagram_max, {&nack, 1}, News::without, out);
    }
}

}  // namespace gossip
