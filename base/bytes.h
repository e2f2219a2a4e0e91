#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace base {

using Bytes = std::vector<std::byte>;
using ByteView = std::span<std::byte const>;

[[nodiscard]] ByteView as_bytes(std::string_view text);
[[nodiscard]] std::string_view as_text(ByteView bytes);
[[nodiscard]] Bytes to_bytes(std::string_view text);

// Appends big-endian integers and length-prefixed strings to a buffer that it owns.
class ByteWriter {
public:
    void u8(std::uint8_t value);
    void u16(std::uint16_t value);
    void u32(std::uint32_t value);
    void u64(std::uint64_t value);
    // Unsigned LEB128: 7 bits a byte, least significant first.
    void varint(std::uint64_t value);
    void raw(ByteView bytes);
    // varint length, then the bytes.
    void sized(ByteView bytes);

    void sized(std::string_view text) { sized(as_bytes(text)); }

    [[nodiscard]] std::size_t size() const { return buffer_.size(); }

    [[nodiscard]] ByteView view() const { return buffer_; }

    [[nodiscard]] Bytes take() { return std::move(buffer_); }

    // Overwrites two bytes written before; `at` + 2 <= size().
    void patch_u16(std::size_t at, std::uint16_t value);

private:
    Bytes buffer_;
};

// Reads what ByteWriter wrote, from bytes that nobody vouches for. The first read past the end, or
// any over-long field, makes failed() true and every later read return zero or empty: check
// failed() once at the end. Views it returns point into the given bytes.
class ByteReader {
public:
    explicit ByteReader(ByteView bytes) : rest_(bytes) {}

    std::uint8_t u8();
    std::uint16_t u16();
    std::uint32_t u32();
    std::uint64_t u64();
    std::uint64_t varint();
    ByteView raw(std::size_t size);
    // A varint length of at most `size_max`, then that many bytes.
    ByteView sized(std::size_t size_max);
    std::string text(std::size_t size_max);

    [[nodiscard]] bool failed() const { return failed_; }

    [[nodiscard]] bool at_end() const { return rest_.empty(); }

    [[nodiscard]] std::size_t remaining() const { return rest_.size(); }

    // Nothing failed and nothing is left over.
    [[nodiscard]] bool complete() const { return !failed_ && rest_.empty(); }

private:
    template <class Unsigned>
    Unsigned integer();

    ByteView rest_;
    bool failed_ = false;
};

}  // namespace base
