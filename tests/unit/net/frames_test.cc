#include "net/frames.h"

#include <algorithm>
#include <optional>
#include <vector>

#include <catch2/catch.hpp>

#include "tests/unit/net/support.h"

namespace {
// Feeds whole frames; the messages, or nothing after an error.
std::optional<std::vector<base::Bytes>> read_all(net::FrameReader& reader, base::ByteView bytes) {
    std::vector<base::Bytes> messages;
    base::ByteReader in(bytes);
    while (!in.at_end()) {
        std::size_t const size = in.u16();
        auto message = reader.on_frame(in.raw(size));
        if (in.failed() || !message) {
            return std::nullopt;
        }
        if (*message) {
            messages.push_back(std::move(**message));
        }
    }
    return messages;
}
}  // namespace

TEST_CASE("messages of every size class arrive whole and in order") {
    net::Key const key = net::random_key();
    net::FrameWriter writer(key);
    net::FrameReader reader(key);
    for (std::size_t const size :
         {std::size_t{0}, std::size_t{1}, std::size_t{65'517}, std::size_t{65'518},
          std::size_t{65'519}, std::size_t{131'036}, std::size_t{300'000}, net::message_max}) {
        INFO(size);
        base::Bytes message(size);
        for (std::size_t i = 0; i < size; ++i) {
            message[i] = static_cast<std::byte>(i * 31 >> 3);
        }
        auto const messages = read_all(reader, writer.seal(message));
        REQUIRE(messages);
        REQUIRE(messages->size() == 1);
        CHECK(messages->front() == message);
    }
}

TEST_CASE("a frame changed, repeated, dropped or from another stream ends the stream") {
    net::Key const key = net::random_key();
    net::FrameWriter writer(key);
    base::Bytes const first = writer.seal(support::text("first"));
    base::Bytes const second = writer.seal(support::text("second"));
    net::FrameReader reader(key);
    SECTION("changed") {
        for (std::size_t at = net::frame_header_size; at < first.size(); ++at) {
            net::FrameReader fresh(key);
            base::Bytes changed = first;
            changed[at] ^= std::byte{0x10};
            CHECK_FALSE(read_all(fresh, changed));
        }
    }
    SECTION("repeated") {
        REQUIRE(read_all(reader, first));
        CHECK_FALSE(read_all(reader, first));
    }
    SECTION("dropped") {
        CHECK_FALSE(read_all(reader, second));
    }
    SECTION("another key") {
        net::FrameReader stranger(net::random_key());
        CHECK_FALSE(read_all(stranger, first));
    }
    SECTION("cut short with a matching length") {
        base::ByteView const box = base::ByteView(first).subspan(net::frame_header_size);
        for (std::size_t size = 0; size < box.size(); ++size) {
            net::FrameReader fresh(key);
            CHECK_FALSE(fresh.on_frame(box.first(size)));
        }
    }
}

TEST_CASE("a peer cannot make a message grow beyond its bound") {
    net::Key const key = net::random_key();
    net::FrameReader reader(key);
    base::Bytes const plain(net::frame_max - net::tag_size, std::byte{0});  // "more follows"
    std::uint64_t accepted = 0;
    for (std::uint64_t number = 0; number < 100; ++number) {
        base::ByteWriter header;
        header.u16(static_cast<std::uint16_t>(net::frame_max));
        base::ByteWriter counter;
        counter.u64(number);
        net::Nonce nonce{};
        std::ranges::copy(counter.view(), nonce.end() - 8);
        base::Bytes box(net::frame_max);
        net::seal_box(key, nonce, header.view(), plain, box);
        auto const taken = reader.on_frame(box);
        if (!taken) {
            CHECK(taken.error() == net::FrameError::too_large);
            break;
        }
        ++accepted;
    }
    CHECK(accepted * plain.size() <= net::message_max + plain.size());
    CHECK(accepted == 16);
}
