#pragma once

#include <cstdint>
#include <expected>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/address.h"
#include "base/bytes.h"
#include "base/ids.h"
#include "base/random.h"
#include "base/time.h"
#include "gossip/config.h"
#include "gossip/keys.h"

namespace gossip {

// How a message travels. Both are sealed below this library, so every message that arrives comes
// from a holder of the fleet key; the NodeId of a stream's sender is proven, that of a datagram's
// is what the sender says.
enum class Channel : std::uint8_t {
    datagram,  // may be lost, repeated or reordered; larger than the path carries: lost
    stream,    // at most Config::stream_max bytes, delivered in order or reported unreachable
};

// A member as one host sees it. What it announced itself (unsteady, restarting, leaving, left) is
// signed by it; suspect and down are this host's own judgement; evicted is the users'.
enum class State : std::uint8_t {
    alive,
    suspect,     // accused and not refuted yet: everything it holds stays with it
    unsteady,    // lives, but was lost again and again: it asks not to be counted on
    restarting,  // its agent is gone for a moment, its containers still run
    leaving,     // lives and hands over what it holds
    absent,      // unsteady, and not heard: not live, but soon here again, or else down
    down,        // masked, never deleted: a host that returns finds its records
    left,        // went on purpose
    evicted,     // thrown out: nothing it says is heard
};

// Takes part in the protocol: probed, told news.
[[nodiscard]] bool is_live(State state);

struct Member {
    base::NodeId id;
    std::string name;  // a label for people, at most name_max bytes
    base::SocketAddress address;
    std::uint64_t incarnation{};  // only the member itself raises it (SWIM, section 4.2)
    State state{};
    base::Bytes meta;             // opaque to this library, at most meta_max bytes
    base::Instant since{};        // when `state` began, by the local clock; of one that was absent
                                  // and is down now: when it was absent
    std::uint32_t accusers{};     // of a suspect: how many members have accused it
    base::Duration round_trip{};  // smoothed; zero: not measured by this host yet
};

inline constexpr std::size_t name_max = 63;
inline constexpr std::size_t meta_max = 256;
inline constexpr std::size_t payload_max = 1024;
inline constexpr std::size_t members_max = 4096;

// Who this host is. `incarnation` must be higher than any it announced before its last stop.
struct Self {
    base::NodeId id;
    std::string name;
    base::SocketAddress address;
    std::uint64_t incarnation{};
    base::Bytes meta;
    std::uint32_t flaps{};  // Effects::flaps of the last run
};

enum class Errc : std::uint8_t {
    too_large,  // longer than the channel allows; state unchanged
    malformed,  // not a message of this version; state unchanged
    from_self,  // our own identity sent it; state unchanged
    evicted,    // the sender was evicted; state unchanged
    too_fast,   // the sender is over Config::peer_rate_max; state unchanged
};

// Why a message could not be delivered.
enum class Unreachable : std::uint8_t {
    refused,  // the host answered that nobody listens there: its agent is gone, not the host
    silent,   // no answer, or the connection broke
    ended,    // nothing was lost, but the peer has closed its end: its agent may be gone
};

struct Send {
    base::SocketAddress to;
    Channel channel{};
    base::Bytes bytes;
};

// A member appeared (`before` is empty) or changed state, address or meta.
struct Change {
    base::NodeId id;
    std::optional<State> before;
    State now{};
};

// A broadcast of another member, delivered every time it arrives: the receiver knows whether it
// was news and, if so, calls broadcast() with it again.
struct Payload {
    base::NodeId from;  // who sent this packet, not who wrote the payload
    base::Bytes bytes;
};

// What an operator should know.
struct Trouble {
    enum class Kind : std::uint8_t {
        identity_in_use,  // another host speaks with our identity: a copied disk
        bad_signature,    // `id` passed on a record that its subject did not sign
        too_fast,         // `id` sends more than Config::peer_rate_max
        streams_only,     // `id` answers by stream but not by datagram: a firewall on UDP
        datagrams_only,   // `id` answers by datagram but not by stream: a firewall on TCP
        relayed_only,     // `id` answers through other members only
        half_reachable,   // the others do not reach us, although we reach them: our firewall
        members_full,     // `id` finds no place among members_max members
    };

    Kind kind{};
    base::NodeId id;
    base::SocketAddress address;
};

struct Effects {
    std::vector<Send> sends;
    std::vector<Change> changes;
    std::vector<Payload> payloads;
    std::vector<Trouble> troubles;  // each kind at most once a minute and member
    // Our own incarnation was raised: keep it for the next start.
    std::optional<std::uint64_t> incarnation;
    // How often this host was lost lately: keep it for the next start.
    std::optional<std::uint32_t> flaps;

    void clear() { *this = {}; }
};

struct Counters {
    std::uint64_t packets_in{}, packets_dropped{};
    std::uint64_t probes{}, probes_failed{}, refutations{}, suspicions{}, downs{};
    std::uint64_t exchanges{}, records_verified{}, signatures_bad{};
    std::uint64_t broadcasts_dropped{}, rate_dropped{};
    int health{};  // Lifeguard's local health score: 0 is well
};

// Membership: SWIM (Das, Gupta and Motivala, DSN 2002) with Lifeguard (Dadgar, Phillips and Currey,
// 2018), as docs/protocol.md describes it. A pure machine: the caller gives the time and carries
// out the effects.
//
// Duties of the caller: call on_tick() at or after next_deadline() (early or late is safe); after
// every call that takes `out`, send what it holds. Nothing is expected to arrive.
class Gossip {
public:
    // `keys` must outlive this object.
    Gossip(Self self, Config config, base::Prng prng, Keys const& keys);
    ~Gossip();
    Gossip(Gossip&&) noexcept;
    Gossip& operator=(Gossip&&) noexcept;

    // Members known from an earlier run: they start as `down` and are asked whether they are
    // there, so that a fleet which lost all its power at once finds itself again.
    void remember(base::Instant now, std::span<Member const> members);

    // Offers an exchange to each seed, again every reconnect_interval until a member is known.
    void join(base::Instant now, std::span<base::SocketAddress const> seeds, Effects& out);

    // `source` is where the sender takes answers on this channel. On error nothing has changed and
    // `out` holds at most a Trouble.
    [[nodiscard]] std::expected<void, Errc> on_message(base::Instant now, base::NodeId from,
                                                       base::SocketAddress source, Channel channel,
                                                       base::ByteView bytes, Effects& out);

    // A message to this address could not be delivered.
    void on_unreachable(base::Instant now, base::SocketAddress to, Unreachable why, Effects& out);

    void on_tick(base::Instant now, Effects& out);
    [[nodiscard]] base::Instant next_deadline() const;

    // From now on; on error (see check()) nothing has changed.
    [[nodiscard]] std::expected<void, std::string> set_config(base::Instant now, Config config);

    // Spreads a payload of at most payload_max bytes to every member, best effort. A later payload
    // with the same `key` replaces one still queued.
    void broadcast(std::string key, base::Bytes payload);

    // Our own meta (at most meta_max bytes), spread under a higher incarnation.
    void set_meta(base::Instant now, base::Bytes meta, Effects& out);

    // This host hands over what it holds: others see `leaving`, and `left` if it then vanishes.
    void begin_leave(base::Instant now, Effects& out);
    // This host goes: others see `left` without a suspicion.
    void leave(base::Instant now, Effects& out);
    // The agent stops and its containers run on: others see `restarting` for restart_hold.
    void announce_restart(base::Instant now, Effects& out);

    // Nothing of this member is heard and nothing is sent to it, until readmit(). An unknown id is
    // remembered as well.
    void evict(base::Instant now, base::NodeId id, Effects& out);
    void readmit(base::Instant now, base::NodeId id, Effects& out);

    // A member as this host sees it; ours included, never suspect or down.
    [[nodiscard]] Member const* find(base::NodeId id) const;
    [[nodiscard]] std::map<base::NodeId, Member> const& members() const;
    [[nodiscard]] Self const& self() const;
    [[nodiscard]] Config const& config() const;
    [[nodiscard]] Counters const& counters() const;
    // The round trip between two members by their network coordinates (Vivaldi); nothing while
    // either has none.
    [[nodiscard]] std::optional<base::Duration> distance(base::NodeId a, base::NodeId b) const;

    // How long a suspect that is accused by enough members has to refute in a fleet of this size:
    // for whoever waits for suspicions to be decided.
    [[nodiscard]] base::Duration suspicion_time() const;

private:
    class Machine;
    std::unique_ptr<Machine> machine_;
};

}  // namespace gossip
