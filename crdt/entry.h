#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
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

    // Sorted, each once.
    [[nodiscard]] std::vector<std::pair<base::NodeId, std::uint64_t>> const& origins() const {
        return origins_;
    }

    // The same vector gives the same digest everywhere.
    [[nodiscard]] std::uint64_t digest() const;
    friend bool operator==(VersionVector const&, VersionVector const&) = default;

private:
    // Flat: each exchange between two hosts writes, reads and copies several of as many origins as
    // the fleet has hosts.
    std::vector<std::pair<base::NodeId, std::uint64_t>> origins_;
};

enum class Errc : std::uint8_t {
    key_too_long,    // state unchanged
    value_too_long,  // state unchanged
    full,            // entries_max or counter_max reached; state unchanged
    not_the_writer,  // a single-writer key written by another host; state unchanged
    malformed,       // not an encoding of this version; state unchanged
    later,           // of a kind that only a later version knows; state unchanged
};

// The key names its only writer: "node/ID/facts", "node/ID/seen" and "instance/ID/...". Such
// entries of any other origin are refused.
[[nodiscard]] std::optional<base::NodeId> single_writer(std::string_view key);

// A person's edit, not what hosts note for each other: addresses claimed, uses of a token, what
// runs where. Edits are what must not be lost, and what people are shown when they conflict.
[[nodiscard]] bool is_edit(std::string_view key);

}  // namespace crdt
