// What becomes of packets on their way.
#include <algorithm>
#include <cmath>
#include <utility>

#include "tests/unit/gossip/cluster.h"

namespace gossip_test {

namespace {

constexpr std::size_t datagram_overhead = 70 + 28;  // seal and kind; IP and UDP
constexpr auto idle_timeout = base::seconds(60);    // then a stream is closed
constexpr std::size_t stream_overhead = 400;        // connection, handshake, frames
constexpr base::Duration connect_timeout = base::seconds(2);
constexpr base::Duration handshake_timeout = base::seconds(3);
constexpr base::Duration resend_first = base::seconds(1);  // of a SYN (RFC 6298)
constexpr base::Duration resend = base::milliseconds(200);
// What a socket's buffer holds of small datagrams.
constexpr std::size_t waiting_max = 256;

}  // namespace

std::size_t Cluster::AddressHash::operator()(base::SocketAddress const& address) const {
    std::size_t value = address.port;
    for (std::size_t at = 8; at < address.ip.bytes.size(); ++at) {
        value = (value ^ address.ip.bytes[at]) * 0x100000001b3U;
    }
    return value;
}

std::uint32_t Cluster::keep(Packet packet) {
    if (free_packets_.empty()) {
        packets_.push_back(std::move(packet));
        return static_cast<std::uint32_t>(packets_.size() - 1);
    }
    std::uint32_t const index = free_packets_.back();
    free_packets_.pop_back();
    packets_[index] = std::move(packet);
    return index;
}

void Cluster::release(std::uint32_t index) {
    packets_[index].bytes = {};
    free_packets_.push_back(index);
}

Cluster::Link const* Cluster::link_of(int from, int to) const {
    if (links_.empty()) {
        return nullptr;
    }
    auto const found = links_.find({from, to});
    return found == links_.end() ? nullptr : &found->second;
}

bool Cluster::passes(int from, int to, gossip::Channel channel) const {
    if (hosts_[slot(from)]->faults.cut_out || (to >= 0 && hosts_[slot(to)]->faults.cut_in)) {
        return false;
    }
    Link const* const link = link_of(from, to);
    return link == nullptr ||
           !(link->cut ||
             (channel == gossip::Channel::datagram ? link->datagrams_cut : link->streams_cut));
}

double Cluster::loss(int from, int to) const {
    double arrives = (1 - options_.loss) * (1 - hosts_[slot(from)]->faults.loss_out);
    if (to >= 0) {
        arrives *= 1 - hosts_[slot(to)]->faults.loss_in;
    }
    Link const* const link = link_of(from, to);
    return 1 - (link == nullptr ? arrives : arrives * (1 - link->loss));
}

base::Duration Cluster::draw_latency(int from, int to) {
    Latency const latency = options_.latency_of ? options_.latency_of(from, to) : options_.latency;
    auto const spread = static_cast<std::uint64_t>((latency.max - latency.min).count());
    return latency.min + base::Duration(static_cast<base::Duration::rep>(prng_.below(spread + 1)));
}

// When a segment of a stream comes, and how long until its answer is there if `ways` is 2. One that
// is lost is sent again after `again`, then after twice that.
base::Duration Cluster::draw_segment(int from, int to, int ways, base::Duration again) {
    base::Duration taken{};
    double const lost = loss(from, to);
    for (int way = 0; way < ways; ++way) {
        base::Duration wait = again;
        while (lost > 0 && taken < handshake_timeout && prng_.chance(lost)) {
            taken += wait;
            wait *= 2;
        }
        taken += draw_latency(from, to);
    }
    return taken;
}

// When a stream message comes, or when its sender gives up.
Cluster::Stream Cluster::draw_stream(int from, int to) {
    base::Duration const connected = draw_segment(from, to, 2, resend_first);
    if (connected > connect_timeout) {
        return {connect_timeout, false};
    }
    base::Duration const agreed = draw_segment(from, to, 2, resend);
    if (agreed > handshake_timeout) {
        return {connected + handshake_timeout, false};
    }
    return {connected + agreed + draw_segment(from, to, 1, resend), true};
}

void Cluster::send(int from, gossip::Send send) {
    auto const found = addresses_.find(send.to);
    Packet packet{.sent = now_,
                  .from = from,
                  .to = found == addresses_.end() ? -1 : found->second,
                  .sender_life = hosts_[slot(from)]->life,
                  .address = send.to,
                  .channel = send.channel,
                  .bytes = std::move(send.bytes)};
    if (send.channel == gossip::Channel::datagram) {
        send_datagram(std::move(packet));
    } else {
        send_stream(std::move(packet));
    }
}

void Cluster::send_datagram(Packet packet) {
    Traffic& traffic = hosts_[slot(packet.from)]->traffic;
    ++datagrams;
    ++traffic.datagrams_out;
    traffic.bytes_out += packet.bytes.size() + datagram_overhead;
    Link const* const link = link_of(packet.from, packet.to);
    std::size_t const size_max =
        link == nullptr ? options_.path_size : link->path_size.value_or(options_.path_size);
    double const lost = loss(packet.from, packet.to);
    if (packet.bytes.size() > size_max || (lost > 0 && prng_.chance(lost))) {
        return;
    }
    auto const put = [this](Packet copy) {
        base::Instant const at = now_ + draw_latency(copy.from, copy.to);
        push({.at = at, .kind = Event::Kind::arrival, .packet = keep(std::move(copy))});
    };
    if (options_.repeats > 0 && prng_.chance(options_.repeats)) {
        put(packet);
    }
    put(std::move(packet));
}

void Cluster::send_stream(Packet packet) {
    Host& sender = *hosts_[slot(packet.from)];
    ++sender.traffic.streams_out;
    sender.traffic.bytes_out += packet.bytes.size() + stream_overhead;
    Stream const stream = draw_stream(packet.from, packet.to);
    base::Instant at = now_ + stream.taken;
    // Messages of one stream come in order.
    std::erase_if(sender.streams, [this](auto const& entry) { return entry.second < now_; });
    base::Instant& last = sender.streams[packet.to];
    at = last = std::max(at, last);
    std::uint32_t const index = keep(std::move(packet));
    if (stream.arrives) {
        push({.at = at, .kind = Event::Kind::arrival, .packet = index});
    } else {
        fail(index, gossip::Unreachable::silent, at);
    }
}

Cluster::Host* Cluster::receiver(Packet& packet) {
    // Whoever has the address by now.
    auto const found = addresses_.find(packet.address);
    if (found == addresses_.end()) {
        return nullptr;
    }
    Host* const host = hosts_[slot(found->second)].get();
    packet.to = found->second;
    bool const there = host->up && host->address == packet.address;
    return there && !(is_paused(*host) && host->suspended) ? host : nullptr;
}

void Cluster::arrive(std::uint32_t index) {
    if (packets_[index].channel == gossip::Channel::datagram) {
        arrive_datagram(index);
    } else {
        arrive_stream(index);
    }
}

void Cluster::arrive_datagram(std::uint32_t index) {
    Packet& packet = packets_[index];
    Host* const host = receiver(packet);
    if (host == nullptr || !passes(packet.from, packet.to, packet.channel)) {
        tell(packet, false);
        release(index);
    } else if (!host->running) {
        tell(packet, false);
        fail(index, gossip::Unreachable::refused, now_ + draw_latency(packet.to, packet.from));
    } else if (is_paused(*host)) {
        if (++host->waiting > waiting_max) {
            release(index);
        } else {
            push({.at = host->paused_until, .kind = Event::Kind::arrival, .packet = index});
        }
    } else {
        host->waiting = 0;
        deliver(index);
    }
}

void Cluster::arrive_stream(std::uint32_t index) {
    Packet& packet = packets_[index];
    Host* const host = receiver(packet);
    // It takes both directions to open a stream.
    bool const open = packet.to >= 0 && passes(packet.from, packet.to, packet.channel) &&
                      passes(packet.to, packet.from, packet.channel);
    if (host == nullptr || !open) {
        base::Instant const again = now_ + resend_first;
        if (++packet.tries == 1 && again < packet.sent + connect_timeout) {
            push({.at = again, .kind = Event::Kind::arrival, .packet = index});
        } else {
            fail(index, gossip::Unreachable::silent, std::max(now_, packet.sent + connect_timeout));
        }
    } else if (!host->running) {
        fail(index, gossip::Unreachable::refused, now_);
    } else if (is_paused(*host)) {
        if (host->paused_until - packet.sent > handshake_timeout) {
            fail(index, gossip::Unreachable::silent, packet.sent + handshake_timeout);
        } else {
            push({.at = host->paused_until, .kind = Event::Kind::arrival, .packet = index});
        }
    } else {
        hosts_[slot(packet.from)]->open[packet.to] = now_ + idle_timeout;
        deliver(index);
    }
}

void Cluster::deliver(std::uint32_t index) {
    Packet const packet = std::move(packets_[index]);
    release(index);
    tell(packet, true);
    int const to = packet.to;
    Host const& from = *hosts_[slot(packet.from)];
    Traffic& traffic = hosts_[slot(to)]->traffic;
    bool const datagram = packet.channel == gossip::Channel::datagram;
    ++(datagram ? traffic.datagrams_in : traffic.streams_in);
    if (datagram) {
        largest_datagram = std::max(largest_datagram, packet.bytes.size());
    }
    traffic.bytes_in += packet.bytes.size() + (datagram ? datagram_overhead : stream_overhead);
    call(to, [&](gossip::Gossip& gossip, base::Instant now, gossip::Effects& out) {
        auto const result =
            gossip.on_message(now, from.id, from.address, packet.channel, packet.bytes, out);
        if (!result) {
            ++refused[result.error()];
        }
    });
}

void Cluster::fail(std::uint32_t index, gossip::Unreachable why, base::Instant at) {
    packets_[index].outcome = why;
    push({.at = at, .kind = Event::Kind::outcome, .packet = index});
}

void Cluster::give_outcome(std::uint32_t index) {
    Host const& sender = *hosts_[slot(packets_[index].from)];
    if (sender.running && is_paused(sender)) {
        push({.at = sender.paused_until, .kind = Event::Kind::outcome, .packet = index});
        return;
    }
    Packet const packet = std::move(packets_[index]);
    release(index);
    bool const datagram = packet.channel == gossip::Channel::datagram;
    if (!datagram) {
        tell(packet, false);
    }
    bool const heard = !datagram || passes(packet.to, packet.from, packet.channel);
    if (sender.running && sender.life == packet.sender_life && heard) {
        call(packet.from, [&](gossip::Gossip& gossip, base::Instant now, gossip::Effects& out) {
            gossip.on_unreachable(now, packet.address, packet.outcome, out);
        });
    }
}

void Cluster::tell(Packet const& packet, bool arrived) const {
    if (on_delivery) {
        on_delivery({now_, packet.from, packet.to, packet.channel, packet.bytes, arrived});
    }
}

}  // namespace gossip_test
