#include "gossip/gossip.h"

#include <utility>

#include "gossip/machine.h"

namespace gossip {

Gossip::Gossip(Self self, Config config, base::Prng prng, Keys const& keys)
    : machine_(std::make_unique<Machine>(std::move(self), config, prng, keys)) {}

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

void Gossip::on_unreachable(base::Instant now, base::SocketAddress to, Unreachable why,
                            Effects& out) {
    machine_->on_unreachable(now, to, why, out);
}

void Gossip::on_tick(base::Instant now, Effects& out) {
    machine_->on_tick(now, out);
}

base::Instant Gossip::next_deadline() const {
    return machine_->next_deadline();
}

std::expected<void, std::string> Gossip::set_config(base::Instant now, Config config) {
    return machine_->set_config(now, config);
}

void Gossip::broadcast(std::string key, base::Bytes payload) {
    machine_->broadcast(std::move(key), std::move(payload));
}

void Gossip::set_meta(base::Instant now, base::Bytes meta, Effects& out) {
    machine_->set_meta(now, std::move(meta), out);
}

void Gossip::begin_leave(base::Instant now, Effects& out) {
    machine_->set_intent(now, Intent::leaving, out);
}

void Gossip::leave(base::Instant now, Effects& out) {
    machine_->set_intent(now, Intent::left, out);
}

void Gossip::announce_restart(base::Instant now, Effects& out) {
    machine_->set_intent(now, Intent::restarting, out);
}

void Gossip::evict(base::Instant now, base::NodeId id, Effects& out) {
    machine_->evict(now, id, out);
}

void Gossip::readmit(base::Instant now, base::NodeId id, Effects& out) {
    machine_->readmit(now, id, out);
}

Member const* Gossip::find(base::NodeId id) const {
    Peer const* const peer = machine_->membership().find(id);
    return peer == nullptr ? nullptr : peer->member;
}

std::map<base::NodeId, Member> const& Gossip::members() const {
    return machine_->membership().all();
}

Self const& Gossip::self() const {
    return machine_->self();
}

Config const& Gossip::config() const {
    return machine_->config();
}

Counters const& Gossip::counters() const {
    return machine_->counters();
}

std::optional<base::Duration> Gossip::distance(base::NodeId a, base::NodeId b) const {
    return machine_->distance(a, b);
}

base::Duration Gossip::suspicion_time() const {
    return machine_->suspicion_time_min(nullptr);
}

}  // namespace gossip
