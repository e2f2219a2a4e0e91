#pragma once

#include <cstdint>
#include <expected>
#include <vector>

#include "base/bytes.h"
#include "crdt/entry.h"

namespace crdt {

// Two writes of one key with different values, neither of which saw the other: the winner stands,
// the loser is kept here until somebody decides.
struct Conflict {
    Entry winner;
    Entry loser;
    friend bool operator==(Conflict const&, Conflict const&) = default;
};

// Of the losing write: the same on every host that met it.
[[nodiscard]] std::uint64_t id_of(Conflict const& conflict);

[[nodiscard]] base::Bytes encode(Conflict const& conflict);
// Accepts exactly what encode() writes.
[[nodiscard]] std::expected<Conflict, Errc> decode_conflict(base::ByteView bytes);

// What is beyond either bound drops the oldest; the newest always stays.
inline constexpr std::size_t conflicts_max = 256;
inline constexpr std::size_t conflict_bytes_max = 2 * 1024 * 1024;  // of keys and values

// The conflicts that this host has met and nobody has settled, oldest first.
class Conflicts {
public:
    // False if the losing write is among them already.
    bool add(Conflict conflict);
    // Nothing if there is none of this id.
    [[nodiscard]] Conflict const* find(std::uint64_t id) const;
    // False if there is none of this id.
    bool settle(std::uint64_t id);
    // `entry` is now the current one of its key: what holds the same value as a loser of that key
    // settles its conflict, for then nothing is lost.
    void on_write(Entry const& entry);

    [[nodiscard]] std::vector<Conflict> const& all() const { return conflicts_; }

    // Rises with every conflict that is added or goes.
    [[nodiscard]] std::uint64_t changes() const { return changes_; }

private:
    void drop(std::vector<Conflict>::iterator at);

    std::vector<Conflict> conflicts_;
    std::size_t bytes_ = 0;
    std::uint64_t changes_ = 0;
};

}  // namespace crdt
