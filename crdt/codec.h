#pragma once

#include "base/bytes.h"
#include "crdt/map.h"

namespace crdt {

// The versioned binary form of an entry, on disk and between hosts. A decoder accepts exactly what
// the encoder writes, within key_max and value_max.
[[nodiscard]] base::Bytes encode(Entry const& entry);
void encode(Entry const& entry, base::ByteWriter& out);
[[nodiscard]] std::expected<Entry, Errc> decode_entry(base::ByteReader& in);

void encode(VersionVector const& version, base::ByteWriter& out);
[[nodiscard]] std::expected<VersionVector, Errc> decode_version(base::ByteReader& in);

}  // namespace crdt
