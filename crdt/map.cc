#include "crdt/map.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "base/hash.h"
#include "crdt/codec.h"

namespace crdt {
namespace {

// A total order on the entries of one key. Beyond the stamp it decides only between two writes to
// which a host gave the same stamp, having lost the first: the map must converge even then.
bool precedes(Entry const& a, Entry const& b) {
    return std::tie(a.stamp, a.dot, a.replaced, a.value) <
           std::tie(b.stamp, b.dot, b.replaced, b.value);
}

// Each key's history is a chain with one stamp per counter, of which the winner shows the last two.
bool concurrent(Entry const& winner, Entry const& loser) {
    return loser.stamp.counter + 1 >= winner.stamp.counter && winner.replaced != loser.stamp;
}

// What an entry adds to the digest of a map: all that precedes() looks at.
std::uint64_t trace_of(Entry const& entry) {
    if (!entry.value) {
        return 0;
    }
    std::uint64_t const writer =
        base::stable_hash(std::as_bytes(std::span(entry.stamp.writer.bytes)));
    std::uint64_t trace = base::mix(base::stable_hash(entry.key) ^ writer);
    trace = base::mix(trace ^ entry.stamp.counter);
    trace = base::mix(trace ^ entry.dot.sequence);
    return base::mix(trace ^ base::stable_hash(*entry.value));
}

// Nobody needs it once everyone has reached the floor.
bool falls(Entry const& entry, Floor const& floor) {
    if (!floor.version.covers(entry.dot)) {
        return false;
    }
    return !entry.value ||
           (single_writer(entry.key) && std::ranges::binary_search(floor.gone, entry.dot.origin));
}

}  // namespace

std::expected<Entry const*, Errc> Map::put(std::string_view key, base::Bytes value) {
    return write(key, std::move(value));
}

std::expected<Entry const*, Errc> Map::erase(std::string_view key) {
    if (value(key) == nullptr) {
        return nullptr;
    }
    return write(key, std::nullopt);
}

std::expected<Entry const*, Errc> Map::write(std::string_view key,
                                             std::optional<base::Bytes> value) {
    if (key.size() > key_max) {
        return std::unexpected(Errc::key_too_long);
    }
    if (value && value->size() > value_max) {
        return std::unexpected(Errc::value_too_long);
    }
    if (single_writer(key).value_or(self_) != self_) {
        return std::unexpected(Errc::not_the_writer);
    }
    Entry const* const current = find(key);
    Stamp replaced = current != nullptr ? current->stamp : Stamp{};
    if (current == nullptr && floor_.counter > 0) {
        // One more, so that the tombstone does not look like a concurrent write.
        replaced.counter = floor_.counter + 1;
    }
    std::uint64_t const last = std::max(sequence_, version_.of(self_));
    if ((current == nullptr && entries_.size() >= entries_max) || last >= counter_max ||
        replaced.counter >= counter_max) {
        return std::unexpected(Errc::full);
    }
    sequence_ = last + 1;
    Entry const* const stored = store({
        .key = std::string(key),
        .value = std::move(value),
        .stamp = {.counter = replaced.counter + 1, .writer = self_},
        .replaced = replaced,
        .dot = {.origin = self_, .sequence = sequence_},
    });
    if (!gap_open_) {
        version_.raise(self_, sequence_);
    }
    return stored;
}

bool Map::overtaken(Entry const& entry, From from) const {
    if (from == From::past_floor) {
        return falls(entry, floor_);
    }
    Entry const* const current = find(entry.key);
    return floor_.closed.covers(entry.dot) && (current == nullptr || current->dot != entry.dot);
}

std::expected<Merged, Errc> Map::merge(Entry entry, From from) {
    if (!well_formed(entry)) {
        return std::unexpected(Errc::malformed);
    }
    base::NodeId const origin = entry.dot.origin;
    auto const writer = single_writer(entry.key);
    if (writer && *writer != origin) {
        return std::unexpected(Errc::not_the_writer);
    }
    Entry const* const current = find(entry.key);
    if (current == nullptr && entries_.size() >= entries_max) {
        return std::unexpected(Errc::full);
    }
    if (overtaken(entry, from)) {
        return Merged::known;
    }
    bool const news = !knows(entry.dot);
    if (origin == self_) {
        sequence_ = std::max(sequence_, entry.dot.sequence);
    }
    // Not left to advance(): an entry that lost is not held, yet known.
    if (entry.dot.sequence == version_.of(origin) + 1) {
        version_.raise(origin, entry.dot.sequence);
    }
    Merged merged = Merged::known;
    if (current == nullptr) {
        store(std::move(entry));
        merged = Merged::applied;
    } else if (precedes(*current, entry)) {
        bool const conflict = record(entry, *current);
        store(std::move(entry));
        merged = conflict ? Merged::conflict : Merged::applied;
    } else if (news && record(*current, entry)) {
        merged = Merged::conflict;
    }
    advance(origin);
    return merged;
}

Entry const* Map::store(Entry entry) {
    auto const [at, inserted] = entries_.try_emplace(entry.key);
    if (!inserted) {
        unlist(at->second);
    }
    at->second = std::move(entry);
    conflicts_.on_write(at->second);
    content_ ^= trace_of(at->second);
    by_origin_[at->second.dot.origin].insert({.dot = at->second.dot, .key = at->first});
    return &at->second;
}

// Held entries directly behind the version close a gap without a word from a peer.
void Map::advance(base::NodeId origin) {
    std::set<Held> const* const held = held_of(origin);
    std::uint64_t sequence = version_.of(origin);
    if (held == nullptr || held->rbegin()->dot.sequence <= sequence) {
        return;
    }
    while (holds({.origin = origin, .sequence = sequence + 1})) {
        ++sequence;
    }
    version_.raise(origin, sequence);
}

// False if the values agree (nothing is lost), the winner saw the loser, or it is recorded already:
// beyond a gap, gossip that repeats itself looks like news.
bool Map::record(Entry const& winner, Entry const& loser) {
    return winner.value != loser.value && concurrent(winner, loser) && is_edit(winner.key) &&
           conflicts_.add({.winner = winner, .loser = loser});
}

Floor Map::floor_here(std::vector<base::NodeId> gone) const {
    std::ranges::sort(gone);
    Floor floor{
        .version = version_, .counter = floor_.counter, .closed = {}, .gone = std::move(gone)};
    for (auto const& [key, entry] : entries_) {
        if (!entry.value && version_.covers(entry.dot)) {
            floor.counter = std::max(floor.counter, entry.stamp.counter);
        }
    }
    return floor;
}

std::size_t Map::collectable(Floor const& floor) const {
    return static_cast<std::size_t>(
        std::ranges::count_if(entries_, [&](auto const& at) { return falls(at.second, floor); }));
}

std::vector<std::string> Map::collect(Floor const& floor) {
    std::vector<std::string> keys;
    for (auto const& [key, entry] : entries_) {
        if (falls(entry, floor)) {
            keys.push_back(key);
        }
    }
    for (std::string const& key : keys) {
        take_away(key);
    }
    for (auto const& [origin, sequence] : floor.version.origins()) {
        floor_.version.raise(origin, sequence);
        floor_.closed.raise(origin, sequence);
    }
    for (auto const& [origin, sequence] : floor.closed.origins()) {
        floor_.closed.raise(origin, sequence);
    }
    floor_.counter = std::max(floor_.counter, floor.counter);
    floor_.gone = floor.gone;
    ++collections_;
    return keys;
}

bool Map::reaches_floor(VersionVector const& version) const {
    return std::ranges::all_of(floor_.closed.origins(),
                               [&](auto const& at) { return version.of(at.first) >= at.second; });
}

void Map::take_away(std::string const& key) {
    auto const at = entries_.find(key);
    unlist(at->second);
    entries_.erase(at);
}

void Map::unlist(Entry const& entry) {
    auto const held = by_origin_.find(entry.dot.origin);
    held->second.erase({.dot = entry.dot, .key = entry.key});
    if (held->second.empty()) {
        by_origin_.erase(held);
    }
    content_ ^= trace_of(entry);
}

std::vector<std::string> Map::forget() {
    std::vector<std::string> keys;
    for (auto const& [key, entry] : entries_) {
        keys.push_back(key);
    }
    Map empty(self_, std::max(sequence_, version_.of(self_)));
    empty.conflicts_ = std::move(conflicts_);
    *this = std::move(empty);
    return keys;
}

void Map::close_gap() {
    gap_open_ = false;
    raise(self_, sequence_);
}

void Map::raise(base::NodeId origin, std::uint64_t sequence) {
    if (sequence > version_.of(origin)) {
        version_.raise(origin, sequence);
        advance(origin);
    }
}

void Map::raise(VersionVector const& version) {
    for (auto const& [origin, sequence] : version.origins()) {
        raise(origin, sequence);
    }
}

Entry const* Map::find(std::string_view key) const {
    auto const at = entries_.find(key);
    return at == entries_.end() ? nullptr : &at->second;
}

base::Bytes const* Map::value(std::string_view key) const {
    Entry const* const entry = find(key);
    return entry != nullptr && entry->value ? &*entry->value : nullptr;
}

void Map::each(std::string_view prefix, std::function<void(Entry const&)> const& visit) const {
    for (auto at = entries_.lower_bound(prefix);
         at != entries_.end() && at->first.starts_with(prefix); ++at) {
        if (at->second.value) {
            visit(at->second);
        }
    }
}

// In dot order, until `visit` says false.
void Map::each_uncovered(VersionVector const& known,
                         std::function<bool(Held const&)> const& visit) const {
    auto at = known.origins().begin();
    for (auto const& [origin, held] : by_origin_) {
        while (at != known.origins().end() && at->first < origin) {
            ++at;
        }
        bool const heard_of = at != known.origins().end() && at->first == origin;
        std::uint64_t const covered = heard_of ? at->second : 0;
        if (held.rbegin()->dot.sequence <= covered) {
            continue;
        }
        auto next =
            held.lower_bound({.dot = {.origin = origin, .sequence = covered + 1}, .key = {}});
        for (; next != held.end(); ++next) {
            if (!visit(*next)) {
                return;
            }
        }
    }
}

Map::Delta Map::delta(VersionVector const& known, std::size_t bytes_max,
                      std::span<Dot const> ahead) const {
    Delta out;
    std::size_t bytes = 0;
    std::optional<Dot> last;
    std::optional<Dot> stop;
    auto const take = [&](Held const& held) {
        Entry const& entry = entries_.find(held.key)->second;
        std::size_t const size = encoded_size(entry);
        // Entries that share a dot travel together: `covered` cannot tell them apart.
        if (!out.entries.empty() && bytes + size > bytes_max && last != held.dot) {
            stop = held.dot;
            return false;
        }
        bytes += size;
        last = held.dot;
        out.entries.push_back(entry);
        return true;
    };
    each_uncovered(known,
                   [&](Held const& held) { return !version_.covers(held.dot) || take(held); });
    for (auto const& [origin, sequence] : version_.origins()) {
        if (!stop || origin < stop->origin) {
            out.covered.raise(origin, sequence);
        } else if (origin == stop->origin) {
            out.covered.raise(origin, stop->sequence - 1);
        } else {
            out.covered.raise(origin, std::min(sequence, known.of(origin)));
        }
    }
    if (!stop) {
        each_uncovered(version_, [&](Held const& held) {
            return known.covers(held.dot) || std::ranges::binary_search(ahead, held.dot) ||
                   take(held);
        });
    }
    out.complete = !stop;
    return out;
}

std::vector<Dot> Map::ahead(VersionVector const& known) const {
    std::vector<Dot> dots;
    each_uncovered(known, [&](Held const& held) {
        if (dots.empty() || dots.back() != held.dot) {
            dots.push_back(held.dot);
        }
        return dots.size() < ahead_max;
    });
    return dots;
}

bool Map::knows(Dot dot) const {
    return version_.covers(dot) || holds(dot);
}

// Nothing if no current entry is of this origin.
std::set<Map::Held> const* Map::held_of(base::NodeId origin) const {
    auto const at = by_origin_.find(origin);
    return at == by_origin_.end() ? nullptr : &at->second;
}

bool Map::holds(Dot dot) const {
    std::set<Held> const* const held = held_of(dot.origin);
    if (held == nullptr) {
        return false;
    }
    auto const at = held->lower_bound({.dot = dot, .key = {}});
    return at != held->end() && at->dot == dot;
}

std::uint64_t Map::digest() const {
    return base::mix(version_.digest() ^ content_);
}

base::Bytes Map::canonical() const {
    base::ByteWriter out;
    for (auto const& [key, entry] : entries_) {
        encode(entry, out);
    }
    return out.take();
}

}  // namespace crdt
