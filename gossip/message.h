#pragma once

#include <cstdint>
#include <variant>

#include "base/address.h"
#include "base/bytes.h"
#include "base/ids.h"
#include "gossip/gossip.h"

namespace gossip {

// What hosts say to each other. A packet is a sequence of these; what is news travels behind a
// probe or its answer whenever there is room (SWIM, section 4.1).

// "Are you there?" Answered with an Ack of the same sequence to where it came from.
struct Ping {
    std::uint64_t sequence{};
};

// "Ping `target` for me": what a member asks others when its own ping went unanswered.
struct PingRequest {
    std::uint64_t sequence{};
    base::NodeId target;
    base::SocketAddress address;
};

// `subject` answered: the sender itself, or the target of a PingRequest.
struct Ack {
    std::uint64_t sequence{};
    base::NodeId subject;
};

// Opens a stream message; the records that follow are the sender's view. One that wants a reply is
// answered with the receiver's view.
enum class Exchange : std::uint8_t { request, reply };

// A payload of the layer above.
struct Broadcast {
    base::Bytes bytes;
};

// A Member as a message claims `state` for that incarnation; `since` is not sent.
using Message = std::variant<Ping, PingRequest, Ack, Exchange, Member, Broadcast>;

}  // namespace gossip
