#include "base/bytes.h"

#include "base/check.h"

namespace base {

ByteView as_bytes(std::string_view text) {
    return std::as_bytes(std::span(text));
}

std::string_view as_text(ByteView bytes) {
    return {reinterpret_cast<char const*>(bytes.data()), bytes.size()};
}

Bytes to_bytes(std::string_view text) {
    ByteView const view = as_bytes(text);
    return {view.begin(), view.end()};
}

void ByteWriter::u8(std::uint8_t value) {
    buffer_.push_back(std::byte{value});
}

void ByteWriter::u16(std::uint16_t value) {
    u8(static_cast<std::uint8_t>(value >> 8));
    u8(static_cast<std::uint8_t>(value));
}

void ByteWriter::u32(std::uint32_t value) {
    u16(static_cast<std::uint16_t>(value >> 16));
    u16(static_cast<std::uint16_t>(value));
}

void ByteWriter::u64(std::uint64_t value) {
    u32(static_cast<std::uint32_t>(value >> 32));
    u32(static_cast<std::uint32_t>(value));
}

void ByteWriter::varint(std::uint64_t value) {
    while (value >= 0x80) {
        u8(static_cast<std::uint8_t>(value | 0x80));
        value >>= 7;
    }
    u8(static_cast<std::uint8_t>(value));
}

void ByteWriter::raw(ByteView bytes) {
    buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
}

void ByteWriter::sized(ByteView bytes) {
    varint(bytes.size());
    raw(bytes);
}

void ByteWriter::patch_u16(std::size_t at, std::uint16_t value) {
    CHECK(at + 2 <= buffer_.size());
    buffer_[at] = std::byte{static_cast<std::uint8_t>(value >> 8)};
    buffer_[at + 1] = std::byte{static_cast<std::uint8_t>(value)};
}

template <class Unsigned>
Unsigned ByteReader::integer() {
    ByteView const bytes = raw(sizeof(Unsigned));
    Unsigned value = 0;
    for (std::byte const byte : bytes) {
        value = static_cast<Unsigned>((value << 8) | std::to_integer<Unsigned>(byte));
    }
    return value;
}

std::uint8_t ByteReader::u8() {
    ByteView const bytes = raw(1);
    return bytes.empty() ? std::uint8_t{0} : std::to_integer<std::uint8_t>(bytes[0]);
}

std::uint16_t ByteReader::u16() {
    return integer<std::uint16_t>();
}

std::uint32_t ByteReader::u32() {
    return integer<std::uint32_t>();
}

std::uint64_t ByteReader::u64() {
    return integer<std::uint64_t>();
}

std::uint64_t ByteReader::varint() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        std::uint8_t const byte = u8();
        // The tenth byte may carry one bit only.
        if (shift == 63 && byte > 1) {
            failed_ = true;
        }
        value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
        if ((byte & 0x80) == 0) {
            break;
        }
    }
    return failed_ ? 0 : value;
}

ByteView ByteReader::raw(std::size_t size) {
    if (failed_ || size > rest_.size()) {
        failed_ = true;
        return {};
    }
    ByteView const taken = rest_.first(size);
    rest_ = rest_.subspan(size);
    return taken;
}

ByteView ByteReader::sized(std::size_t size_max) {
    std::uint64_t const size = varint();
    if (size > size_max) {
        failed_ = true;
        return {};
    }
    return raw(static_cast<std::size_t>(size));
}

std::string ByteReader::text(std::size_t size_max) {
    return std::string(as_text(sized(size_max)));
}

}  // namespace base
