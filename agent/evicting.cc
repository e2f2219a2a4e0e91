// Hosts that users throw out: wishes in the shared state, carried out by every host for itself.
#include <algorithm>
#include <set>
#include <utility>

#include "agent/machine.h"
#include "base/text.h"
#include "crdt/codec.h"

namespace agent {

namespace {

constexpr std::size_t candidates_max = 10;
// Between two answers to one evicted host that goes on speaking.
constexpr auto reminder_interval = base::seconds(5);
constexpr std::string_view evicted_itself =
    "this host was evicted from the fleet and has no say in it: ask another host";

// What an evicted host is told: how far this fleet has heard its writes, and the wish.
base::Bytes eviction(crdt::Entry const& wish, std::uint64_t heard) {
    base::ByteWriter out;
    out.u64(heard);
    out.raw(crdt::encode(wish));
    return out.take();
}

std::unexpected<Refusal> refuse(std::string text) {
    return std::unexpected(Refusal{std::move(text)});
}

}  // namespace

std::string Agent::Machine::name_of(base::NodeId id) const {
    gossip::Member const* const member = gossip.find(id);
    auto const facts = state.nodes().find(id);
    std::string const name = member != nullptr && !member->name.empty() ? member->name
                             : facts != state.nodes().end()             ? facts->second.name
                                                                        : std::string();
    return base::concat(name, name.empty() ? "(" : " (", short_string(id), ")");
}

Outcome<base::NodeId> Agent::Machine::find_host(std::string_view host) const {
    std::set<base::NodeId> known;
    for (auto const& [id, member] : gossip.members()) {
        known.insert(id);
    }
    for (auto const& [id, facts] : state.nodes()) {
        known.insert(id);
    }
    std::vector<base::NodeId> found;
    for (base::NodeId const& id : known) {
        gossip::Member const* const member = gossip.find(id);
        auto const facts = state.nodes().find(id);
        if ((member != nullptr && member->name == host) ||
            (facts != state.nodes().end() && facts->second.name == host)) {
            found.push_back(id);
        }
    }
    if (found.empty() && !host.empty()) {
        std::ranges::copy_if(known, std::back_inserter(found), [&](base::NodeId const& id) {
            return to_string(id).starts_with(host);
        });
    }
    if (found.size() == 1) {
        return found.front();
    }
    std::string names;
    std::vector<base::NodeId> const meant =
        found.empty() ? std::vector(known.begin(), known.end()) : found;
    for (std::size_t at = 0; at < std::min(meant.size(), candidates_max); ++at) {
        names += base::concat(at == 0 ? "" : ", ", name_of(meant[at]));
    }
    names += meant.size() > candidates_max ? ", ..." : "";
    return refuse(found.empty()
                      ? base::concat("there is no host ", host, ": there are ", names)
                      : base::concat(host, " may be any of ", names, ": give more of its id"));
}

Outcome<Accepted> Agent::Machine::evict(std::string_view host) {
    auto const id = find_host(host);
    if (!id) {
        return std::unexpected(id.error());
    }
    if (evicted) {
        return refuse(std::string(evicted_itself));
    }
    if (*id == config.id) {
        return refuse("this host cannot evict itself: `agent leave` takes it out of the fleet");
    }
    Accepted accepted;
    accepted.entries = {wish_entry(*id)};
    if (!state.evicted(*id)) {
        accepted.changed.push_back(name_of(*id));
        if (!put(wish_entry(*id), encode(NodeWish{.evicted = true}))) {
            return refuse("the shared state is full");
        }
    }
    accepted.sequence = pending_sequence();
    return accepted;
}

Outcome<Accepted> Agent::Machine::readmit(std::string_view host) {
    auto const id = find_host(host);
    if (!id) {
        return std::unexpected(id.error());
    }
    if (evicted) {
        return refuse(std::string(evicted_itself));
    }
    Accepted accepted;
    accepted.entries = {wish_entry(*id)};
    if (state.evicted(*id)) {
        accepted.changed.push_back(name_of(*id));
        erase(wish_entry(*id));
    }
    accepted.sequence = pending_sequence();
    return accepted;
}

void Agent::Machine::apply_wishes(base::Instant now, Effects& out) {
    if (!std::exchange(wishes_changed, false)) {
        return;
    }
    gossip::Effects effects;
    for (auto const& [id, wish] : state.wishes()) {
        gossip::Member const* const member = gossip.find(id);
        bool const done = member != nullptr && member->state == gossip::State::evicted;
        if (wish.evicted && !done && id != config.id) {
            gossip.evict(now, id, effects);
        }
    }
    std::vector<base::NodeId> back;
    for (auto const& [id, member] : gossip.members()) {
        if (member.state == gossip::State::evicted && !state.evicted(id)) {
            back.push_back(id);
        }
    }
    for (base::NodeId const& id : back) {
        gossip.readmit(now, id, effects);
    }
    std::erase_if(reminded, [&](auto const& entry) { return !state.evicted(entry.first); });
    take(now, effects, out);
    bool const ours = state.evicted(config.id);
    if (std::exchange(evicted, ours) != ours) {
        out.notices.push_back({Level::warning, ours ? "this host was evicted from the fleet: stops "
                                                      "its containers"
                                                    : "this host is part of the fleet again"});
    }
}

void Agent::Machine::tell_evicted(crdt::Entry const& entry, Effects& out) {
    // Nobody speaks to it any more unless it speaks. Now its containers can be stopped.
    for (auto const& [id, wish] : state.wishes()) {
        if (wish.evicted && entry.key == wish_entry(id)) {
            send(id, Part::evicted, gossip::Channel::stream, eviction(entry, map.version().of(id)),
                 out);
        }
    }
}

void Agent::Machine::remind_evicted(base::Instant now, base::NodeId id, base::SocketAddress source,
                                    Effects& out) {
    crdt::Entry const* const wish = map.find(wish_entry(id));
    // Who does not know the present state, or whose write is not on the disk, leaves it to others.
    if (wish == nullptr || !settled || evicted || !unspread.empty()) {
        return;
    }
    auto const [last, first] = reminded.try_emplace(id, now);
    if (!first && now - last->second < reminder_interval) {
        return;
    }
    last->second = now;
    base::ByteWriter message;
    message.u8(static_cast<std::uint8_t>(Part::evicted));
    message.raw(eviction(*wish, map.version().of(id)));
    out.sends.push_back({source, gossip::Channel::stream, message.take()});
}

void Agent::Machine::on_evicted(gossip::Channel channel, base::ByteView body) {
    base::ByteReader in(body);
    std::uint64_t const heard = in.u64();
    auto entry = crdt::decode_entry(in);
    // Only a stream proves who says it.
    if (channel != gossip::Channel::stream || !entry || !in.complete() ||
        entry->key != wish_entry(config.id)) {
        return;
    }
    merge(*std::move(entry));
    if (!state.evicted(config.id)) {
        return;
    }
    // Who was thrown out throws out nobody: what the fleet has not heard it must not hear later,
    // when this host is taken back.
    std::vector<std::string> unheard;
    for (auto const& [id, wish] : state.wishes()) {
        crdt::Entry const* const ours = map.find(wish_entry(id));
        if (wish.evicted && id != config.id && ours != nullptr && ours->dot.origin == config.id &&
            ours->dot.sequence > heard) {
            unheard.push_back(ours->key);
        }
    }
    for (std::string const& key : unheard) {
        erase(key);
    }
}

}  // namespace agent
