// Collecting tombstones: what every host has seen needs to be remembered by none.
//
// A cut names, origin by origin, what some host held: the first of the roster writes it. Every host
// that holds as much on its disk says so, and how much it had written itself by then
// (node/ID/seen): of its writes up to there some may be on their way that did not see a tombstone.
// When all have, those that are down included, the cut becomes the floor, and every host that holds
// all those writes takes away the tombstones up to it. A host that finds a floor it has not lived
// through, because nobody waited for it, may hold what was removed: it forgets everything and takes
// the fleet's state anew, as one that joins.
#include <algorithm>
#include <set>

#include "agent/machine.h"
#include "base/hash.h"
#include "crdt/codec.h"

namespace agent {

namespace {

constexpr std::string_view lived_through_local = "cuts";
// A cut may be heard of before the floor that the one before it became.
constexpr std::size_t lived_through_max = 8;

// Of a cut, or of the cut that became this floor.
std::uint64_t id_of(crdt::Floor floor) {
    floor.closed = {};
    return base::stable_hash(crdt::encode(floor));
}

std::optional<crdt::Floor> decoded(base::Bytes const* value) {
    if (value == nullptr) {
        return std::nullopt;
    }
    base::ByteReader in(*value);
    auto floor = crdt::decode_floor(in);
    return floor && in.complete() ? std::optional(*std::move(floor)) : std::nullopt;
}

bool covers(crdt::VersionVector const& version, crdt::VersionVector const& other) {
    return std::ranges::all_of(other.origins(),
                               [&](auto const& at) { return version.of(at.first) >= at.second; });
}

}  // namespace

void Agent::Machine::restore_floor(crdt::Loaded const& loaded) {
    fresh = loaded.entries.empty();
    marked_lossy = loaded.locals.contains(std::string(loss_local));
    lossy = marked_lossy && !fresh;
    if (auto const known = loaded.locals.find(std::string(lived_through_local));
        known != loaded.locals.end()) {
        base::ByteReader in(known->second);
        while (in.remaining() >= sizeof(std::uint64_t)) {
            lived_through.push_back(in.u64());
        }
    }
}

std::optional<std::uint64_t> Agent::Machine::seen_at(base::NodeId host, std::uint64_t cut) const {
    base::Bytes const* const seen = map.value(seen_entry(host));
    auto const record = seen != nullptr ? decode_seen(*seen) : std::unexpected(RecordError{});
    return record && record->cut == cut ? std::optional(record->written) : std::nullopt;
}

void Agent::Machine::update_collection(base::Instant now, Effects& out) {
    if (marked_lossy && told && !lossy) {
        marked_lossy = false;
        pending.locals[std::string(loss_local)] = std::nullopt;
    }
    if (lossy && std::ranges::any_of(gossip.members(), [&](auto const& member) {
            return member.first != config.id && answers(member.second.state) &&
                   decode_meta(member.second.meta);
        })) {
        resync_as_new(now, out);
        return;
    }
    adopt_floor(now, out);
    note_seen();
    if (settled && !leaving && now >= collect_at) {
        collect_at = now + config.collect_interval;
        advance_floor();
    }
}

void Agent::Machine::note_seen() {
    if (!cut_unseen || !settled) {
        return;
    }
    auto const cut = decoded(map.value(cut_entry()));
    // Its record may be from before it lost its disk or forgot: then it says so anew.
    if (!cut || (seen_at(config.id, id_of(*cut)) && has_lived_through(id_of(*cut)))) {
        cut_unseen = false;
    } else if (covers(map.version(), cut->version)) {
        cut_unseen = false;
        note_lived_through(id_of(*cut));
        put(seen_entry(config.id), encode(SeenRecord{id_of(*cut), map.last_sequence()}));
    }
}

bool Agent::Machine::has_lived_through(std::uint64_t cut) const {
    return std::ranges::find(lived_through, cut) != lived_through.end();
}

void Agent::Machine::note_lived_through(std::uint64_t cut) {
    if (has_lived_through(cut)) {
        return;
    }
    lived_through.push_back(cut);
    if (lived_through.size() > lived_through_max) {
        lived_through.pop_front();
    }
    base::ByteWriter out;
    for (std::uint64_t const each : lived_through) {
        out.u64(each);
    }
    pending.locals[std::string(lived_through_local)] = out.take();
}

// The first of the roster does it for all. A second one during a split waits for the same hosts.
void Agent::Machine::advance_floor() {
    auto const first = std::ranges::find_if(
        roster, [](auto const& entry) { return entry.second.duty == Duty::full; });
    if (first == roster.end() || first->first != config.id) {
        return;
    }
    auto cut = decoded(map.value(cut_entry()));
    auto const floor = decoded(map.value(floor_entry()));
    if (cut && (!floor || id_of(*floor) != id_of(*cut))) {
        std::uint64_t const id = id_of(*cut);
        for (base::NodeId const host : counted_hosts()) {
            auto const written = seen_at(host, id);
            if (!written) {
                return;
            }
            cut->closed.raise(host, *written);
        }
        put(floor_entry(), crdt::encode(*cut));
        return;
    }
    std::vector<base::NodeId> gone;
    for (auto const& [id, wish] : state.wishes()) {
        if (wish.evicted) {
            gone.push_back(id);
        }
    }
    crdt::Floor const next = map.floor_here(std::move(gone));
    if (map.collectable(next) > 0) {
        put(cut_entry(), crdt::encode(next));
    }
}

// Everyone ever known who was not thrown out and did not leave.
std::set<base::NodeId> Agent::Machine::counted_hosts() const {
    std::set<base::NodeId> hosts;
    for (auto const& [id, member] : gossip.members()) {
        if (member.state != gossip::State::left && member.state != gossip::State::evicted) {
            hosts.insert(id);
        }
    }
    for (auto const& [id, facts] : state.nodes()) {
        hosts.insert(id);
    }
    std::erase_if(hosts, [&](base::NodeId id) { return state.evicted(id); });
    return hosts;
}

void Agent::Machine::adopt_floor(base::Instant now, Effects& out) {
    if (fresh && !told && !settled) {
        return;
    }
    if (!floor_unread) {
        fresh = false;
        return;
    }
    auto const floor = decoded(map.value(floor_entry()));
    if (!floor || floor_id == id_of(*floor)) {
        floor_unread = false;
        return;
    }
    std::uint64_t const id = id_of(*floor);
    if (!fresh && !has_lived_through(id)) {
        resync_as_new(now, out);
        return;
    }
    if (!covers(map.version(), floor->version) || !covers(map.version(), floor->closed)) {
        return;  // some of it is on its way
    }
    floor_unread = false;
    floor_id = id;
    fresh = false;
    note_lived_through(id);
    for (std::string const& key : map.collect(*floor)) {
        forget_entry(key);
    }
}

void Agent::Machine::forget_entry(std::string const& key) {
    std::erase_if(pending.entries, [&](crdt::Entry const& entry) { return entry.key == key; });
    pending.collected.push_back(key);
    note_changed(key);
}

void Agent::Machine::resync_as_new(base::Instant now, Effects& out) {
    // What users were told is on its way to the others first.
    if (now < resync_at || !unspread.empty() || !large.empty()) {
        return;
    }
    resync_at = now + config.settle;
    out.notices.push_back(
        {Level::warning, lossy ? "this host's state was repaired or imported, so it may be old: it "
                                 "takes the fleet's state in its place"
                               : "this host was away for so long that it may remember what was "
                                 "removed: it takes the fleet's state anew"});
    for (std::string const& key : map.forget()) {
        forget_entry(key);
    }
    unspread.clear();
    large.clear();
    unsent.clear();
    floor_id = 0;
    lived_through.clear();
    pending.locals[std::string(lived_through_local)] = std::nullopt;
    lossy = false;
    fresh = true;
    told = false;
    settled = false;
    settle_deadline = now + config.settle;
    settle_limit = settle_deadline + 4 * config.settle;
    sync = crdt::Sync(config.id, config.sync, prng.fork());
    for (base::NodeId const peer : ack_peers()) {
        crdt::SyncEffects pulled;
        sync.pull(now, peer, map, pulled);
        take(pulled, {}, peer, out);
    }
}

}  // namespace agent
