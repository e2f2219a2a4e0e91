#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include <rocksdb/write_batch.h>

#include "crdt/store.h"

// What stands in the database, record by record.
namespace crdt::rocks {

// The layout of a database. `format_key` in the default family holds it as decimal text, in every
// format, so that each version can tell which one it meets.
//   2: families: default (format_key, and "v" + NodeId -> sequence for each origin of the version
//      vector), entries (key of the map -> entry), locals (name -> value)
//   1: the default family alone: "e" + key, "l" + name, and "m/version" -> the whole vector
inline constexpr std::uint32_t format = 2;
inline constexpr std::uint32_t oldest_format = 1;
inline constexpr std::string_view format_key = "m/format";

enum class Family : std::uint8_t { meta, entries, locals };

inline constexpr std::array families{Family::meta, Family::entries, Family::locals};

// The name RocksDB knows it by.
[[nodiscard]] std::string_view name_of(Family family);

// Adds a record to `out`; false if it is not one that this format has.
[[nodiscard]] bool read_record(std::uint32_t in_format, Family family, std::string_view key,
                               std::string_view value, Loaded& out);

// The handles of the families, by their number.
using Handles = std::array<rocksdb::ColumnFamilyHandle*, families.size()>;

// What `batch` changes in a database whose version vector is `written`: of the vector only what
// differs, for it has an origin for every host there ever was.
[[nodiscard]] rocksdb::Status add_changes(Batch const& batch, VersionVector const& written,
                                          Handles const& handles, rocksdb::WriteBatch& out);

// All that was loaded, to be written anew.
[[nodiscard]] Batch content_of(Loaded const& loaded);

[[nodiscard]] rocksdb::Slice slice(std::string_view text);

}  // namespace crdt::rocks
