#include "gossip/machine.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "gossip/codec.h"
#include "gossip/timing.h"

namespace gossip {

namespace {

constexpr int health_worst = 7;              // as in Lifeguard
constexpr std::size_t relays_max = 256;      // further requests are dropped
constexpr std::size_t seeds_max = 64;        // further seeds are ignored
constexpr std::size_t leave_sends_max = 16;  // at once; gossip does the rest

// A peer may have driven us to the highest incarnation, so the next start may ask for more.
Self bounded(Self self) {
    self.incarnation = std::min(self.incarnation, incarnation_max);
    return self;
}

std::string member_key(base::NodeId const& id) {
    return std::string(base::as_text(std::as_bytes(std::span(id.bytes))));
}

}  // namespace

Gossip::Machine::Machine(Self self, Config config, base::Prng prng)
    : self_(bounded(std::move(self))),
      config_(config),
      prng_(prng),
      membership_(self_),
      queue_(config.queue_max),
      next_sequence_(prng_.below(std::uint64_t{1} << 32)) {
    constexpr std::size_t overhead = 64;
    CHECK(config_.datagram_max >= payload_max + overhead);
    CHECK(config_.stream_max >= config_.datagram_max);
    CHECK(self_.name.size() <= name_max);
    CHECK(self_.meta.size() <= meta_max);
}

void Gossip::Machine::start(base::Instant now) {
    if (started_) {
        return;
    }
    started_ = true;
    // Hosts that start together must not act in step.
    auto const phase = [this](base::Duration interval) {
        return base::Duration(static_cast<base::Duration::rep>(
            prng_.below(static_cast<std::uint64_t>(interval.count()) + 1)));
    };
    membership_.self().since = now;
    probe_at_ = now + phase(config_.probe_interval);
    gossip_at_ = now;
    push_pull_at_ = now + config_.push_pull_interval / 2 + phase(config_.push_pull_interval / 2);
    reconnect_at_ = now + phase(config_.reconnect_interval);
    announce(membership_.self());
}

void Gossip::Machine::remember(base::Instant now, std::span<Member const> members) {
    start(now);
    for (Member member : members) {
        if (member.id == self_.id || member.name.size() > name_max ||
            member.meta.size() > meta_max) {
            continue;
        }
        // Who left comes back by itself. Incarnation zero: a memory yields to any news.
        member.state = member.state == State::left ? State::left : State::down;
        member.incarnation = 0;
        membership_.merge(now, member, prng_);
    }
    reconnect_at_ = now;
}

void Gossip::Machine::join(base::Instant now, std::span<base::SocketAddress const> seeds,
                           Effects& out) {
    start(now);
    seeds_.assign(seeds.begin(),
                  seeds.begin() + static_cast<std::ptrdiff_t>(std::min(seeds.size(), seeds_max)));
    std::erase(seeds_, self_.address);
    for (base::SocketAddress const& seed : seeds_) {
        send_exchange(seed, Exchange::request, out);
    }
    seeds_at_ = now + config_.reconnect_interval;
}

std::expected<void, Errc> Gossip::Machine::on_message(base::Instant now, base::NodeId from,
                                                      base::SocketAddress source, Channel channel,
                                                      base::ByteView bytes, Effects& out) {
    auto const refuse = [this](Errc error) {
        ++counters_.packets_dropped;
        return std::unexpected(error);
    };
    ++counters_.packets_in;
    if (from == self_.id) {
        return refuse(Errc::from_self);
    }
    bool const stream = channel == Channel::stream;
    if (bytes.size() > (stream ? config_.stream_max : config_.datagram_max)) {
        return refuse(Errc::too_large);
    }
    auto const messages = decode(bytes);
    if (!messages) {
        return refuse(Errc::malformed);
    }
    auto const exchanges = std::ranges::count_if(*messages, [](Message const& message) {
        return std::holds_alternative<Exchange>(message);
    });
    if (exchanges != (stream ? 1 : 0)) {
        return refuse(Errc::malformed);
    }
    start(now);
    if (has_left()) {
        return {};
    }
    Incoming in{.now = now, .from = from, .source = source, .answer = {}};
    if (stream) {
        on_exchange(in, *messages, out);
    } else {
        on_datagram(in, *messages, out);
    }
    return {};
}

void Gossip::Machine::on_datagram(Incoming& in, std::span<Message const> messages, Effects& out) {
    for (Message const& message : messages) {
        if (auto const* const ping = std::get_if<Ping>(&message)) {
            in.answer.push_back(encode(Ack{ping->sequence, self_.id}));
        } else if (auto const* const request = std::get_if<PingRequest>(&message)) {
            on_ping_request(in, *request, out);
        } else if (auto const* const ack = std::get_if<Ack>(&message)) {
            on_ack(in, *ack, out);
        } else if (auto const* const claim = std::get_if<Member>(&message)) {
            on_claim(in, *claim, out);
        } else if (auto const* const broadcast = std::get_if<Broadcast>(&message)) {
            out.payloads.push_back({in.from, broadcast->bytes});
        }
    }
    Member const* const sender = membership_.find(in.from);
    bool const wrongly_down = sender != nullptr && sender->state == State::down;
    if (!in.answer.empty() || wrongly_down) {
        send_datagram(in.source, sender, in.answer, out);
    }
}

void Gossip::Machine::on_exchange(Incoming& in, std::span<Message const> messages, Effects& out) {
    // What a joiner hears first is news to nobody but itself.
    in.pass_on = membership_.live_count() > 0;
    bool reply_wanted = false;
    // A stream comes from a port of its own: what the sender says of itself, even if we know
    // better, tells where it listens.
    Member const* const sender = membership_.find(in.from);
    base::SocketAddress address = sender != nullptr ? sender->address : in.source;
    for (Message const& message : messages) {
        if (auto const* const exchange = std::get_if<Exchange>(&message)) {
            reply_wanted = *exchange == Exchange::request;
        } else if (auto const* const record = std::get_if<Member>(&message)) {
            Member claim = *record;
            Member const* const known = membership_.find(claim.id);
            bool const live =
                known != nullptr && known->state != State::down && known->state != State::left;
            if (claim.state == State::down && live) {
                claim.state = State::suspect;
            }
            if (claim.id == in.from) {
                address = claim.address;
            }
            on_claim(in, claim, out);
        }
    }
    if (reply_wanted) {
        send_exchange(address, Exchange::reply, out);
    } else if (!in.answer.empty()) {
        send_datagram(address, membership_.find(in.from), in.answer, out);
    }
}

void Gossip::Machine::on_ping_request(Incoming const& in, PingRequest const& request,
                                      Effects& out) {
    std::erase_if(relays_, [&](auto const& entry) { return entry.second.expires <= in.now; });
    if (relays_.size() >= relays_max || request.target == self_.id) {
        return;
    }
    std::uint64_t const sequence = next_sequence_++;
    relays_.emplace(sequence, Relay{in.source, request.sequence, request.target,
                                    in.now + config_.probe_interval});
    base::Bytes const ping = encode(Ping{sequence});
    send_datagram(request.address, membership_.find(request.target), {&ping, 1}, out);
}

void Gossip::Machine::on_ack(Incoming const& in, Ack const& ack, Effects& out) {
    if (probe_ && probe_->sequence == ack.sequence && probe_->target == ack.subject) {
        bool const asked_others = probe_->indirect_at == base::instant_max;
        if (in.from == ack.subject || asked_others) {
            probe_.reset();
            improve_health();
        }
        return;
    }
    auto const relay = relays_.find(ack.sequence);
    if (relay == relays_.end() || relay->second.target != in.from || ack.subject != in.from) {
        return;
    }
    base::Bytes const answer = encode(Ack{relay->second.sequence, in.from});
    send_datagram(relay->second.asker, nullptr, {&answer, 1}, out);
    relays_.erase(relay);
}

void Gossip::Machine::on_claim(Incoming& in, Member const& claim, Effects& out) {
    if (claim.id == self_.id) {
        on_claim_about_self(in, claim, out);
    } else if (learn(in.now, claim, out)) {
        if (in.pass_on) {
            announce(*membership_.find(claim.id));
        } else {
            queue_.withdraw(BroadcastQueue::Kind::member, member_key(claim.id));
        }
    }
}

void Gossip::Machine::on_claim_about_self(Incoming& in, Member const& claim, Effects& out) {
    Member const& self = membership_.self();
    bool const accused = claim.state != State::alive;
    // An alive record that is not ours is of an earlier life whose incarnation was lost.
    bool const not_ours = claim.incarnation > self.incarnation ||
                          (claim.incarnation == self.incarnation && !same_content(claim, self));
    if (!accused && !not_ours) {
        return;
    }
    if (claim.incarnation >= self.incarnation) {
        raise_incarnation(claim.incarnation, out);
        ++counters_.refutations;
        worsen_health();
    }
    if (in.answer.empty() || in.answer.back() != encode(self)) {
        in.answer.push_back(encode(self));
    }
}

void Gossip::Machine::on_unreachable(base::Instant now, base::SocketAddress to) {
    // No proof of a death: its agent may restart while its containers run. Probes will tell.
    if (partner_ == to) {
        partner_.reset();
        push_pull_at_ = std::min(push_pull_at_, now + config_.reconnect_interval);
    }
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
    start(now);
    if (meta == self_.meta) {
        return;
    }
    self_.meta = meta;
    membership_.self().meta = std::move(meta);
    raise_incarnation(self_.incarnation, out);
}

void Gossip::Machine::leave(base::Instant now, Effects& out) {
    start(now);
    if (has_left()) {
        return;
    }
    membership_.self().state = State::left;
    membership_.self().since = now;
    suspicions_ = {};
    probe_.reset();
    announce(membership_.self());
    out.changes.push_back({self_.id, State::alive, State::left});
    base::Bytes const farewell = encode(membership_.self());
    for (Member const* const member : membership_.sample(prng_, leave_sends_max, std::nullopt)) {
        send_datagram(*member, {&farewell, 1}, out);
    }
}

bool Gossip::Machine::learn(base::Instant now, Member const& claim, Effects& out) {
    Membership::Merged const merged = membership_.merge(now, claim, prng_);
    if (!merged.news) {
        return false;
    }
    Member const& member = *membership_.find(claim.id);
    if (member.state == State::suspect) {
        base::Duration const timeout =
            suspicion_timeout(config_.suspicion_mult, fleet_size(), config_.probe_interval);
        suspicions_.start({member.id, member.incarnation, now + stretched(timeout)});
    } else {
        suspicions_.clear(member.id);
    }
    if (merged.change) {
        out.changes.push_back(*merged.change);
    }
    return true;
}

void Gossip::Machine::announce(Member const& member) {
    if (!queue_.put(BroadcastQueue::Kind::member, member_key(member.id), encode(member))) {
        ++counters_.broadcasts_dropped;
    }
}

void Gossip::Machine::raise_incarnation(std::uint64_t above, Effects& out) {
    self_.incarnation = std::min(above + 1, incarnation_max);
    membership_.self().incarnation = self_.incarnation;
    out.incarnation = self_.incarnation;
    announce(membership_.self());
}

void Gossip::Machine::send_datagram(base::SocketAddress to, Member const* recipient,
                                    std::span<base::Bytes const> messages, Effects& out) {
    std::vector<base::Bytes> first;
    if (recipient != nullptr && recipient->state != State::alive) {
        first.push_back(encode(*recipient));
    }
    first.insert(first.end(), messages.begin(), messages.end());
    PacketWriter packet(config_.datagram_max);
    for (base::Bytes const& message : first) {
        packet.add(message);
    }
    queue_.fill(packet, retransmits(config_.retransmit_mult, fleet_size()), first);
    if (!packet.empty()) {
        out.sends.push_back({to, Channel::datagram, packet.take()});
    }
}

void Gossip::Machine::send_exchange(base::SocketAddress to, Exchange kind, Effects& out) const {
    auto const begin = [this](Exchange part) {
        PacketWriter packet(config_.stream_max);
        packet.add(encode(part));
        return packet;
    };
    // A part before the last asks for nothing; which part is last shows only at the end, and both
    // kinds take the same room.
    std::vector<base::Bytes> part;
    PacketWriter packet = begin(Exchange::reply);
    for (auto const& [id, member] : membership_.all()) {
        base::Bytes record = encode(member);
        if (!packet.add(record)) {
            out.sends.push_back({to, Channel::stream, packet.take()});
            packet = begin(Exchange::reply);
            packet.add(record);
            part.clear();
        }
        part.push_back(std::move(record));
    }
    packet = begin(kind);
    for (base::Bytes const& record : part) {
        packet.add(record);
    }
    out.sends.push_back({to, Channel::stream, packet.take()});
}

void Gossip::Machine::worsen_health() {
    health_ = std::min(health_ + 1, health_worst);
}

void Gossip::Machine::improve_health() {
    health_ = std::max(health_ - 1, 0);
}

base::Duration Gossip::Machine::stretched(base::Duration duration) const {
    return duration * (health_ + 1);
}

}  // namespace gossip
