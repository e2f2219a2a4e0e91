// What leaves this host by itself or in answer: news, farewells, and what is held against whom.
#include <algorithm>
#include <utility>
#include <vector>

#include "gossip/codec.h"
#include "gossip/machine.h"
#include "gossip/timing.h"

namespace gossip {

namespace {

// All hosts together tell a suspect about this often in a gossip interval.
constexpr double tells_per_interval = 16;
constexpr std::size_t farewells_max = 16;  // at once; gossip does the rest

}  // namespace

void Gossip::Machine::spread(base::Instant now, Effects& out) {
    gossip_at_ = now + config_.gossip_interval;
    if (queue_.empty() && suspicions_.all().empty()) {
        return;
    }
    auto const fanout = static_cast<std::size_t>(config_.gossip_fanout);
    std::vector<Peer*> const targets = membership_.sample(prng_, fanout, std::nullopt);
    for (Peer const* const target : targets) {
        send_datagram(*target, {}, News::with, out);
    }
    for (auto const& [id, suspicion] : suspicions_.all()) {
        Peer* const suspect = membership_.find(id);
        bool const told = std::ranges::find(targets, suspect) != targets.end();
        if (!told && prng_.chance(tells_per_interval / static_cast<double>(fleet_size()))) {
            send_datagram(*suspect, {}, News::without, out);
        }
    }
}

void Gossip::Machine::say_farewell(Effects& out) {
    base::Bytes const& own = membership_.self_peer().record;
    for (Peer const* const peer : membership_.sample(prng_, farewells_max, std::nullopt)) {
        send_datagram(*peer, {&own, 1}, News::without, out);
    }
}

std::optional<base::Bytes> Gossip::Machine::held_against(Peer const& peer) const {
    Accusation accusation{Accusation::Kind::down, peer.member->id, peer.member->incarnation,
                          self_.id};
    switch (peer.judgement) {
        case Judgement::trusted:
            return std::nullopt;
        case Judgement::refused:
            accusation.kind = Accusation::Kind::refused;
            break;
        case Judgement::suspect: {
            accusation.kind = Accusation::Kind::suspect;
            Suspicion const* const suspicion = suspicions_.find(peer.member->id);
            if (suspicion != nullptr && !suspicion->accusers.contains(self_.id)) {
                accusation.accuser = *suspicion->accusers.begin();
            }
            break;
        }
        case Judgement::down:
            break;
    }
    return encode(accusation);
}

std::size_t Gossip::Machine::send_datagram(Peer const& recipient,
                                           std::span<base::Bytes const> messages, News news,
                                           Effects& out) {
    std::vector<base::Bytes> all;
    if (auto held = held_against(recipient)) {
        all.push_back(*std::move(held));
    }
    all.insert(all.end(), messages.begin(), messages.end());
    std::size_t const before = out.sends.size();
    send_packet(recipient.member->address, recipient.mtu.size(config_.datagram_max), all, news,
                out);
    return out.sends.size() > before ? out.sends.back().bytes.size() : 0;
}

void Gossip::Machine::answer(base::SocketAddress to, Peer const* sender,
                             std::span<base::Bytes const> messages, Effects& out) {
    if (sender != nullptr && sender->member->address == to) {
        send_datagram(*sender, messages, News::with, out);
        return;
    }
    std::vector<base::Bytes> all;
    if (sender != nullptr) {
        if (auto held = held_against(*sender)) {
            all.push_back(*std::move(held));
        }
    }
    all.insert(all.end(), messages.begin(), messages.end());
    send_packet(to, config_.datagram_max, all, News::with, out);
}

void Gossip::Machine::send_packet(base::SocketAddress to, std::size_t size_max,
                                  std::span<base::Bytes const> messages, News news, Effects& out) {
    PacketWriter packet(size_max);
    for (base::Bytes const& message : messages) {
        packet.add(message);
    }
    if (news == News::with) {
        queue_.fill(packet, retransmits(config_.retransmit_mult, fleet_size()), messages);
    }
    if (!packet.empty()) {
        out.sends.push_back({to, Channel::datagram, packet.take()});
    }
}

}  // namespace gossip
