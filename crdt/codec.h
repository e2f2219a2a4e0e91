#pragma once

#include <expected>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "crdt/map.h"

namespace crdt {

// The versioned binary form of an entry, on disk and between hosts. A decoder accepts exactly what
// the encoder writes, within key_max and value_max. Only well_formed() entries can be encoded; a
// map holds no others.
[[nodiscard]] base::Bytes encode(Entry const& entry);
void encode(Entry const& entry, base::ByteWriter& out);
[[nodiscard]] std::size_t encoded_size(Entry const& entry);
[[nodiscard]] std::expected<Entry, Errc> decode_entry(base::ByteReader& in);

void encode(VersionVector const& version, base::ByteWriter& out);
[[nodiscard]] std::expected<VersionVector, Errc> decode_version(base::ByteReader& in);

void encode(Floor const& floor, base::ByteWriter& out);
[[nodiscard]] base::Bytes encode(Floor const& floor);
[[nodiscard]] std::expected<Floor, Errc> decode_floor(base::ByteReader& in);

// Sorted and without repeats.
void encode(std::span<Dot const> dots, base::ByteWriter& out);
[[nodiscard]] std::expected<std::vector<Dot>, Errc> decode_dots(base::ByteReader& in,
                                                                std::size_t count_max);

}  // namespace crdt
