#pragma once

#include <cstdint>
#include <expected>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "crdt/map.h"

namespace crdt {

// What Sync says to a peer; the protocol is described there.
struct Digest {
    std::uint64_t value{};
};

struct Pull {
    VersionVector from;
    std::vector<Dot> ahead;  // sorted, at most ahead_max
};

struct Answer {
    std::uint64_t question{};  // question_of() the pull
    Map::Delta delta;
};

using Message = std::variant<Digest, Pull, Answer>;

[[nodiscard]] base::Bytes encode(Message const& message);
// Accepts exactly what encode() writes, up to message_max. Errc::later: a message of this protocol,
// but of a kind that a later version has added to it.
[[nodiscard]] std::expected<Message, Errc> decode_message(base::ByteView bytes);

// Equal pulls are one question: an answer to either answers both.
[[nodiscard]] std::uint64_t question_of(Pull const& pull);

}  // namespace crdt
