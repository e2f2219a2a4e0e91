#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/bytes.h"
#include "base/time.h"
#include "gossip/keys.h"
#include "gossip/message.h"

namespace gossip {

inline constexpr std::uint64_t wire_version = 2;
// Higher incarnations are malformed: raising one can then never overflow.
inline constexpr std::uint64_t incarnation_max = std::uint64_t{1} << 62;
// A record and an accusation of everyone, and an exchange.
inline constexpr std::size_t messages_max = 2 * members_max + 2;
inline constexpr std::size_t buckets_max = 64;  // of an Exchange
// Of a PingRequest; a longer one is malformed.
inline constexpr base::Duration patience_max = base::seconds(60);
// Of what a member says of itself, with room for what later versions say.
inline constexpr std::size_t record_body_max = 600;
inline constexpr std::size_t padding_min = 8;

// A packet is msgpack: the version, then per message its kind and its body as a bin. The body is a
// run of scalars. A reader skips kinds it does not know, scalars behind those it knows and
// accusations of a kind it does not know; an intent it does not know it takes for what its lowest
// three bits say (for running, if they say nothing known), an exchange of a phase it does not know
// for a `take`. So a later version can add all these while a fleet is being upgraded.
//
// Digests are one bin of 8 bytes each, a coordinate is one bin of its 11 floats (IEEE 754 binary32:
// the dimensions, height, error, adjustment), both most significant byte first. An Ack whose
// coordinate is none that this version takes is an Ack without one: where a host is matters less
// than that it is there. The body of a Padding is zeros, and is not looked at.

// Fills in the key, and what was signed: "covey record 2" and the body, which is the scalars id,
// key, incarnation, intent, address, name, meta. `keys` are those of the member; the fields are
// within their bounds.
[[nodiscard]] Record make_record(Record fields, Keys const& keys);

// Whether a record from decode() or make_record() was signed by the member that it is about.
[[nodiscard]] bool verify(Record const& record, Keys const& keys);

// One message as it stands in a packet. A duration beyond its bounds is brought within them.
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
