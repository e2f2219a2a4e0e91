#include "crdt/codec.h"

#include <utility>

#include "base/check.h"
#include "base/result.h"

namespace crdt {
namespace {

constexpr std::uint8_t format = 1;
constexpr std::uint8_t tombstone = 0;
constexpr std::uint8_t live = 1;

void put_node(base::ByteWriter& out, base::NodeId const& id) {
    out.raw(std::as_bytes(std::span(id.bytes)));
}

base::NodeId get_node(base::ByteReader& in) {
    base::NodeId id;
    for (std::uint8_t& byte : id.bytes) {
        byte = in.u8();
    }
    return id;
}

std::size_t varint_size(std::uint64_t value) {
    std::size_t size = 1;
    for (; value >= 0x80; value >>= 7) {
        ++size;
    }
    return size;
}

// ByteReader also takes numbers padded with zero groups, which the encoder never writes.
std::optional<std::uint64_t> get_number(base::ByteReader& in, std::uint64_t min,
                                        std::uint64_t max) {
    std::size_t const before = in.remaining();
    std::uint64_t const value = in.varint();
    if (in.failed() || before - in.remaining() != varint_size(value) || value < min ||
        value > max) {
        return std::nullopt;
    }
    return value;
}

std::optional<base::ByteView> get_sized(base::ByteReader& in, std::size_t max) {
    auto const size = get_number(in, 0, max);
    if (!size) {
        return std::nullopt;
    }
    base::ByteView const bytes = in.raw(static_cast<std::size_t>(*size));
    return in.failed() ? std::nullopt : std::optional(bytes);
}

bool get_value(base::ByteReader& in, std::optional<base::Bytes>& out) {
    std::uint8_t const kind = in.u8();
    if (in.failed() || kind > live) {
        return false;
    }
    if (kind == tombstone) {
        return true;
    }
    auto const bytes = get_sized(in, value_max);
    if (bytes) {
        out.emplace(bytes->begin(), bytes->end());
    }
    return bytes.has_value();
}

}  // namespace

// The writer of an entry is the origin of its dot and a counter follows the one it replaced: both
// are written once.
void encode(Entry const& entry, base::ByteWriter& out) {
    CHECK(well_formed(entry));
    out.u8(format);
    out.sized(entry.key);
    out.u8(entry.value ? live : tombstone);
    if (entry.value) {
        out.sized(*entry.value);
    }
    out.varint(entry.stamp.counter);
    put_node(out, entry.stamp.writer);
    if (entry.replaced.counter > 0) {
        put_node(out, entry.replaced.writer);
    }
    out.varint(entry.dot.sequence);
}

base::Bytes encode(Entry const& entry) {
    base::ByteWriter out;
    encode(entry, out);
    return out.take();
}

std::size_t encoded_size(Entry const& entry) {
    std::size_t const node = sizeof entry.stamp.writer.bytes;
    std::size_t size = 2 + varint_size(entry.key.size()) + entry.key.size();
    if (entry.value) {
        size += varint_size(entry.value->size()) + entry.value->size();
    }
    size += varint_size(entry.stamp.counter) + node;
    size += entry.replaced.counter > 0 ? node : 0;
    return size + varint_size(entry.dot.sequence);
}

std::expected<Entry, Errc> decode_entry(base::ByteReader& in) {
    auto const malformed = std::unexpected(Errc::malformed);
    if (in.u8() != format) {
        return malformed;
    }
    Entry entry;
    auto const key = get_sized(in, key_max);
    if (!key || !get_value(in, entry.value)) {
        return malformed;
    }
    entry.key = base::as_text(*key);
    auto const counter = get_number(in, 1, counter_max);
    if (!counter) {
        return malformed;
    }
    base::NodeId const writer = get_node(in);
    entry.stamp = {.counter = *counter, .writer = writer};
    entry.replaced.counter = *counter - 1;
    if (entry.replaced.counter > 0) {
        entry.replaced.writer = get_node(in);
    }
    auto const sequence = get_number(in, 1, counter_max);
    if (!sequence) {
        return malformed;
    }
    entry.dot = {.origin = writer, .sequence = *sequence};
    return entry;
}

void encode(VersionVector const& version, base::ByteWriter& out) {
    out.u8(format);
    out.varint(version.origins().size());
    for (auto const& [origin, sequence] : version.origins()) {
        put_node(out, origin);
        out.varint(sequence);
    }
}

std::expected<VersionVector, Errc> decode_version(base::ByteReader& in) {
    auto const malformed = std::unexpected(Errc::malformed);
    if (in.u8() != format) {
        return malformed;
    }
    auto const dots = decode_dots(in, origins_max);
    if (!dots) {
        return malformed;
    }
    VersionVector version;
    for (Dot const& dot : *dots) {
        if (version.of(dot.origin) != 0) {
            return malformed;
        }
        version.raise(dot.origin, dot.sequence);
    }
    return version;
}

void encode(Floor const& floor, base::ByteWriter& out) {
    out.u8(format);
    encode(floor.version, out);
    out.varint(floor.counter);
    encode(floor.closed, out);
    out.varint(floor.gone.size());
    for (base::NodeId const& id : floor.gone) {
        put_node(out, id);
    }
}

base::Bytes encode(Floor const& floor) {
    base::ByteWriter out;
    encode(floor, out);
    return out.take();
}

std::expected<Floor, Errc> decode_floor(base::ByteReader& in) {
    auto const malformed = std::unexpected(Errc::malformed);
    if (in.u8() != format) {
        return malformed;
    }
    Floor floor;
    floor.version = TRY(decode_version(in));
    auto const counter = get_number(in, 0, counter_max);
    floor.closed = TRY(decode_version(in));
    auto const gone = get_number(in, 0, origins_max);
    if (!counter || !gone) {
        return malformed;
    }
    floor.counter = *counter;
    for (std::uint64_t at = 0; at < *gone && !in.failed(); ++at) {
        base::NodeId const id = get_node(in);
        if (!floor.gone.empty() && !(floor.gone.back() < id)) {
            return malformed;
        }
        floor.gone.push_back(id);
    }
    return in.failed() ? std::expected<Floor, Errc>(malformed) : floor;
}

void encode(std::span<Dot const> dots, base::ByteWriter& out) {
    out.varint(dots.size());
    for (Dot const& dot : dots) {
        put_node(out, dot.origin);
        out.varint(dot.sequence);
    }
}

std::expected<std::vector<Dot>, Errc> decode_dots(base::ByteReader& in, std::size_t count_max) {
    auto const malformed = std::unexpected(Errc::malformed);
    auto const count = get_number(in, 0, count_max);
    if (!count) {
        return malformed;
    }
    std::vector<Dot> dots;
    for (std::uint64_t i = 0; i < *count; ++i) {
        base::NodeId const origin = get_node(in);
        auto const sequence = get_number(in, 1, counter_max);
        if (!sequence) {
            return malformed;
        }
        Dot const dot{.origin = origin, .sequence = *sequence};
        if (!dots.empty() && !(dots.back() < dot)) {
            return malformed;
        }
        dots.push_back(dot);
    }
    return dots;
}

}  // namespace crdt
