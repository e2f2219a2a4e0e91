#include "gossip/gossip.h"

#include <utility>

#include "gossip/machine.h"

namespace gossip {

Gossip::Gossip(Self self, Config config, base::Prng prng)
    : machine_(std::make_unique<Machine>(std::move(self), config, prng)) {}

Gossip::~Gossip() = default;
Gossip::Gossip(Gossip&&) noexcept = default;
Gossip& Gossip::operator=(Gossip&&) noexcept = default;

void Gossip::remember(base::Instant now, std::span<Member const> members) {
    machine_->remember(now, members);
}

void Gossip::join(base::Instant now, std::span<base::SocketAddress const> seeds, Effects& out) {
    machine_->join(now, seeds, out);
}

std::expected<void, Errc> Gossip::on_message(base::Instant now, base::NodeId from,
                                             base::SocketAddress source, Channel channel,
                                             base::ByteView bytes, Effects& out) {
    return machine_->on_message(now, from, source, channel, bytes, out);
}

void Gossip::on_unreachable(base::Instant now, base::SocketAddress to, Effects&) {
    machine_->on_unreachable(now, to);
}

void Gossip::on_tick(base::Instant now, Effects& out) {
    machine_->on_tick(now, out);
}

base::Instant Gossip::next_deadline() const {
    return machine_->next_deadline();
}

void Gossip::broadcast(std::string key, base::Bytes payload) {
    machine_->broadcast(std::move(key), std::move(payload));
}

void Gossip::set_meta(base::Instant now, base::Bytes meta, Effects& out) {
    machine_->set_meta(now, std::move(meta), out);
}

void Gossip::leave(base::Instant now, Effects& out) {
    machine_->leave(now, out);
}

Member const* Gossip::find(base::NodeId id) const {
    return machine_->membership().find(id);
}

std::map<base::NodeId, Member> const& Gossip::members() const {
    return machine_->membership().all();
}

Self const& Gossip::self() const {
    return machine_->self();
}

Counters const& Gossip::counters() const {
    return machine_->counters();
}

}  // namespace gossip
