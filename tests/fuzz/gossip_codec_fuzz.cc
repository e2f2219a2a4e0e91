// Whatever decode() accepts, encode() must write so that decode() reads the same again.
#include <cstddef>
#include <cstdint>
#include <span>

#include "base/check.h"
#include "gossip/codec.h"

namespace {

base::Bytes pack(std::span<gossip::Message const> messages, std::size_t size_max) {
    gossip::PacketWriter writer(size_max);
    for (gossip::Message const& message : messages) {
        CHECK(writer.add(gossip::encode(message)));
    }
    return writer.take();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    auto const messages = gossip::decode(std::as_bytes(std::span(data, size)));
    if (!messages) {
        return 0;
    }
    CHECK(messages->size() <= gossip::messages_max);
    // msgpack has longer forms of short things, so ours may be shorter but never longer.
    base::Bytes const first = pack(*messages, size);
    auto const again = gossip::decode(first);
    CHECK(again.has_value());
    CHECK(again->size() == messages->size());
    CHECK(pack(*again, size) == first);
    return 0;
}
