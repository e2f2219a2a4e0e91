// Comparing views of the fleet: with random members, with seeds, and with those that are down.
#include <algorithm>
#include <cstdint>
#include <iterator>
#include <set>
#include <utility>
#include <vector>

#include "base/hash.h"
#include "gossip/codec.h"
#include "gossip/machine.h"
#include "gossip/view_digest.h"

namespace gossip {

namespace {

constexpr std::size_t seeds_max = 64;  // further seeds are ignored
constexpr int meetings_per_second = 5;
// More news than this at once is left to the exchanges of others: gossip would take longer.
constexpr std::size_t passed_on_max = 8;
// While exchanges bring news they are worth repeating.
constexpr auto busy_interval = base::seconds(1);
// Offers to members that are down: about this many hosts make one to each in a
// reconnect_interval, however large the fleet is.
constexpr std::size_t offering_hosts = 16;
constexpr auto offer_period_max = base::seconds(60);
// Of one host; shorter while most of the fleet is down, which means that we are what is cut off.
constexpr auto offer_interval_min = base::milliseconds(500);
constexpr auto offer_interval_hasty = base::milliseconds(100);

bool covers(Exchange const& exchange, base::NodeId id) {
    return (exchange.buckets >> ViewDigest::bucket_of(id, exchange.bucket_count) & 1) != 0;
}

// What a view's digest tells apart beside the record.
std::uint8_t standing(Judgement judgement) {
    return judgement == Judgement::down ? 1 : 0;
}

}  // namespace

void Gossip::Machine::join(base::Instant now, std::span<base::SocketAddress const> seeds,
                           Effects& out) {
    start(now);
    seeds_.assign(seeds.begin(),
                  seeds.begin() + static_cast<std::ptrdiff_t>(std::min(seeds.size(), seeds_max)));
    std::erase(seeds_, self_.address);
    for (base::SocketAddress const& seed : seeds_) {
        send_compare(seed, out);
    }
    seeds_at_ = now + config_.reconnect_interval;
}

void Gossip::Machine::on_exchange(Incoming& in, std::span<Message const> messages, Effects& out) {
    ++counters_.exchanges;
    Exchange exchange;
    std::map<base::NodeId, std::uint64_t> theirs;
    for (Message const& message : messages) {
        auto const* const accusation = std::get_if<Accusation>(&message);
        if (accusation != nullptr && accusation->kind == Accusation::Kind::down) {
            in.said_down[accusation->member] = accusation->incarnation;
        }
    }
    for (Message const& message : messages) {
        if (auto const* const header = std::get_if<Exchange>(&message)) {
            exchange = *header;
        } else if (auto const* const record = std::get_if<Record>(&message)) {
            theirs[record->id] = base::stable_hash(encode(*record));
            on_record(in, *record, out);
        } else if (auto const* const accusation = std::get_if<Accusation>(&message)) {
            on_accusation(in, *accusation, out);
        }
    }
    if (in.learned.size() <= passed_on_max) {
        for (base::NodeId const learned : in.learned) {
            announce(*membership_.find(learned));
        }
    }
    if (!in.learned.empty()) {
        push_pull_at_ = std::min(push_pull_at_, in.now + busy_interval);
    }
    // Not where its record says: that may be an old one, or that of a host with a copied identity.
    Peer const* const sender = membership_.find(in.from);
    if (exchange.phase == Exchange::Phase::compare) {
        std::size_t const count = exchange.digests.size();
        std::vector<std::uint64_t> const ours = digests(count);
        std::uint64_t differing = 0;
        for (std::size_t at = 0; at < count; ++at) {
            differing |= std::uint64_t{exchange.digests[at] != ours[at]} << at;
        }
        if (differing != 0) {
            send_view(in.source,
                      {.phase = Exchange::Phase::give,
                       .digests = {},
                       .bucket_count = static_cast<std::uint8_t>(count),
                       .buckets = differing},
                      {}, out);
        }
    } else if (exchange.phase == Exchange::Phase::give) {
        exchange.phase = Exchange::Phase::take;
        send_view(in.source, exchange, theirs, out);
    }
    if (!in.answer.empty()) {
        answer(in.source, sender, in.answer, out);
    }
}

void Gossip::Machine::push_pull(base::Instant now, Effects& out) {
    push_pull_at_ = now + config_.push_pull_interval;
    auto const chosen = membership_.sample(prng_, 1, std::nullopt);
    if (!chosen.empty()) {
        partner_ = chosen.front()->member->address;
        send_compare(*partner_, out);
    }
}

void Gossip::Machine::reconnect(base::Instant now, Effects& out) {
    if (membership_.live_count() > 0) {
        seeds_.clear();
    }
    if (!seeds_.empty() && now >= seeds_at_) {
        seeds_at_ = now + config_.reconnect_interval;
        for (base::SocketAddress const& seed : seeds_) {
            send_compare(seed, out);
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
    // One at a time round the ring, so that a large loss is no burst; every other round by stream,
    // for a firewall may stop datagrams and an exchange needs no luck.
    auto next = down.upper_bound(last_offered_);
    if (next == down.end()) {
        next = down.begin();
        offer_by_stream_ = !offer_by_stream_;
    }
    last_offered_ = *next;
    Peer const& peer = *membership_.find(*next);
    if (offer_by_stream_) {
        send_compare(peer.member->address, out);
    } else {
        base::Bytes const ping = encode(Ping{prng_.next()});
        send_datagram(peer, {&ping, 1}, News::without, out);
    }
    std::size_t const sharers = std::max<std::size_t>(1, fleet_size() / offering_hosts);
    base::Duration const period = std::max<base::Duration>(
        config_.reconnect_interval,
        std::min<base::Duration>(config_.reconnect_interval * static_cast<std::int64_t>(sharers),
                                 offer_period_max));
    base::Duration const least =
        down.size() > membership_.live_count() ? offer_interval_hasty : offer_interval_min;
    reconnect_at_ = now + std::max(period / static_cast<std::int64_t>(down.size()), least);
}

void Gossip::Machine::meet_stranger(Incoming const& in, Effects& out) {
    // A stream's sender has been answered or asks by itself; more strangers wait for their turn.
    if (in.channel == Channel::datagram && meetings_.take(in.now, meetings_per_second)) {
        send_compare(in.source, out);
    }
}

void Gossip::Machine::send_compare(base::SocketAddress to, Effects& out) {
    std::size_t const buckets = ViewDigest::buckets_for(membership_.all().size());
    PacketWriter packet(config_.stream_max);
    packet.add(encode(Exchange{.phase = Exchange::Phase::compare,
                               .digests = digests(buckets),
                               .bucket_count = 0,
                               .buckets = 0}));
    packet.add(membership_.self_peer().record);
    out.sends.push_back({to, Channel::stream, packet.take()});
}

void Gossip::Machine::send_view(base::SocketAddress to, Exchange exchange,
                                std::map<base::NodeId, std::uint64_t> const& theirs, Effects& out) {
    // Only the last part asks for the receiver's view.
    Exchange const part{.phase = Exchange::Phase::take,
                        .digests = {},
                        .bucket_count = exchange.bucket_count,
                        .buckets = exchange.buckets};
    std::vector<base::Bytes> messages;
    for (auto const& [id, peer] : membership_.peers()) {
        auto const known = theirs.find(id);
        bool const newer = known == theirs.end() || known->second != peer.record_hash;
        bool const down = peer.judgement == Judgement::down;
        if (peer.record.empty() || membership_.is_evicted(id) ||
            (id != self_.id && !covers(exchange, id)) || (!newer && !down)) {
            continue;
        }
        // A record and what goes with it stay together.
        base::Bytes message = newer ? peer.record : base::Bytes();
        if (down) {
            base::Bytes const accusation =
                encode(Accusation{Accusation::Kind::down, id, peer.member->incarnation, self_.id});
            message.insert(message.end(), accusation.begin(), accusation.end());
        }
        messages.push_back(std::move(message));
    }
    if (messages.empty()) {
        return;
    }
    PacketWriter packet(config_.stream_max);
    packet.add(encode(exchange));
    std::size_t const reserve = packet.room();
    std::vector<std::vector<base::Bytes>> parts(1);
    std::size_t used = 0;
    for (base::Bytes& message : messages) {
        if (used + message.size() > reserve) {
            parts.emplace_back();
            used = 0;
        }
        used += message.size();
        parts.back().push_back(std::move(message));
    }
    for (std::size_t at = 0; at < parts.size(); ++at) {
        PacketWriter next(config_.stream_max);
        next.add(encode(at + 1 == parts.size() ? exchange : part));
        for (base::Bytes const& message : parts[at]) {
            next.add(message);
        }
        out.sends.push_back({to, Channel::stream, next.take()});
    }
}

std::vector<std::uint64_t> Gossip::Machine::digests(std::size_t buckets) const {
    ViewDigest digest(buckets);
    for (auto const& [id, peer] : membership_.peers()) {
        if (!peer.record.empty() && !membership_.is_evicted(id)) {
            digest.toggle(id, peer.record_hash, standing(peer.judgement));
        }
    }
    return digest.digests();
}

}  // namespace gossip
