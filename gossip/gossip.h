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

namespace gossip {

// How a message travels. Both are sealed below this library, so every message that arrives comes
// from a holder of the fleet key whose NodeId is known.
enum class Channel : std::uint8_t {
    datagram,  // at most Config::datagram_max bytes, may be lost, repeated or reordered
    stream,    // at most Config::stream_max bytes, delivered in order or reported unreachable
};

// SWIM's member states. `down` masks a member, it never deletes it: a host that returns finds its
// records. `left` was announced by the member itself.
enum class State : std::uint8_t { alive, suspect, down, left };

struct Member {
    base::NodeId id;
    std::string name;  // a label for people, at most name_max bytes
    base::SocketAddress address;
    std::uint64_t incarnation{};  // only the member itself raises it (SWIM, section 4.2)
    State state{};
    base::Bytes meta;       // opaque to this library, at most meta_max bytes
    base::Instant since{};  // when `state` began, by the local clock
};

inline constexpr std::size_t name_max = 63;
inline constexpr std::size_t meta_max = 256;
inline constexpr std::size_t payload_max = 1024;
inline constexpr std::size_t members_max = 4096;

// One default serves a LAN. Every duration is a lower bound that Lifeguard's local health may
// stretch.
struct Config {
    base::Duration probe_interval = base::milliseconds(250);
    base::Duration probe_timeout = base::milliseconds(120);  // then indirect probes go out
    int indirect_probes = 3;
    // A suspect is down after suspicion_mult * max(1, log10(members)) probe intervals.
    int suspicion_mult = 3;
    base::Duration gossip_interval = base::milliseconds(50);
    int gossip_fanout = 3;
    // Each update is sent retransmit_mult * ceil(log10(members + 1)) times.
    int retransmit_mult = 4;
    base::Duration push_pull_interval = base::seconds(15);
    // Members that are down are offered a push-pull this often, which heals partitions.
    base::Duration reconnect_interval = base::seconds(2);
    std::size_t datagram_max = 1200;
    std::size_t stream_max = 1 << 20;
    std::size_t queue_max = 4096;  // broadcasts; when full the most often sent one is dropped
};

// Who this host is. `incarnation` must be higher than any it announced before its last stop.
struct Self {
    base::NodeId id;
    std::string name;
    base::SocketAddress address;
    std::uint64_t incarnation{};
    base::Bytes meta;
};

enum class Errc : std::uint8_t {
    too_large,  // longer than the channel allows; state unchanged
    malformed,  // not a message of this version; state unchanged
    from_self,  // our own identity sent it; state unchanged
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

struct Effects {
    std::vector<Send> sends;
    std::vector<Change> changes;
    std::vector<Payload> payloads;
    // Our own incarnation was raised to refute a suspicion: keep it for the next start.
    std::optional<std::uint64_t> incarnation;

    void clear() { *this = {}; }
};

struct Counters {
    std::uint64_t packets_in{}, packets_dropped{}, probes_failed{}, refutations{};
    std::uint64_t broadcasts_dropped{};
};

// Membership by SWIM (Das, Gupta and Motivala, DSN 2002) with parts of Lifeguard (Dadgar, Phillips
// and Currey, 2018). A pure machine: the caller gives the time and carries out the effects.
//
// Duties of the caller: call on_tick() at or after next_deadline() (early or late is safe); after
// every call that takes `out`, send what it holds. Nothing is expected to arrive.
class Gossip {
public:
    Gossip(Self self, Config config, base::Prng prng);
    ~Gossip();
    Gossip(Gossip&&) noexcept;
    Gossip& operator=(Gossip&&) noexcept;

    // Members known from an earlier run: they start as `down` and are offered a push-pull, so that
    // a fleet which lost all its power at once finds itself again.
    void remember(base::Instant now, std::span<Member const> members);

    // Offers a push-pull to each seed, again every reconnect_interval until a member is known.
    void join(base::Instant now, std::span<base::SocketAddress const> seeds, Effects& out);

    // On error nothing has changed and `out` is untouched.
    [[nodiscard]] std::expected<void, Errc> on_message(base::Instant now, base::NodeId from,
                                                       base::SocketAddress source, Channel channel,
                                                       base::ByteView bytes, Effects& out);

    // A stream message to this address could not be delivered.
    void on_unreachable(base::Instant now, base::SocketAddress to, Effects& out);

    void on_tick(base::Instant now, Effects& out);
    [[nodiscard]] base::Instant next_deadline() const;

    // Spreads a payload of at most payload_max bytes to every member, best effort. A later payload
    // with the same `key` replaces one still queued.
    void broadcast(std::string key, base::Bytes payload);

    // Our own meta (at most meta_max bytes), spread under a higher incarnation.
    void set_meta(base::Instant now, base::Bytes meta, Effects& out);

    // Announces that this host leaves on purpose: others see `left` without a suspicion.
    void leave(base::Instant now, Effects& out);

    // A member as this host sees it; ours included, always alive (or left).
    [[nodiscard]] Member const* find(base::NodeId id) const;
    [[nodiscard]] std::map<base::NodeId, Member> const& members() const;
    [[nodiscard]] Self const& self() const;
    [[nodiscard]] Counters const& counters() const;

private:
    class Machine;
    std::unique_ptr<Machine> machine_;
};

}  // namespace gossip
