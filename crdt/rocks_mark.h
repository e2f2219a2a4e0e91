#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "base/descriptor.h"
#include "base/result.h"

namespace crdt::rocks {

// How far a database was on the disk for certain.
struct Position {
    std::uint64_t write{};          // of RocksDB's write sequence
    std::uint64_t manifest{};       // the number of its MANIFEST,
    std::uint64_t manifest_size{};  // and the length of that
    friend bool operator==(Position const&, Position const&) = default;
};

// The file SYNCED beside the files of RocksDB: the position after the last sync. RocksDB takes a
// log or a MANIFEST that is cut off for one that was not finished, and goes on with less; a
// database that is behind its mark has lost data, and is not opened.
//
// 40 bytes: "COVEYSYN", the position and a checksum, big-endian. They lie in one sector and are
// overwritten in place after the sync they tell of, without a sync of their own: the mark may be
// behind the disk, never ahead of it.
class Mark {
public:
    // A new file with the position 0, on the disk when it returns.
    [[nodiscard]] static base::Result<Mark> create(std::string const& directory);
    // The error says whether it is missing or damaged.
    [[nodiscard]] static base::Result<Mark> open(std::string const& directory);

    [[nodiscard]] Position const& position() const { return position_; }

    // A failure is ignored: a lower mark vouches for less.
    void raise(Position const& position);
    void sync() const;

private:
    Mark(base::Descriptor file, Position const& position)
        : file_(std::move(file)), position_(position) {}

    base::Descriptor file_;
    Position position_;
};

// What was renamed or made in a directory stays there after a power cut.
[[nodiscard]] base::Result<void> sync_directory(std::string const& directory);

}  // namespace crdt::rocks
