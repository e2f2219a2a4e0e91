#include "net/sealing.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace net {

namespace {
constexpr std::size_t header_size = 1 + 4 + std::tuple_size_v<Nonce>;
constexpr std::size_t sender_size = 16 + 8;
static_assert(Sealer::overhead == header_size + sender_size + tag_size);
}  // namespace

bool ReplayWindow::accept(std::uint64_t counter) {
    if (empty_ || counter > newest_) {
        std::uint64_t const steps = empty_ ? width : std::min(counter - newest_, width);
        if (steps == width) {
            seen_.reset();
        } else {
            for (std::uint64_t step = 1; step <= steps; ++step) {
                seen_.reset((newest_ + step) % width);
            }
        }
        empty_ = false;
        newest_ = counter;
        seen_.set(counter % width);
        return true;
    }
    if (newest_ - counter >= width || seen_.test(counter % width)) {
        return false;
    }
    seen_.set(counter % width);
    return true;
}

Sealer::Sealer(KeyRing keys, base::NodeId self, std::uint64_t first_counter)
    : keys_(std::move(keys)), self_(self), counter_(first_counter), plain_(packet_max) {}

base::Bytes Sealer::seal(Purpose purpose, base::ByteView payload) {
    CHECK(payload.size() + overhead <= packet_max);
    FleetKey const& key = keys_.primary();
    auto const nonce = random_bytes<std::tuple_size_v<Nonce>>();
    base::ByteWriter header;
    header.u8(static_cast<std::uint8_t>(purpose));
    header.u32(key.id);
    header.raw(nonce);
    base::ByteWriter plain;
    put_node_id(self_, plain);
    plain.u64(counter_++);
    plain.raw(payload);

    base::Bytes packet = header.take();
    packet.resize(header_size + plain.size() + tag_size);
    std::span<std::byte> const whole(packet);
    seal_box(key.key, nonce, whole.first(header_size), plain.view(), whole.subspan(header_size));
    return packet;
}

std::expected<Sealer::Opened, Drop> Sealer::open(Purpose purpose, base::ByteView packet) {
    auto opened = open_unaccounted(purpose, packet);
    if (!opened) {
        ++drops_[static_cast<std::size_t>(opened.error())];
    }
    return opened;
}

std::expected<Sealer::Opened, Drop> Sealer::open_unaccounted(Purpose purpose,
                                                             base::ByteView packet) {
    if (packet.size() < overhead || packet.size() > packet_max) {
        return std::unexpected(Drop::too_short);
    }
    base::ByteReader in(packet);
    if (in.u8() != static_cast<std::uint8_t>(purpose)) {
        return std::unexpected(Drop::bad_version);
    }
    Key const* const key = keys_.find(in.u32());
    if (key == nullptr) {
        return std::unexpected(Drop::unknown_key);
    }
    Nonce nonce;
    get_bytes(in, nonce);
    base::ByteView const box = in.raw(in.remaining());
    std::span<std::byte> const plain = std::span(plain_).first(box.size() - tag_size);
    if (!open_box(*key, nonce, packet.first(header_size), box, plain)) {
        return std::unexpected(Drop::forged);
    }
    base::ByteReader inside(plain);
    base::NodeId const from = get_node_id(inside);
    std::uint64_t const counter = inside.u64();
    if (from == self_) {
        return std::unexpected(Drop::from_self);
    }
    if (!sender(from).window.accept(counter)) {
        return std::unexpected(Drop::replayed);
    }
    return Opened{.from = from, .payload = inside.raw(inside.remaining())};
}

Sealer::Sender& Sealer::sender(base::NodeId id) {
    if (senders_.size() >= senders_max && !senders_.contains(id)) {
        senders_.erase(std::ranges::min_element(
            senders_, {}, [](auto const& entry) { return entry.second.last_heard; }));
    }
    Sender& found = senders_[id];
    found.last_heard = ++opened_;
    return found;
}

}  // namespace net
