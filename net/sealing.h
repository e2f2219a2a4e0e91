#pragma once

#include <array>
#include <bitset>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <unordered_map>

#include "base/bytes.h"
#include "base/ids.h"
#include "net/crypto.h"
#include "net/fleet.h"

namespace net {

// What a sealed packet is for; its first byte, which also holds the format version. A packet made
// for one purpose does not open for another.
enum class Purpose : std::uint8_t {
    datagram = 0xc1,
    hello = 0xc2,  // the first message of a stream, see handshake.h
    reply = 0xc3,  // the answer to it
};

// Why a packet was not opened. Nothing but a counter changes.
enum class Drop : std::uint8_t {
    too_short,    // or longer than packet_max
    bad_version,  // not a packet of this version and purpose
    unknown_key,  // sealed under a key that is not in our ring
    forged,       // not sealed by a holder of the key, or changed on its way
    replayed,     // seen before, or too old to tell
    from_self,    // our own identity sealed it
};
inline constexpr std::size_t drop_kinds = 6;

// Which counters of one sender were seen: the newest and the 1024 below it (RFC 4303, 3.4.3).
class ReplayWindow {
public:
    // True once for each counter that is not too old.
    bool accept(std::uint64_t counter);

private:
    static constexpr std::uint64_t width = 1024;
    std::bitset<width> seen_;
    std::uint64_t newest_ = 0;
    bool empty_ = true;
};

// Seals what this host sends and opens what others sealed, under the fleet's shared keys:
//
//   purpose u8 | key id u32 | nonce 24 | box of { sender 16, counter u64, payload } + tag 16
//
// The bytes before the box are its associated data. A holder of the fleet key can name any sender
// here; streams add a signature where that matters.
//
// After a restart the windows are empty: packets recorded before it open once more.
class Sealer {
public:
    static constexpr std::size_t overhead = 1 + 4 + 24 + 16 + 8 + tag_size;
    static constexpr std::size_t packet_max = 64 * 1024;
    static constexpr std::size_t senders_max = 4096;  // the one unheard the longest is forgotten

    struct Opened {
        base::NodeId from;
        base::ByteView payload;  // valid until the next open()
    };

    // `first_counter`: see first_counter() in identity.h.
    Sealer(KeyRing keys, base::NodeId self, std::uint64_t first_counter);

    // payload.size() + overhead <= packet_max.
    [[nodiscard]] base::Bytes seal(Purpose purpose, base::ByteView payload);
    [[nodiscard]] std::expected<Opened, Drop> open(Purpose purpose, base::ByteView packet);

    [[nodiscard]] KeyRing const& keys() const { return keys_; }

    // By Drop.
    [[nodiscard]] std::array<std::uint64_t, drop_kinds> const& drops() const { return drops_; }

private:
    struct Sender {
        ReplayWindow window;
        std::uint64_t last_heard{};
    };

    std::expected<Opened, Drop> open_unaccounted(Purpose purpose, base::ByteView packet);
    Sender& sender(base::NodeId id);

    KeyRing keys_;
    base::NodeId self_;
    std::uint64_t counter_;
    std::uint64_t opened_ = 0;
    std::unordered_map<base::NodeId, Sender, base::NodeIdHash> senders_;
    base::Bytes plain_;
    std::array<std::uint64_t, drop_kinds> drops_{};
};

}  // namespace net
