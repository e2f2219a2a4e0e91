#pragma once

#include <compare>
#include <cstdint>
#include <expected>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"

namespace crdt {

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

// Per origin, the sequence up to which every write is known here or was replaced by one that is.
class VersionVector {
public:
    [[nodiscard]] std::uint64_t of(base::NodeId origin) const;

    [[nodiscard]] bool covers(Dot dot) const { return dot.sequence <= of(dot.origin); }

    // Raises one origin; lowering is ignored.
    void raise(base::NodeId origin, std::uint64_t sequence);

    [[nodiscard]] std::map<base::NodeId, std::uint64_t> const& origins() const { return origins_; }

    // The same vector gives the same digest everywhere.
    [[nodiscard]] std::uint64_t digest() const;
    friend bool operator==(VersionVector const&, VersionVector const&) = default;

private:
    std::map<base::NodeId, std::uint64_t> origins_;
};

inline constexpr std::size_t key_max = 512;
inline constexpr std::size_t value_max = 256 * 1024;
inline constexpr std::size_t entries_max = 200'000;

enum class Errc : std::uint8_t {
    key_too_long,    // state unchanged
    value_too_long,  // state unchanged
    full,            // entries_max reached; state unchanged
    not_the_writer,  // a single-writer key written by another host; state unchanged
    malformed,       // not an encoding of this version; state unchanged
};

// What merge() did.
enum class Merged : std::uint8_t {
    applied,   // the entry is now the current one of its key
    known,     // we hold it already, or one that saw it
    conflict,  // applied or not, it was concurrent with another write: see conflicts()
};

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
class Map {
public:
    explicit Map(base::NodeId self);

    // Writes locally under the next dot of this host. Returns the entry to persist and to spread;
    // it lives until the next change of its key.
    [[nodiscard]] std::expected<Entry const*, Errc> put(std::string_view key, base::Bytes value);
    // As put(), with a tombstone. Erasing what is absent or erased gives nullptr and changes
    // nothing.
    [[nodiscard]] std::expected<Entry const*, Errc> erase(std::string_view key);

    // Takes over an entry of another host (or of the disk, at start).
    [[nodiscard]] std::expected<Merged, Errc> merge(Entry entry);

    // Everything of `origin` up to `sequence` has been merged.
    void raise(base::NodeId origin, std::uint64_t sequence) { version_.raise(origin, sequence); }

    // The current entry, tombstones included, or nullptr.
    [[nodiscard]] Entry const* find(std::string_view key) const;
    // The live value, or nullptr.
    [[nodiscard]] base::Bytes const* value(std::string_view key) const;
    // Live entries whose key starts with `prefix`, in key order.
    void each(std::string_view prefix, std::function<void(Entry const&)> const& visit) const;

    // Entries (tombstones included) that `known` does not cover, in (origin, sequence) order, until
    // their encodings exceed `bytes_max`; at least one if there is any. `covered` says up to where
    // the answer is complete: the receiver raises its vector to it after merging all.
    struct Delta {
        std::vector<Entry> entries;
        VersionVector covered;
        bool complete = true;  // false: ask again from `covered`
    };

    [[nodiscard]] Delta delta(VersionVector const& known, std::size_t bytes_max) const;

    [[nodiscard]] VersionVector const& version() const { return version_; }

    [[nodiscard]] std::span<Conflict const> conflicts() const { return conflicts_; }

    [[nodiscard]] std::size_t size() const { return entries_.size(); }

    // Two maps that hold the same entries give the same bytes.
    [[nodiscard]] base::Bytes canonical() const;

private:
    std::expected<Entry const*, Errc> write(std::string_view key, std::optional<base::Bytes> value);
    Entry const* store(Entry entry);

    base::NodeId self_;
    std::map<std::string, Entry, std::less<>> entries_;
    std::map<Dot, std::string const*> by_dot_;  // the live dots only
    VersionVector version_;
    std::vector<Conflict> conflicts_;
};

}  // namespace crdt
