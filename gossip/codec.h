#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/bytes.h"
#include "gossip/message.h"

namespace gossip {

inline constexpr std::uint64_t wire_version = 1;
// Higher incarnations are malformed: raising one can then never overflow.
inline constexpr std::uint64_t incarnation_max = std::uint64_t{1} << 62;
// An exchange and a record of everyone.
inline constexpr std::size_t messages_max = members_max + 1;

// A packet is msgpack: the version, then per message its kind and its body as a bin. The body is a
// run of scalars. A reader skips kinds it does not know and scalars behind those it knows, so that
// a later version can add both while a fleet is being upgraded.

// One message as it stands in a packet.
[[nodiscard]] base::Bytes encode(Message const& message);

// Packs encoded messages into one packet of at most `size_max` bytes.
class PacketWriter {
public:
    explicit PacketWriter(std::size_t size_max);

    // False, and nothing added, if it does not fit.
    bool add(base::ByteView message);

    [[nodiscard]] std::size_t room() const { return size_max_ - bytes_.size(); }

    [[nodiscard]] bool empty() const { return count_ == 0; }

    [[nodiscard]] base::Bytes take() { return std::move(bytes_); }

private:
    std::size_t size_max_;
    std::size_t count_ = 0;
    base::Bytes bytes_;
};

// The messages of a packet in their order, or nothing if any of it is malformed or over a bound.
[[nodiscard]] std::optional<std::vector<Message>> decode(base::ByteView packet);

}  // namespace gossip
