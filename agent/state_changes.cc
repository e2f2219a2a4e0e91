#include <algorithm>
#include <array>
#include <span>

#include "agent/known_hosts.h"
#include "agent/machine.h"
#include "base/text.h"
#include "crdt/codec.h"

namespace agent {

namespace {

// An entry that gossip cannot carry goes straight to this many live peers; anti-entropy brings it
// to the rest.
constexpr std::size_t stream_peers_max = 16;
constexpr std::size_t large_pending_max = 256;
// What sync says beyond this while the disk stands still is dropped: a later digest asks again.
constexpr std::size_t unsent_max = 64;
// So many entries of others are written at once, however soon after the last write.
constexpr std::size_t unwritten_max = 512;
// Keys that no plan depends on, and those that neither zone nor table does.
constexpr auto unplanned =
    std::to_array<std::string_view>({"subnet/", "vip/", "token/", "collection/"});
constexpr auto untabled =
    std::to_array<std::string_view>({"subnet/", "node/", "scale/", "token/", "collection/"});

bool begins_with_any(std::string_view key, std::span<std::string_view const> prefixes) {
    return std::ranges::any_of(prefixes,
                               [&](std::string_view prefix) { return key.starts_with(prefix); });
}

base::Bytes framed(Part part, base::ByteView bytes) {
    base::Bytes out;
    out.reserve(bytes.size() + 1);
    out.push_back(static_cast<std::byte>(part));
    out.insert(out.end(), bytes.begin(), bytes.end());
    return out;
}

// What the others observed, and who is a member, is heard again after a power cut.
crdt::Durability durability_of(crdt::Batch const& batch, bool ours) {
    bool const noted = std::ranges::all_of(batch.entries, [](crdt::Entry const& entry) {
        return crdt::single_writer(entry.key).has_value();
    });
    bool const heard = std::ranges::all_of(
        batch.locals, [](auto const& local) { return local.first == "roster"; });
    return ours || !noted || !heard ? crdt::Durability::synced : crdt::Durability::soon;
}

std::string_view words(gossip::State state) {
    switch (state) {
        case gossip::State::alive:
            return "is alive";
        case gossip::State::suspect:
            return "is suspected";
        case gossip::State::unsteady:
            return "is unsteady: it was lost again and again";
        case gossip::State::restarting:
            return "restarts its agent";
        case gossip::State::leaving:
            return "is leaving";
        case gossip::State::absent:
            return "does not answer; it is unsteady";
        case gossip::State::down:
            return "is down";
        case gossip::State::left:
            return "has left";
        case gossip::State::evicted:
            return "is evicted";
    }
    return {};
}

}  // namespace

bool Agent::Machine::put(std::string_view key, base::Bytes value) {
    if (base::Bytes const* current = map.value(key); current != nullptr && *current == value) {
        return true;
    }
    auto const written = map.put(key, std::move(value));
    if (!written) {
        return false;
    }
    pending.entries.push_back(**written);
    unspread.emplace_back(next_persist, **written);
    note_changed(key);
    return true;
}

void Agent::Machine::erase(std::string_view key) {
    auto const written = map.erase(key);
    if (written && *written != nullptr) {
        pending.entries.push_back(**written);
        unspread.emplace_back(next_persist, **written);
        note_changed(key);
    }
}

bool Agent::Machine::merge(crdt::Entry entry) {
    std::string const key = entry.key;
    crdt::Stamp const stamp = entry.stamp;
    auto const merged = map.merge(std::move(entry));
    if (!merged || *merged == crdt::Merged::known) {
        return false;
    }
    crdt::Entry const* const current = map.find(key);
    if (current == nullptr || current->stamp != stamp) {
        return false;  // a concurrent write of ours stands
    }
    pending.entries.push_back(*current);
    note_changed(key);
    return true;
}

void Agent::Machine::note_changed(std::string_view key) {
    state.update(key, map.value(key));
    dirty = true;
    wishes_changed = wishes_changed || key.ends_with("/wish");
    roster_stale = roster_stale || key.starts_with("node/");
    network_stale = network_stale || key.starts_with("subnet/");
    plan_stale = plan_stale || !begins_with_any(key, unplanned);
    planner.note_changed(key);
    tables_stale = tables_stale || !begins_with_any(key, untabled);
    if (key.starts_with("collection/")) {
        cut_unseen = true;
        floor_unread = true;
    }
}

void Agent::Machine::spread(crdt::Entry const& entry) {
    base::Bytes encoded = crdt::encode(entry);
    if (encoded.size() <= gossip::payload_max) {
        gossip.broadcast(entry.key, std::move(encoded));
    } else if (large.size() < large_pending_max) {
        large.push_back(std::move(encoded));
    }
}

void Agent::Machine::on_persisted(base::Instant now, std::uint64_t sequence, Disk disk,
                                  Effects& out) {
    on_disk = disk == Disk::written ? std::max(on_disk, sequence) : on_disk;
    for (; !unspread.empty() && unspread.front().first <= sequence; unspread.pop_front()) {
        spread(unspread.front().second);
        tell_evicted(unspread.front().second, out);
    }
    for (; !unsent.empty() && unsent.front().first <= sequence; unsent.pop_front()) {
        out.sends.push_back(std::move(unsent.front().second));
    }
    finish(now, out);
}

void Agent::Machine::on_entries(base::NodeId /*from*/, base::ByteView bytes) {
    base::ByteReader in(bytes);
    while (!in.at_end()) {
        auto entry = crdt::decode_entry(in);
        if (!entry) {
            return;
        }
        merge(*std::move(entry));
    }
}

void Agent::Machine::take(crdt::SyncEffects& effects, base::SocketAddress reply_to,
                          base::NodeId peer, Effects& out) {
    for (crdt::Send const& message : effects.sends) {
        gossip::Channel const channel = message.channel == crdt::Channel::datagram
                                            ? gossip::Channel::datagram
                                            : gossip::Channel::stream;
        // A peer that membership does not know yet is answered where it spoke from.
        gossip::Member const* const member = gossip.find(message.to);
        if (member == nullptr && message.to != peer) {
            continue;
        }
        gossip::Send sending{member != nullptr ? member->address : reply_to, channel,
                             framed(Part::sync, message.bytes)};
        if (unspread.empty() || message.channel == crdt::Channel::datagram) {
            out.sends.push_back(std::move(sending));
        } else if (unsent.size() < unsent_max) {
            unsent.emplace_back(unspread.back().first, std::move(sending));
        }
    }
    for (std::string const& key : effects.changed) {
        if (crdt::Entry const* entry = map.find(key)) {
            pending.entries.push_back(*entry);
        }
        note_changed(key);
    }
    dirty = dirty || effects.advanced;
    told = told || std::ranges::any_of(effects.pulled, [&](base::NodeId const id) {
               gossip::Member const* const member = gossip.find(id);
               return member != nullptr && decode_meta(member->meta);
           });
    effects = {};
}

void Agent::Machine::take(base::Instant now, gossip::Effects& effects, Effects& out) {
    for (gossip::Send& message : effects.sends) {
        out.sends.push_back({message.to, message.channel, framed(Part::gossip, message.bytes)});
    }
    for (gossip::Payload const& payload : effects.payloads) {
        base::ByteReader in(payload.bytes);
        auto entry = crdt::decode_entry(in);
        if (!entry || !in.complete()) {
            continue;
        }
        std::string const key = entry->key;
        if (merge(*std::move(entry))) {
            gossip.broadcast(key, payload.bytes);
        }
    }
    for (gossip::Change const& change : effects.changes) {
        dirty = true;
        // A suspicion alone makes no clash.
        members_changed = members_changed || !change.before || change.before == change.now ||
                          gossip::is_live(*change.before) != gossip::is_live(change.now);
        gossip::Member const* const member = gossip.find(change.id);
        if (member == nullptr) {
            continue;
        }
        bool const other = change.id != config.id && answers(change.now);
        // It has announced records that are not here yet, or knows what a restarted host missed.
        if (other && decode_meta(member->meta) && (!told || !is_current(*member, map.version()))) {
            missing.insert(change.id);
        }
        if (change.before == change.now) {
            continue;
        }
        if (other) {
            // The kernel forgets routes over a link that was down: all are given again.
            network.reset();
        }
        // An unsteady host comes and goes without a stir.
        bool const known_unsteady =
            change.before == gossip::State::unsteady || change.before == gossip::State::absent;
        if (known_unsteady &&
            (change.now == gossip::State::unsteady || change.now == gossip::State::absent)) {
            continue;
        }
        out.notices.push_back(
            {Level::info, base::concat("host ", member->name, " (", short_string(change.id), ") ",
                                       words(change.now))});
    }
    if (!effects.changes.empty()) {
        base::Duration const suspicion = gossip.suspicion_time();
        // Of hosts lost together the last is suspected when the first goes down, or nearly. Those
        // who look at a suspect hear of it first, and then wait for an answer.
        Patience const patience{2 * suspicion, suspicion * gossip.config().suspicion_max_mult,
                                2 * gossip.config().probe_interval};
        if (cuts.update(now, effects.changes, gossip.members(), patience)) {
            note_loss();
        }
        roster_changed = true;
        roster_stale = true;
        network_stale = true;
    }
    for (gossip::Trouble const& trouble : effects.troubles) {
        out.notices.push_back({Level::warning, troubles.note(now, trouble, gossip.members())});
    }
    if (effects.flaps) {
        base::ByteWriter flaps;
        flaps.u32(*effects.flaps);
        pending.locals["flaps"] = flaps.take();
    }
    effects.clear();
}

bool Agent::Machine::holds_what_it_recorded() const {
    auto const ours = state.instances().find(config.id);
    std::vector<runtime::Instance> const held = supervisor.instances();
    return ours == state.instances().end() ||
           std::ranges::all_of(ours->second, [&](auto const& recorded) {
               // What served nobody is not missed.
               if (!serves(recorded.second.phase)) {
                   return true;
               }
               return std::ranges::any_of(held, [&](runtime::Instance const& instance) {
                   return instance.id == recorded.second.container;
               });
           });
}

void Agent::Machine::send(base::NodeId to, Part part, gossip::Channel channel, base::ByteView bytes,
                          Effects& out) {
    if (gossip::Member const* member = gossip.find(to)) {
        out.sends.push_back({member->address, channel, framed(part, bytes)});
    }
}

void Agent::Machine::remember_roster() {
    roster_changed = false;
    if (base::Bytes encoded = encode_known_hosts(gossip.members()); encoded != roster_stored) {
        roster_stored = encoded;
        pending.locals["roster"] = std::move(encoded);
    }
}

bool Agent::Machine::has_pending() const {
    return !pending.entries.empty() || !pending.locals.empty() || !pending.collected.empty();
}

std::uint64_t Agent::Machine::pending_sequence() const {
    if (has_pending()) {
        return next_persist;
    }
    // A command that finds everything as it wants it may find a write that is still on its way.
    return on_disk + 1 < next_persist ? next_persist - 1 : 0;
}

void Agent::Machine::flush(base::Instant now, Effects& out) {
    std::vector<base::NodeId> peers;
    if (!large.empty()) {
        for (auto const& [id, member] : gossip.members()) {
            if (id != config.id && gossip::is_live(member.state)) {
                peers.push_back(id);
            }
        }
        prng.shuffle(std::span(peers));
        peers.resize(std::min(peers.size(), stream_peers_max));
        for (base::Bytes const& encoded : large) {
            for (base::NodeId const peer : peers) {
                send(peer, Part::entries, gossip::Channel::stream, encoded, out);
            }
        }
        large.clear();
    }
    // What others wrote can wait: it is passed on from memory and asked for again after a crash.
    bool const ours = !unspread.empty() && unspread.back().first == next_persist;
    bool const due = ours || !pending.locals.empty() || pending.entries.size() >= unwritten_max ||
                     ack_debts.wait_for(next_persist) || now >= write_at;
    if (has_pending() && due) {
        write_at = now + pace();
        pending.version = map.version();
        pending.durability = durability_of(pending, ours);
        out.persists.push_back({next_persist++, std::exchange(pending, {})});
    }
}

}  // namespace agent
