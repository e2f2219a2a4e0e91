#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/address.h"
#include "base/bytes.h"
#include "base/ids.h"
#include "base/time.h"
#include "gossip/coordinate.h"
#include "gossip/gossip.h"

namespace gossip {

// What hosts say to each other. A packet is a sequence of these; what is news travels behind a
// probe or its answer whenever there is room (SWIM, section 4.1).

// "Are you there?" Answered with an Ack of the same sequence to where it came from, on the same
// channel. Sequences are random: an answer proves that the ping arrived.
struct Ping {
    std::uint64_t sequence{};
};

// "Ping `target` for me": what a member asks others when its own ping went unanswered. Answered
// with the target's Ack, or with a Nack when the target has been silent for `patience`.
struct PingRequest {
    std::uint64_t sequence{};
    base::NodeId target;
    base::SocketAddress address;
    base::Duration patience{};  // whole milliseconds on the wire, at most patience_max
};

// `subject` answered: the sender itself, with its coordinate, or the target of a PingRequest.
struct Ack {
    std::uint64_t sequence{};
    base::NodeId subject;
    std::optional<Coordinate> coordinate;
};

// "I tried, and heard nothing": the asker is heard, the target is not (Lifeguard, section IV-A).
struct Nack {
    std::uint64_t sequence{};
};

// What a member says about what it is up to.
enum class Intent : std::uint8_t { running, unsteady, restarting, leaving, left };

// What a member says of itself, signed by it. `body` is what was signed, kept byte for byte so
// that it can be passed on; the other fields are what it says.
struct Record {
    base::NodeId id;
    PublicKey key{};
    std::uint64_t incarnation{};
    Intent intent{};
    base::SocketAddress address;
    std::string name;
    base::Bytes meta;
    base::Bytes body;
    Signature signature{};
};

// What a member says of another: not signed, and never more than a reason to suspect it.
struct Accusation {
    enum class Kind : std::uint8_t {
        suspect,  // did not answer `accuser`
        refused,  // its host answered that nobody listens
        down,     // `accuser` has given it up
    };

    Kind kind{};
    base::NodeId member;
    std::uint64_t incarnation{};  // it dies with this incarnation
    base::NodeId accuser;
};

// Opens a stream message that compares views; records and accusations of kind `down` by the sender
// follow, the sender's own record always.
struct Exchange {
    enum class Phase : std::uint8_t {
        compare,  // `digests` of the sender's view; answered with `give` for the buckets that
                  // differ
        give,     // the sender's records of the buckets in `buckets`; answered with `take`
        take,     // likewise; not answered
    };

    Phase phase{};
    std::vector<std::uint64_t> digests;  // compare: one a bucket, 1 to buckets_max
    std::uint8_t bucket_count{};         // give, take: how many buckets there are
    std::uint64_t buckets{};             // give, take: which of them these records are, a bit each
};

// A payload of the layer above.
struct Broadcast {
    base::Bytes bytes;
};

// Fills a ping up to the size that is being tried (path_mtu.h).
struct Padding {
    std::size_t size{};  // of the whole message as encoded, at least padding_min
};

using Message =
    std::variant<Ping, PingRequest, Ack, Nack, Record, Accusation, Exchange, Broadcast, Padding>;

}  // namespace gossip
