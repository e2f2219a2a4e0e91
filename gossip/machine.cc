#include "gossip/machine.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "gossip/codec.h"
#include "gossip/timing.h"

namespace gossip {

namespace {

constexpr std::size_t received_max = 9'000;  // bytes of a datagram: a jumbo frame
constexpr int stranger_rate_max = 200;       // packets a second of all unknown senders
constexpr int stream_rate_max = 50;          // stream messages a second of one peer
constexpr std::size_t reported_max = 256;    // further troubles are told again
constexpr auto report_interval = base::seconds(60);

// A damaged count of starts must not leave us without a next incarnation.
Self bounded(Self self) {
    self.incarnation = std::min(self.incarnation, incarnation_max);
    return self;
}

}  // namespace

Gossip::Machine::Machine(Self self, Config config, base::Prng prng, Keys const& keys)
    : self_(bounded(std::move(self))),
      config_(config),
      prng_(prng),
      keys_(&keys),
      membership_(self_),
      queue_(config.queue_max),
      steadiness_(self_.flaps, base::Instant{}) {
    CHECK(check(config_).has_value());
    CHECK(self_.name.size() <= name_max);
    CHECK(self_.meta.size() <= meta_max);
}

void Gossip::Machine::start(base::Instant now) {
    if (started_) {
        return;
    }
    started_ = true;
    awake_at_ = now;
    steadiness_ = Steadiness(self_.flaps, now);
    intent_ = steadiness_.steady() ? intent_ : std::max(intent_, Intent::unsteady);
    // Hosts that start together must not act in step.
    auto const phase = [this](base::Duration interval) {
        return base::Duration(static_cast<base::Duration::rep>(
            prng_.below(static_cast<std::uint64_t>(interval.count()) + 1)));
    };
    probe_at_ = now + phase(config_.probe_interval);
    gossip_at_ = now;
    push_pull_at_ = now + config_.push_pull_interval / 2 + phase(config_.push_pull_interval / 2);
    reconnect_at_ = now + phase(config_.reconnect_interval);
    Effects unseen;  // the first record is no change to anybody
    raise_incarnation(now, self_.incarnation - 1, unseen);
}

void Gossip::Machine::remember(base::Instant now, std::span<Member const> members) {
    start(now);
    for (Member const& member : members) {
        if (member.id != self_.id && member.name.size() <= name_max &&
            member.meta.size() <= meta_max) {
            membership_.remember(now, member);
        }
    }
    reconnect_at_ = now;
}

std::expected<void, Errc> Gossip::Machine::admit(base::Instant now, base::NodeId from,
                                                 Channel channel, std::size_t size, Effects& out) {
    if (from == self_.id) {
        return std::unexpected(Errc::from_self);
    }
    if (membership_.is_evicted(from)) {
        return std::unexpected(Errc::evicted);
    }
    bool const stream = channel == Channel::stream;
    if (size > (stream ? std::size_t{1} << 20 : received_max)) {
        return std::unexpected(Errc::too_large);
    }
    Peer* const peer = membership_.find(from);
    bool const within = peer == nullptr ? strangers_.take(now, stranger_rate_max)
                        : stream        ? peer->streams.take(now, stream_rate_max)
                                        : peer->datagrams.take(now, config_.peer_rate_max);
    if (!within) {
        ++counters_.rate_dropped;
        if (peer != nullptr) {
            report(now, {Trouble::Kind::too_fast, from, peer->member->address}, out);
        }
        return std::unexpected(Errc::too_fast);
    }
    return {};
}

std::expected<void, Errc> Gossip::Machine::on_message(base::Instant now, base::NodeId from,
                                                      base::SocketAddress source, Channel channel,
                                                      base::ByteView bytes, Effects& out) {
    ++counters_.packets_in;
    if (auto const admitted = admit(now, from, channel, bytes.size(), out); !admitted) {
        ++counters_.packets_dropped;
        return admitted;
    }
    auto const messages = decode(bytes);
    auto const is_exchange = [](Message const& message) {
        return std::holds_alternative<Exchange>(message);
    };
    // A stream message is one exchange, or a ping or its answer that datagrams did not carry.
    bool const stream = channel == Channel::stream;
    auto const exchanges = messages ? std::ranges::count_if(*messages, is_exchange) : 0;
    if (!messages || exchanges > (stream ? 1 : 0)) {
        ++counters_.packets_dropped;
        return std::unexpected(Errc::malformed);
    }
    start(now);
    if (has_left()) {
        return {};
    }
    notice_pause(now);
    Incoming in{.now = now,
                .from = from,
                .source = source,
                .channel = channel,
                .answer = {},
                .learned = {},
                .said_down = {}};
    if (exchanges == 1) {
        on_exchange(in, *messages, out);
    } else {
        on_datagram(in, *messages, out);
    }
    check_steadiness(now, out);
    return {};
}

void Gossip::Machine::on_datagram(Incoming& in, std::span<Message const> messages, Effects& out) {
    std::vector<base::Bytes> stream_answers;
    for (Message const& message : messages) {
        if (auto const* const ping = std::get_if<Ping>(&message)) {
            base::Bytes ack = encode(Ack{ping->sequence, self_.id, position_.coordinate()});
            (in.channel == Channel::stream ? stream_answers : in.answer).push_back(std::move(ack));
        } else if (auto const* const request = std::get_if<PingRequest>(&message)) {
            on_ping_request(in, *request, out);
        } else if (auto const* const ack = std::get_if<Ack>(&message)) {
            on_ack(in, *ack, out);
        } else if (auto const* const nack = std::get_if<Nack>(&message)) {
            on_nack(*nack);
        } else if (auto const* const record = std::get_if<Record>(&message)) {
            on_record(in, *record, out);
        } else if (auto const* const accusation = std::get_if<Accusation>(&message)) {
            on_accusation(in, *accusation, out);
        } else if (auto const* const broadcast = std::get_if<Broadcast>(&message)) {
            out.payloads.push_back({in.from, broadcast->bytes});
        }
    }
    for (base::NodeId const learned : in.learned) {
        announce(*membership_.find(learned));
    }
    Peer const* const sender = membership_.find(in.from);
    if (sender == nullptr) {
        meet_stranger(in, out);
    }
    if (!stream_answers.empty()) {
        PacketWriter packet(config_.stream_max);
        for (base::Bytes const& ack : stream_answers) {
            packet.add(ack);
        }
        out.sends.push_back({in.source, Channel::stream, packet.take()});
    }
    bool const wrongly_down = sender != nullptr && (sender->member->state == State::down ||
                                                    sender->member->state == State::absent);
    if (!in.answer.empty() || wrongly_down) {
        answer(in.source, sender, in.answer, out);
    }
}

void Gossip::Machine::on_unreachable(base::Instant now, base::SocketAddress to, Unreachable why,
                                     Effects& out) {
    if (!started_ || has_left()) {
        return;
    }
    notice_pause(now);
    if (partner_ == to && why != Unreachable::ended) {
        partner_.reset();
        push_pull_at_ = std::min(push_pull_at_, now + config_.reconnect_interval);
    }
    Peer* const peer = membership_.live_at(to);
    if (peer == nullptr) {
        return;
    }
    note_stream_lost(now, *peer, why, out);
    if (why == Unreachable::silent) {
        return;  // no proof of anything: probes will tell
    }
    // A reason to look: a firewall may refuse streams and let datagrams pass, and a stream may end
    // for many reasons. What is refused while a probe is under way, before any answer, is the
    // probe.
    if (probes_.find(peer->member->id) == nullptr) {
        start_probe(now, *peer, out);
        return;
    }
    if (why == Unreachable::ended) {
        return;
    }
    bool const news = refuse(now, *peer, self_.id, out);
    if (peer->judgement == Judgement::refused) {
        // The kernel of a host that lives has answered: no failure.
        peer->refused_at = now;
        probes_.finish(peer->member->id);
    }
    if (news) {
        pass_on({Accusation::Kind::refused, peer->member->id, peer->member->incarnation, self_.id});
    }
}

std::expected<void, std::string> Gossip::Machine::set_config(base::Instant now, Config config) {
    if (auto checked = check(config); !checked) {
        return checked;
    }
    if (started_) {
        notice_pause(now);  // by the interval that was promised
    }
    config_ = config;
    queue_.set_size_max(config_.queue_max);
    if (started_) {
        probe_at_ = std::min(probe_at_, now + config_.probe_interval);
        gossip_at_ = std::min(gossip_at_, now + config_.gossip_interval);
        push_pull_at_ = std::min(push_pull_at_, now + config_.push_pull_interval);
        reconnect_at_ = std::min(reconnect_at_, now + config_.reconnect_interval);
    }
    return {};
}

void Gossip::Machine::broadcast(std::string key, base::Bytes payload) {
    CHECK(payload.size() <= payload_max);
    if (!queue_.put(BroadcastQueue::Kind::payload, std::move(key),
                    encode(Broadcast{std::move(payload)}))) {
        ++counters_.broadcasts_dropped;
    }
}

void Gossip::Machine::set_meta(base::Instant now, base::Bytes meta, Effects& out) {
    CHECK(meta.size() <= meta_max);
    if (meta != self_.meta) {
        self_.meta = std::move(meta);
        start(now);
        raise_incarnation(now, self_.incarnation, out);
    }
}

void Gossip::Machine::set_intent(base::Instant now, Intent intent, Effects& out) {
    start(now);
    // Who leaves does not come back for being stopped meanwhile.
    bool const backwards = intent_ >= Intent::restarting && intent < intent_;
    if (intent_ == intent || backwards) {
        return;
    }
    intent_ = intent;
    if (intent == Intent::left) {
        suspicions_ = {};
        probes_.clear();
        relays_.clear();
    }
    raise_incarnation(now, self_.incarnation, out);
    if (intent >= Intent::restarting) {
        say_farewell(out);
    }
}

void Gossip::Machine::evict(base::Instant now, base::NodeId id, Effects& out) {
    if (id == self_.id) {
        return;
    }
    suspicions_.clear(id);
    probes_.finish(id);
    membership_.evict(now, id, prng_, out.changes);
}

void Gossip::Machine::readmit(base::Instant now, base::NodeId id, Effects& out) {
    membership_.readmit(now, id, prng_, out.changes);
}

std::optional<base::Duration> Gossip::Machine::distance(base::NodeId a, base::NodeId b) const {
    auto const place = [this](base::NodeId id) -> std::optional<Coordinate> {
        if (id == self_.id) {
            return position_.coordinate();
        }
        Peer const* const peer = membership_.find(id);
        return peer != nullptr ? peer->coordinate : std::nullopt;
    };
    auto const from = place(a);
    auto const to = place(b);
    return from && to ? std::optional(gossip::distance(*from, *to)) : std::nullopt;
}

base::Duration Gossip::Machine::suspicion_time_min(Peer const* peer) const {
    bool const measured = peer != nullptr && peer->round_trip.smoothed();
    RoundTrip const& round_trip = measured ? peer->round_trip : anyones_;
    return suspicion_timeout(config_.suspicion_mult, fleet_size(), round_trip.answer_time(config_));
}

void Gossip::Machine::report(base::Instant now, Trouble trouble, Effects& out) {
    auto const [at, first] = reported_.try_emplace({trouble.kind, trouble.id}, now);
    if (!first && now - at->second < report_interval) {
        return;
    }
    at->second = now;
    if (reported_.size() > reported_max) {
        reported_.clear();
    }
    out.troubles.push_back(trouble);
}

}  // namespace gossip
