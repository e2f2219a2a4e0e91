#include <cstddef>
#include <cstdint>
#include <span>

#include "base/check.h"
#include "crdt/codec.h"
#include "crdt/conflicts.h"

namespace {

// Whatever a decoder accepts is exactly what the encoder writes for it.
template <class Decode>
void round_trip(base::ByteView bytes, Decode const& decode) {
    base::ByteReader in(bytes);
    auto const decoded = decode(in);
    if (decoded) {
        base::ByteWriter out;
        crdt::encode(*decoded, out);
        base::ByteView const read = bytes.first(bytes.size() - in.remaining());
        CHECK(base::as_text(out.view()) == base::as_text(read));
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    base::ByteView const bytes = std::as_bytes(std::span(data, size));
    round_trip(bytes, crdt::decode_entry);
    round_trip(bytes, crdt::decode_version);
    round_trip(bytes, [](base::ByteReader& in) { return crdt::decode_dots(in, crdt::ahead_max); });
    round_trip(bytes, crdt::decode_floor);
    if (auto const conflict = crdt::decode_conflict(bytes)) {
        CHECK(base::as_text(crdt::encode(*conflict)) == base::as_text(bytes));
    }
    return 0;
}
