#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>

#include "base/bytes.h"
#include "net/crypto.h"

namespace net {

// Messages on a stream, cut into frames that are sealed one by one under the session key:
//
//   length u16 | box of { last u8, part of the message } + tag 16      `length` counts the box
//
// The nonce is the frame's number and the length is associated data, so no frame can be changed,
// dropped, repeated or moved without being noticed.
inline constexpr std::size_t frame_header_size = 2;
inline constexpr std::size_t frame_max = 64 * 1024 - 1;  // of the box
inline constexpr std::size_t message_max = (1 << 20) + 4096;

enum class FrameError : std::uint8_t {
    forged,     // the frame was not the next one sealed under this key
    malformed,  // its content is not a frame
    too_large,  // the message exceeds message_max
};

class FrameWriter {
public:
    explicit FrameWriter(Key const& key) : key_(key) {}

    // All frames of a message; message.size() <= message_max.
    [[nodiscard]] base::Bytes seal(base::ByteView message);

private:
    Key key_;
    std::uint64_t next_ = 0;
};

// After an error the stream is unusable.
class FrameReader {
public:
    explicit FrameReader(Key const& key) : key_(key) {}

    // Takes the box of one frame. A message, if this was the last frame of one.
    [[nodiscard]] std::expected<std::optional<base::Bytes>, FrameError> on_frame(
        base::ByteView box);

private:
    Key key_;
    std::uint64_t next_ = 0;
    base::Bytes message_;
};

}  // namespace net
