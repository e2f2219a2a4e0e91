#pragma once

#include <cstdint>
#include <expected>
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
};

struct SyncConfig {
    base::Duration interval = base::seconds(1);  // a digest to one random peer
    std::size_t chunk_bytes = 256 * 1024;        // entries in one stream message
    base::Duration pull_timeout = base::seconds(5);
};

// Anti-entropy between maps: what gossip lost or a host missed while it was away. A digest of the
// version vector goes to a random peer as one datagram; only if the peers differ do they exchange
// vectors and, chunk by chunk (the receiver asks for each, so a slow one is never flooded), the
// entries that the other lacks.
class Sync {
public:
    Sync(base::NodeId self, SyncConfig config, base::Prng prng);

    // `peers` are the members alive now.
    void on_tick(base::Instant now, std::span<base::NodeId const> peers, Map const& map,
                 SyncEffects& out);
    [[nodiscard]] base::Instant next_deadline() const;

    // Starts a full exchange with one peer at once: a host that joins or returns.
    void pull(base::Instant now, base::NodeId peer, Map const& map, SyncEffects& out);

    // On error the message is dropped; entries merged before a bad one stay merged.
    [[nodiscard]] std::expected<void, Errc> on_message(base::Instant now, base::NodeId from,
                                                       base::ByteView bytes, Map& map,
                                                       SyncEffects& out);

private:
    base::NodeId self_;
    SyncConfig config_;
    base::Prng prng_;
    base::Instant next_{};
};

}  // namespace crdt
