#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "base/time.h"

namespace gossip {

// How quick and how patient the protocol is. Time-outs follow the round trip measured to each
// peer; these are the bounds within which they do. Members of one fleet may use different ones.
// check() says within which limits each must be.
struct Config {
    // One member is probed this often (SWIM's protocol period). Shorter finds a death sooner and
    // costs two datagrams each way. 50 ms to 60 s.
    base::Duration probe_interval = base::milliseconds(200);
    // A ping unanswered for smoothed round trip + 4 x its variation (RFC 6298), within these
    // bounds, is repeated, asked of others and tried by stream; `initial` before the first answer.
    // The probe fails after three times that, at least after probe_interval. Lower finds a death
    // sooner and suspects a slow host more often. 10 ms to 30 s, min <= initial <= max.
    base::Duration probe_timeout_min = base::milliseconds(50);
    base::Duration probe_timeout_initial = base::milliseconds(100);
    base::Duration probe_timeout_max = base::milliseconds(1000);
    // Members asked to ping a silent one. More survive more loss and cost more. 0 to 16.
    int indirect_probes = 3;
    // A suspect that `confirmations` others accuse too is down after suspicion_mult *
    // max(1, log10(members)) times what its answer takes, at least probe_interval; one that fewer
    // accuse, after up to suspicion_max_mult times that (Lifeguard, section IV-B). Higher gives a
    // live host more time to refute, a dead one more time unnoticed. 1 to 20; 1 to 20; 0 to 8.
    int suspicion_mult = 2;
    int suspicion_max_mult = 6;
    int confirmations = 2;
    // News goes to `gossip_fanout` random members at once and then this often, in all
    // retransmit_mult * ceil(log10(members + 1)) times. 10 ms to 10 s; 1 to 16; 1 to 16.
    base::Duration gossip_interval = base::milliseconds(50);
    int gossip_fanout = 3;
    int retransmit_mult = 4;
    // Views are compared with one random member this often, by digests; what differs is exchanged.
    // Shorter finds sooner what gossip lost. 1 s to 10 min.
    base::Duration push_pull_interval = base::seconds(10);
    // Each member that is down is asked by about 16 hosts in this time whether it is back; this
    // heals partitions and fleets that lost all power. 100 ms to 10 min.
    base::Duration reconnect_interval = base::seconds(2);
    // A member whose host refuses connections, or that announced a restart, is waited for this
    // long before it counts as down: its containers still run. 0 (never) to 10 min.
    base::Duration restart_hold = base::seconds(15);
    // A member that was lost twice within flap_window calls itself unsteady until it has been
    // steady for flap_hold, twice as long each further time, at most for flap_hold_max.
    // 1 s to 1 h; 1 s to 1 h; flap_hold to 24 h.
    base::Duration flap_window = base::seconds(300);
    base::Duration flap_hold = base::seconds(30);
    base::Duration flap_hold_max = base::seconds(600);
    // The largest datagram that is sent before the path to a peer is known to carry more, in bytes
    // of this library. The default is RFC 8899's BASE_PLPMTU less what is put around it. 640 to
    // 8,192.
    std::size_t datagram_max = 1160;
    std::size_t stream_max = 1 << 20;  // bytes in one stream message. 64 KiB to 1 MiB.
    std::size_t queue_max = 4096;      // broadcasts; when full the most often sent one is dropped.
                                       // 1 to 65,536.
    // Datagrams a second taken from one peer, with a burst of twice that; more are dropped and
    // counted. 50 to 100,000.
    int peer_rate_max = 1000;
    friend bool operator==(Config const&, Config const&) = default;
};

// Three sets of bounds: a wired or wireless local network, hosts across the Internet, hosts behind
// LTE, satellite or other links with long pauses.
enum class Profile : std::uint8_t { lan, wan, edge };

[[nodiscard]] Config config_of(Profile profile);
[[nodiscard]] std::string_view to_string(Profile profile);
[[nodiscard]] std::optional<Profile> parse_profile(std::string_view text);

// Nothing, or the first parameter that is out of its limits, for a person: "probe_interval is 5ms:
// give 50ms to 60s".
[[nodiscard]] std::expected<void, std::string> check(Config const& config);

}  // namespace gossip
