#include "tests/unit/gossip/cluster.h"

#include <algorithm>
#include <functional>
#include <utility>

#include "base/check.h"
#include "base/text.h"

namespace gossip_test {

namespace {

// A machine whose deadline stays in the past would tick for ever.
constexpr int ticks_at_once_max = 1000;

}  // namespace

base::NodeId node_id(int host) {
    base::NodeId id;
    id.bytes[0] = static_cast<std::uint8_t>(host >> 8);
    id.bytes[1] = static_cast<std::uint8_t>(host);
    id.bytes[15] = 0xaa;
    return id;
}

int host_of(base::NodeId const& id) {
    return id.bytes[0] * 256 + id.bytes[1];
}

base::SocketAddress host_address(int host) {
    return {base::IpAddress::v4(0x0a000001U + static_cast<std::uint32_t>(host)), 7700};
}

std::string host_name(int host) {
    return base::concat("host", host);
}

Cluster::Cluster(Options options) : options_(std::move(options)), prng_(options_.seed) {}

Cluster::Host& Cluster::at_slot(int host) {
    CHECK(host >= 0);
    while (hosts_.size() <= slot(host)) {
        hosts_.push_back(std::make_unique<Host>());
        hosts_.back()->id = node_id(static_cast<int>(hosts_.size()) - 1);
    }
    return *hosts_[slot(host)];
}

void Cluster::start(int host, std::uint64_t incarnation,
                    std::optional<base::SocketAddress> address) {
    Life life;
    life.incarnation = incarnation;
    life.address = address;
    start(host, std::move(life));
}

void Cluster::start(int host, Life life) {
    kill(host);
    Host& h = at_slot(host);
    base::SocketAddress const address = life.address.value_or(host_address(host));
    auto const [entry, is_new] = addresses_.try_emplace(address, host);
    Host const& last = *hosts_[slot(entry->second)];
    CHECK(is_new || !last.up || last.address != address);
    entry->second = host;
    h.id = life.identity.value_or(node_id(host));
    h.address = address;
    gossip::Self self{
        h.id, life.name.value_or(host_name(host)), h.address, life.incarnation, {}, life.flaps};
    h.gossip.reset();
    h.keys = std::make_unique<support::FakeKeys>(h.id);
    h.gossip =
        std::make_unique<gossip::Gossip>(std::move(self), options_.config, prng_.fork(), *h.keys);
    h.up = h.running = true;
    ++running_;
    ++h.life;
    h.incarnation = life.incarnation;
    h.flaps = life.flaps;
    h.armed = base::instant_max;
    h.paused_until = {};
    h.suspended = false;
    h.waiting = 0;
    h.alive = h.live = 0;
    if (!life.remembered.empty()) {
        h.gossip->remember(clock(host), life.remembered);
    }
    rearm(host);
}

Cluster::Life Cluster::kept(int host) const {
    Host const& h = *hosts_.at(slot(host));
    Life life;
    life.incarnation = h.incarnation + 1;
    life.address = h.address;
    life.identity = h.id;
    life.name = h.gossip->self().name;
    life.flaps = h.flaps;
    for (auto const& [id, member] : h.gossip->members()) {
        if (id != h.id) {
            life.remembered.push_back(member);
        }
    }
    return life;
}

void Cluster::reboot(int host) {
    start(host, kept(host));
}

void Cluster::kill(int host) {
    stop(host);
    at_slot(host).up = false;
}

void Cluster::kill_process(int host) {
    stop(host);
    for (int other = 0; other < size(); ++other) {
        Host& peer = at_slot(other);
        auto const stream = peer.open.find(host);
        if (peer.running && stream != peer.open.end() && stream->second >= now_ &&
            passes(host, other, gossip::Channel::stream)) {
            Packet end{.sent = now_,
                       .from = other,
                       .to = host,
                       .sender_life = peer.life,
                       .address = at_slot(host).address,
                       .channel = gossip::Channel::stream,
                       .bytes = {}};
            fail(keep(std::move(end)), gossip::Unreachable::ended,
                 now_ + draw_latency(host, other));
        }
    }
}

void Cluster::stop(int host) {
    Host& h = at_slot(host);
    running_ -= h.running ? 1 : 0;
    h.running = false;
    h.open.clear();
}

void Cluster::pause(int host, base::Duration duration) {
    Host& h = at_slot(host);
    h.paused_until = now_ + duration;
    h.suspended = false;
    h.waiting = 0;
}

void Cluster::suspend(int host, base::Duration duration, bool clock_stops) {
    pause(host, duration);
    Host& h = at_slot(host);
    h.suspended = true;
    if (clock_stops) {
        // The wake-up of before the pause is looked at when it ends.
        h.clock_lag += duration;
    }
}

void Cluster::join(int host, std::vector<int> const& seeds) {
    std::vector<base::SocketAddress> addresses;
    for (int const seed : seeds) {
        addresses.push_back(host_address(seed));
    }
    call(host, [&](gossip::Gossip& gossip, base::Instant now, gossip::Effects& out) {
        gossip.join(now, addresses, out);
    });
}

void Cluster::start_joined(int count) {
    for (int host = 0; host < count; ++host) {
        start(host);
        if (host > 0) {
            join(host, {0});
        }
    }
    run_until(base::seconds(30), [this] { return converged(); });
}

void Cluster::call(int host, Call const& what) {
    gossip::Effects out;
    what(at(host), out);
    carry_out(host, out);
    rearm(host);
}

void Cluster::call(int host, TimedCall const& what) {
    call(host,
         [&](gossip::Gossip& gossip, gossip::Effects& out) { what(gossip, clock(host), out); });
}

void Cluster::broadcast(int host, std::string const& text) {
    delivered[text].try_emplace(host, now_);
    at(host).broadcast(text, base::to_bytes(text));
    rearm(host);
}

bool Cluster::runs(int host) const {
    return slot(host) < hosts_.size() && hosts_[slot(host)]->running;
}

gossip::Gossip& Cluster::at(int host) {
    CHECK(runs(host));
    return *hosts_[slot(host)]->gossip;
}

gossip::Gossip const& Cluster::at(int host) const {
    CHECK(runs(host));
    return *hosts_[slot(host)]->gossip;
}

base::Instant Cluster::clock(int host) const {
    return now_ - hosts_.at(slot(host))->clock_lag;
}

void Cluster::carry_out(int host, gossip::Effects& effects) {
    Host& h = *hosts_[slot(host)];
    for (gossip::Change const& change : effects.changes) {
        count(host, change);
    }
    for (gossip::Trouble const& trouble : effects.troubles) {
        troubles.push_back({now_, host, trouble});
    }
    for (gossip::Payload const& payload : effects.payloads) {
        hear(host, payload);
    }
    h.incarnation = effects.incarnation.value_or(h.incarnation);
    h.flaps = effects.flaps.value_or(h.flaps);
    for (gossip::Send& message : effects.sends) {
        send(host, std::move(message));
    }
}

void Cluster::count(int host, gossip::Change const& change) {
    Host& h = *hosts_[slot(host)];
    if (change.id != h.id) {
        h.alive += change.now == gossip::State::alive ? 1 : 0;
        h.alive -= change.before == gossip::State::alive ? 1 : 0;
        h.live += gossip::is_live(change.now) ? 1 : 0;
        h.live -= change.before && gossip::is_live(*change.before) ? 1 : 0;
    }
    if (options_.keep_observed) {
        observed.push_back({now_, host, change});
    }
}

void Cluster::hear(int host, gossip::Payload const& payload) {
    std::string text(base::as_text(payload.bytes));
    if (delivered[text].try_emplace(host, now_).second) {
        hosts_[slot(host)]->gossip->broadcast(std::move(text), payload.bytes);
    }
}

void Cluster::rearm(int host) {
    Host& h = *hosts_[slot(host)];
    if (!h.running) {
        return;
    }
    base::Instant const deadline = h.gossip->next_deadline();
    if (deadline == base::instant_max) {
        return;
    }
    // One that was put off is looked at when the earlier wake-up comes.
    base::Instant const at = std::max({deadline + h.clock_lag, now_, h.paused_until});
    if (at < h.armed) {
        h.armed = at;
        push({.at = at, .order = 0, .kind = Event::Kind::wake, .host = host, .packet = 0});
    }
}

void Cluster::wake(int host) {
    Host& h = *hosts_[slot(host)];
    if (h.armed != now_) {
        return;  // an earlier one came after it was set
    }
    h.armed = base::instant_max;
    if (!h.running) {
        return;
    }
    if (!is_paused(h) && h.gossip->next_deadline() <= clock(host)) {
        h.ticks_at_once = h.ticked == now_ ? h.ticks_at_once + 1 : 0;
        h.ticked = now_;
        CHECK(h.ticks_at_once < ticks_at_once_max);
        call(host, [](gossip::Gossip& gossip, base::Instant now, gossip::Effects& out) {
            gossip.on_tick(now, out);
        });
    } else {
        rearm(host);
    }
}

void Cluster::push(Event event) {
    event.order = order_++;
    events_.push_back(event);
    std::ranges::push_heap(events_, std::greater{});
}

bool Cluster::step(base::Instant end) {
    if (events_.empty() || events_.front().at > end) {
        now_ = end;
        return false;
    }
    std::ranges::pop_heap(events_, std::greater{});
    Event const event = events_.back();
    events_.pop_back();
    now_ = event.at;
    ++events;
    switch (event.kind) {
        case Event::Kind::wake:
            wake(event.host);
            break;
        case Event::Kind::arrival:
            arrive(event.packet);
            break;
        case Event::Kind::outcome:
            give_outcome(event.packet);
            break;
    }
    return true;
}

void Cluster::run_for(base::Duration duration) {
    base::Instant const end = now_ + duration;
    while (step(end)) {
    }
}

bool Cluster::run_until(base::Duration limit, std::function<bool()> const& condition,
                        base::Duration every) {
    base::Instant const end = now_ + limit;
    while (!condition()) {
        if (now_ >= end) {
            return false;
        }
        if (every > base::Duration{}) {
            run_for(std::min(every, end - now_));
        } else {
            step(end);
        }
    }
    return true;
}

std::optional<gossip::State> Cluster::view(int host, int of) const {
    base::NodeId const id = slot(of) < hosts_.size() ? hosts_[slot(of)]->id : node_id(of);
    gossip::Member const* const member = at(host).find(id);
    return member == nullptr ? std::nullopt : std::optional(member->state);
}

bool Cluster::converged() const {
    auto const counts = [this](std::size_t index) {
        Host const& h = *hosts_[index];
        return !h.running || (h.alive + 1 == running_ && h.live == h.alive);
    };
    // Most often it fails where it failed last.
    if (unconverged_ < hosts_.size() && !counts(unconverged_)) {
        return false;
    }
    for (std::size_t index = 0; index < hosts_.size(); ++index) {
        if (!counts(index)) {
            unconverged_ = index;
            return false;
        }
    }
    for (int host = 0; host < size(); ++host) {
        for (int other = 0; other < size(); ++other) {
            if (host != other && runs(host) && runs(other) &&
                view(host, other) != gossip::State::alive) {
                return false;
            }
        }
    }
    return true;
}

bool Cluster::all_see(int of, gossip::State state) const {
    for (int host = 0; host < size(); ++host) {
        if (host != of && runs(host) && view(host, of) != state) {
            return false;
        }
    }
    return true;
}

}  // namespace gossip_test
