#include "net/frames.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "net/fleet.h"

namespace net {

namespace {
constexpr std::size_t part_max = frame_max - tag_size - 1;
constexpr std::byte last_frame{1};
constexpr std::byte more_frames{0};

base::Bytes header_of(std::size_t box_size) {
    base::ByteWriter out;
    out.u16(static_cast<std::uint16_t>(box_size));
    return out.take();
}

Nonce nonce_of(std::uint64_t number) {
    base::ByteWriter out;
    out.u64(number);
    Nonce nonce{};
    std::ranges::copy(out.view(), nonce.end() - 8);
    return nonce;
}
}  // namespace

base::Bytes FrameWriter::seal(base::ByteView message) {
    CHECK(message.size() <= message_max);
    base::Bytes frames;
    bool last = false;
    while (!last) {
        base::ByteView const part = message.first(std::min(message.size(), part_max));
        message = message.subspan(part.size());
        last = message.empty();
        base::Bytes plain{last ? last_frame : more_frames};
        plain.insert(plain.end(), part.begin(), part.end());
        base::Bytes const header = header_of(plain.size() + tag_size);
        frames.insert(frames.end(), header.begin(), header.end());
        frames.resize(frames.size() + plain.size() + tag_size);
        seal_box(key_, nonce_of(next_++), header, plain,
                 std::span(frames).last(plain.size() + tag_size));
    }
    return frames;
}

std::expected<std::optional<base::Bytes>, FrameError> FrameReader::on_frame(base::ByteView box) {
    if (box.size() < tag_size + 1 || box.size() > frame_max) {
        return std::unexpected(FrameError::malformed);
    }
    base::Bytes plain(box.size() - tag_size);
    if (!open_box(key_, nonce_of(next_++), header_of(box.size()), box, plain)) {
        return std::unexpected(FrameError::forged);
    }
    base::ByteView const part = base::ByteView(plain).subspan(1);
    if (plain.front() != last_frame && plain.front() != more_frames) {
        return std::unexpected(FrameError::malformed);
    }
    if (message_.size() + part.size() > message_max) {
        return std::unexpected(FrameError::too_large);
    }
    message_.insert(message_.end(), part.begin(), part.end());
    if (plain.front() == more_frames) {
        return std::nullopt;
    }
    return std::exchange(message_, {});
}

}  // namespace net
