#pragma once

#include <compare>
#include <cstdint>
#include <expected>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"

namespace crdt {

inline constexpr std::size_t key_max = 512;
inline constexpr std::size_t value_max = 256 * 1024;
inline constexpr std::size_t entries_max = 200'000;
inline constexpr std::size_t origins_max = 4096;
inline constexpr std::size_t ahead_max = 1024;
// Of stamp counters and sequences. No fleet gets there by writing.
inline constexpr std::uint64_t counter_max = std::uint64_t{1} << 62;

// When an entry was written, in its key's own Lamport time: a write that has seen another always
// compares greater. Concurrent writes are ordered by the writer, the same way everywhere. No wall
// clock takes part.
struct Stamp {
    std::uint64_t counter{};
    base::NodeId writer;
    friend constexpr auto operator<=>(Stamp const&, Stamp const&) = default;
};

// The identity of one write: the `sequence`th of its origin, counted from 1.
struct Dot {
    base::NodeId origin;
    std::uint64_t sequence{};
    friend constexpr auto operator<=>(Dot const&, Dot const&) = default;
};

struct Entry {
    std::string key;
    std::optional<base::Bytes> value;  // nothing: a tombstone
    Stamp stamp;
    Stamp replaced;  // the stamp this write saw on its key; counter 0 if there was none
    Dot dot;
    friend bool operator==(Entry const&, Entry const&) = default;
};

// Within the bounds, and as put() writes it: the counter follows the replaced one, and the writer
// is the origin. Nothing else is merged, encoded or decoded.
[[nodiscard]] bool well_formed(Entry const& entry);

// Per origin, the sequence up to which every write is known here or was replaced by one that is.
class VersionVector {
public:
    [[nodiscard]] std::uint64_t of(base::NodeId origin) const;

    [[nodiscard]] bool covers(Dot dot) const { return dot.sequence <= of(dot.origin); }

    // Raises one origin. Lowering is ignored, and so is a new origin beyond origins_max: its
    // entries are then offered again and again, never lost.
    void raise(base::NodeId origin, std::uint64_t sequence);

    [[nodiscard]] std::map<base::NodeId, std::uint64_t> const& origins() const { return origins_; }

    // The same vector gives the same digest everywhere.
    [[nodiscard]] std::uint64_t digest() const;
    friend bool operator==(VersionVector const&, VersionVector const&) = default;

private:
    std::map<base::NodeId, std::uint64_t> origins_;
};

enum class Errc : std::uint8_t {
    key_too_long,    // state unchanged
    value_too_long,  // state unchanged
    full,            // entries_max or counter_max reached; state unchanged
    not_the_writer,  // a single-writer key written by another host; state unchanged
    malformed,       // not an encoding of this version; state unchanged
};

// What merge() did.
enum class Merged : std::uint8_t {
    applied,   // the entry is now the current one of its key
    known,     // we hold it already, or one that saw it
    conflict,  // applied or not, it was concurrent with another write: see conflicts()
};

// Two writes of one key with different values, neither of which saw the other. The map keeps one
// write back (`replaced`), so every conflict it reports is one; a losing write that the winner's
// side overtook by two or more writes before they met looks like a seen one and is not reported.
struct Conflict {
    Entry winner;
    Entry loser;
};

inline constexpr std::size_t conflicts_max = 256;  // the oldest is dropped

// The key names its only writer: "node/ID/facts" and "instance/ID/...". Such entries of any other
// origin are refused.
[[nodiscard]] std::optional<base::NodeId> single_writer(std::string_view key);

// The replicated map (a state-based CRDT: merging is commutative, associative and idempotent). Any
// set of hosts that have merged the same entries hold the same map, byte for byte.
//
// Rules, and why:
// - Of two entries of a key the one with the larger stamp is current. Counters grow by one with
// each
//   write that saw the other, so a write that saw another always wins.
// - The version vector says what is known: a write raises its origin only if it is the next one of
//   it, or by raise(). Entries beyond a gap are held and current all the same: see ahead().
// - A dot names one write for ever, so an entry must be on the disk before it is spread. A host
// that
//   still lost writes others know (an old backup, a disk that lies) gets them back from its peers:
//   an entry of our own origin is merged like any other, and our next write takes a sequence above
//   it. Until it has heard of them it can give a lost dot to a new write; then peers that cover the
//   dot learn the new write by gossip only, or when its key is next written.
class Map {
public:
    explicit Map(base::NodeId self) : self_(self) {}

    // A host that may have lost its last writes in a crash: its new ones are numbered above
    // `floor`, which must be higher than any number it ever gave. Until close_gap() its own version
    // stays where the disk left it, so that peers give back what they hold of the lost writes.
    Map(base::NodeId self, std::uint64_t floor) : self_(self), sequence_(floor), gap_open_(true) {}

    Map(Map&&) noexcept = default;
    Map& operator=(Map&&) noexcept = default;

    // Writes locally under the next dot of this host. Returns the entry to persist and, once it is
    // persisted, to spread; it lives until the next change of its key.
    [[nodiscard]] std::expected<Entry const*, Errc> put(std::string_view key, base::Bytes value);
    // As put(), with a tombstone. Erasing what is absent or erased gives nullptr and changes
    // nothing.
    [[nodiscard]] std::expected<Entry const*, Errc> erase(std::string_view key);

    // Takes over an entry of another host (or of the disk, at start: all entries, then raise() to
    // the version that was kept with them).
    [[nodiscard]] std::expected<Merged, Errc> merge(Entry entry);
    // Everything of `origin` up to `sequence` has been merged.
    void raise(base::NodeId origin, std::uint64_t sequence);
    void raise(VersionVector const& version);

    // Peers have been asked, or there are none: what they did not hold is lost for good.
    void close_gap();

    // The number of this host's latest write, or its floor.
    [[nodiscard]] std::uint64_t last_sequence() const { return sequence_; }

    // The current entry, tombstones included, or nullptr.
    [[nodiscard]] Entry const* find(std::string_view key) const;
    // The live value, or nullptr.
    [[nodiscard]] base::Bytes const* value(std::string_view key) const;
    // Live entries whose key starts with `prefix`, in key order.
    void each(std::string_view prefix, std::function<void(Entry const&)> const& visit) const;

    // Entries (tombstones included) that `known` does not cover, in (origin, sequence) order, until
    // their encodings exceed `bytes_max`; at least one if there is any. Those beyond a gap of ours
    // come last and without those in `ahead` (sorted). An answer in parts: ask for the next from
    // the `covered` of the last, with what it brought beyond that in `ahead`. Only when it is
    // complete, and all parts are merged, may the receiver raise its version to `covered`: an entry
    // of a later part may have replaced one of an earlier.
    struct Delta {
        std::vector<Entry> entries;
        VersionVector covered;  // at most our version
        bool complete = true;   // false: ask again from `covered`
    };

    [[nodiscard]] Delta delta(VersionVector const& known, std::size_t bytes_max,
                              std::span<Dot const> ahead = {}) const;

    // The dots of current entries that `known` does not cover, the first ahead_max of them, sorted.
    // ahead(version()) is what we hold beyond a gap: the write before it was lost on its way, and
    // if its origin died, no version vector will ever cover it.
    [[nodiscard]] std::vector<Dot> ahead(VersionVector const& known) const;
    // Covered by our version or held as a current entry.
    [[nodiscard]] bool knows(Dot dot) const;
    // Of version() and of which entry is current for each key: maps with the same digest have
    // nothing to tell each other. Versions alone would not do: a host whose disk lost what it had
    // told others numbers its next writes above that, and then nobody seems to lack anything.
    [[nodiscard]] std::uint64_t digest() const;

    [[nodiscard]] VersionVector const& version() const { return version_; }

    // The latest conflicts met by this host since its start, oldest first; none on the keys that
    // have a single writer.
    [[nodiscard]] std::span<Conflict const> conflicts() const { return conflicts_; }

    // Tombstones included.
    [[nodiscard]] std::size_t size() const { return entries_.size(); }

    // Two maps that hold the same entries give the same bytes.
    [[nodiscard]] base::Bytes canonical() const;

private:
    // A current entry; `key` points into entries_. Sorted by dot, then key: after the loss
    // described above two keys can carry the same dot.
    struct Held {
        Dot dot;
        std::string_view key;
        friend auto operator<=>(Held const&, Held const&) = default;
    };

    std::expected<Entry const*, Errc> write(std::string_view key, std::optional<base::Bytes> value);
    Entry const* store(Entry entry);
    void advance(base::NodeId origin);
    bool record(Entry const& winner, Entry const& loser);
    bool holds(Dot dot) const;
    void each_uncovered(VersionVector const& known,
                        std::function<bool(Held const&)> const& visit) const;

    base::NodeId self_;
    std::map<std::string, Entry, std::less<>> entries_;
    std::set<Held> by_dot_;
    VersionVector version_;
    std::uint64_t content_ = 0;   // of the digest
    std::uint64_t sequence_ = 0;  // the highest of our own dots ever seen
    bool gap_open_ = false;       // writes above a floor wait for close_gap()
    std::vector<Conflict> conflicts_;
};

}  // namespace crdt
