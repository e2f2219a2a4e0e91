#pragma once

#include <cstdint>
#include <expected>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/random.h"
#include "base/time.h"
#include "crdt/map.h"

namespace crdt {

enum class Channel : std::uint8_t { datagram, stream };

struct Send {
    base::NodeId to;
    Channel channel{};
    base::Bytes bytes;
};

struct SyncEffects {
    std::vector<Send> sends;
    std::vector<std::string> changed;  // keys whose current entry was replaced by a peer's
    bool advanced = false;             // the map's version vector moved
    std::vector<base::NodeId> pulled;  // peers of whom everything they held has been merged
};

struct SyncConfig {
    base::Duration interval = base::seconds(1);  // a digest to one random peer
    std::size_t chunk_bytes = 256 * 1024;        // entries in one stream message, at most 512 KiB
    base::Duration pull_timeout = base::seconds(5);  // without an answer a pull is given up
};

inline constexpr std::size_t message_max = 1 << 20;  // longer ones are neither sent nor accepted
inline constexpr std::size_t pulls_max = 4;  // at a time; further ones are left to a later digest

// Anti-entropy between maps: what gossip lost or a host missed while it was away.
//
//   digest  datagram  sender's Map::digest(), to one random peer each interval. If ours differs:
//   pull. pull    stream    what the sender knows: a version vector, and dots it holds beyond that.
//   answer  stream    one chunk of what the pull lacked; the puller asks for the next one, so that
//   a
//                     slow one is never flooded. It names the pull it answers: any other is
//                     ignored.
//
// When a pull has brought nothing and the digests still differ, the next one to that peer asks for
// everything: see Map::digest(). A peer that has not seen all that was collected here is told that
// first: what it holds may have been removed since.
//
// A pull also shows what its receiver lacks; then the receiver pulls back, so one exchange leaves
// both with everything. The puller's version rises only with the last chunk (see Map::delta); until
// then its place is kept here. An exchange that breaks off is begun again by a later digest.
class Sync {
public:
    Sync(base::NodeId self, SyncConfig config, base::Prng prng);

    // `peers` are the members alive now.
    void on_tick(base::Instant now, std::span<base::NodeId const> peers, Map const& map,
                 SyncEffects& out);
    [[nodiscard]] base::Instant next_deadline() const;

    // Starts a full exchange with one peer at once: a host that joins or returns.
    void pull(base::Instant now, base::NodeId peer, Map const& map, SyncEffects& out);

    // On error the message is dropped and a pull it answered is given up (not for Errc::later);
    // entries merged before a bad one stay merged (and are in `out`).
    [[nodiscard]] std::expected<void, Errc> on_message(base::Instant now, base::NodeId from,
                                                       base::ByteView bytes, Map& map,
                                                       SyncEffects& out);

private:
    struct Pending {
        VersionVector from;          // the peer's entries up to here are merged
        std::set<Dot> beyond;        // and these: beyond a gap of its own, or replaced here already
        std::uint64_t question = 0;  // the pull that was sent last
        // Of a pull of everything: Map::collections() when the peer was past the floor.
        std::optional<std::uint64_t> past_floor = std::nullopt;
        base::Instant deadline{};
    };

    void ask(base::Instant now, base::NodeId peer, Pending place, Map const& map, SyncEffects& out);
    std::expected<void, Errc> take(base::Instant now, base::NodeId from, Map::Delta delta, Map& map,
                                   SyncEffects& out);

    base::NodeId self_;
    SyncConfig config_;
    base::Prng prng_;
    base::Instant next_{};
    std::map<base::NodeId, Pending> pulls_;
    // Peers past the floor whose last answer brought nothing; Map::collections() then.
    std::map<base::NodeId, std::uint64_t> fruitless_;
};

}  // namespace crdt
