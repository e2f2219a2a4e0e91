#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "crdt/conflicts.h"
#include "crdt/entry.h"

namespace crdt {

// What merge() did.
enum class Merged : std::uint8_t {
    applied,   // the entry is now the current one of its key
    known,     // we hold it already, or one that saw it
    conflict,  // applied or not, it was concurrent with another write: see conflicts()
};

// Who an entry that merge() takes over is from.
enum class From : std::uint8_t {
    anyone,
    past_floor,  // a peer that holds it and whose version reaches_floor()
};

// What every host has seen: nobody needs to be told of it any more.
struct Floor {
    VersionVector version;    // tombstones up to here go
    std::uint64_t counter{};  // the highest of theirs
    // What each host had written when it had seen all up to `version`: a write of it beyond this
    // has seen the tombstones, one up to this may still be on its way and has not.
    VersionVector closed;
    std::vector<base::NodeId> gone;  // sorted: hosts whose own records go as well
    friend bool operator==(Floor const&, Floor const&) = default;
};

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
    [[nodiscard]] std::expected<Merged, Errc> merge(Entry entry, From from = From::anyone);
    // Everything of `origin` up to `sequence` has been merged.
    void raise(base::NodeId origin, std::uint64_t sequence);
    void raise(VersionVector const& version);

    // All that is held now, as a floor to be agreed on.
    [[nodiscard]] Floor floor_here(std::vector<base::NodeId> gone) const;
    // How many entries collect() would take away.
    [[nodiscard]] std::size_t collectable(Floor const& floor) const;
    // Takes away the tombstones up to `floor`, and the records that hosts which are gone wrote of
    // themselves; returns their keys. version() covers floor.version and floor.closed, and every
    // host has covered floor.version. From now on an entry up to floor.closed is merged only if it
    // is the current one: of all others this host has seen what became of them. If it has not,
    // because its disk lost what its version covers, a peer past the floor gives it back: what such
    // a peer still holds was not removed. New keys are stamped above the floor's counter, so that
    // they win where the tombstone is still held.
    std::vector<std::string> collect(Floor const& floor);
    // Whether a host of this version has seen all up to the floors collected here.
    [[nodiscard]] bool reaches_floor(VersionVector const& version) const;

    // How often it has collected since it was made or forgot.
    [[nodiscard]] std::uint64_t collections() const { return collections_; }

    // Back to an empty map whose next writes are numbered above all before; conflicts stay. Returns
    // the keys it held. To be followed by a pull, as at the start of a host that joins.
    std::vector<std::string> forget();

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
    // Of version() and of which live entry is current for each key: maps with the same digest have
    // nothing to tell each other. Tombstones do not count: hosts collect them at their own times.
    // Versions alone would not do: a host whose disk lost what it had
    // told others numbers its next writes above that, and then nobody seems to lack anything.
    [[nodiscard]] std::uint64_t digest() const;

    [[nodiscard]] VersionVector const& version() const { return version_; }

    // What this host has met and nobody has settled; only edits (see is_edit()) conflict. Every
    // conflict in it is one, but a losing write that the winner's side overtook by two or more
    // writes before they met looks like a seen one and is not reported.
    [[nodiscard]] Conflicts const& conflicts() const { return conflicts_; }

    [[nodiscard]] Conflicts& conflicts() { return conflicts_; }

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
    // Takes the entry out of what is kept beside entries_.
    void unlist(Entry const& entry);
    void take_away(std::string const& key);
    // Seen before, and not the current one for a reason that was collected.
    [[nodiscard]] bool overtaken(Entry const& entry, From from) const;
    bool record(Entry const& winner, Entry const& loser);
    bool holds(Dot dot) const;
    [[nodiscard]] std::set<Held> const* held_of(base::NodeId origin) const;
    void each_uncovered(VersionVector const& known,
                        std::function<bool(Held const&)> const& visit) const;

    base::NodeId self_;
    std::map<std::string, Entry, std::less<>> entries_;
    // By origin: what a peer lacks is found by looking at the last of each.
    std::map<base::NodeId, std::set<Held>> by_origin_;
    VersionVector version_;
    Floor floor_;  // all those collected, as one
    std::uint64_t collections_ = 0;
    std::uint64_t content_ = 0;   // of the digest
    std::uint64_t sequence_ = 0;  // the highest of our own dots ever seen
    bool gap_open_ = false;       // writes above a floor wait for close_gap()
    Conflicts conflicts_;
};

}  // namespace crdt
