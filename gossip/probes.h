#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "base/address.h"
#include "base/ids.h"
#include "base/time.h"

namespace gossip {

// How a ping went out. Only datagrams of our own tell a round trip.
enum class Route : std::uint8_t {
    direct,   // the first, with news behind it
    repeat,   // once more, bare
    relayed,  // through others
    stream,
    padded,  // beside a probe, to learn what size passes
};

// One attempt to hear from a member: it ends when an answer of any route arrives, or fails.
struct Probe {
    std::uint64_t incarnation{};  // of the target: a failure accuses this one only
    base::Instant repeat_at{};    // instant_max once the other routes were taken
    base::Instant fails_at{};
    std::size_t size = 0;  // of the first datagram
    int nacks_expected = 0, nacks = 0;
};

// The probes under way, at most one a target, and the pings that were sent for them. An answer is
// known by its sequence; those of probes that have ended are kept for a while, for a late answer
// still tells a round trip, and that is how a link that became slow is learned.
class Probes {
public:
    static constexpr std::size_t pings_max = 1024;  // the oldest is forgotten

    struct Ping {
        base::NodeId target;
        Route route{};
        base::Instant sent_at{};
        std::size_t size{};
    };

    // Nothing if there is one under way already.
    Probe* start(base::NodeId target);
    [[nodiscard]] Probe* find(base::NodeId target);

    void finish(base::NodeId target) { by_target_.erase(target); }

    void clear() { by_target_.clear(); }

    // `sequence` must not have been used in the last minutes.
    void sent(std::uint64_t sequence, Ping ping);
    // The ping that is answered by this sequence.
    [[nodiscard]] std::optional<Ping> take_answered(std::uint64_t sequence);
    [[nodiscard]] Ping const* find_ping(std::uint64_t sequence) const;

    // Forgets pings sent before `then`.
    void forget_before(base::Instant then);

    // Targets whose probe is due for other routes, or has failed, at `now`.
    [[nodiscard]] std::vector<base::NodeId> due_for_repeat(base::Instant now) const;
    [[nodiscard]] std::vector<base::NodeId> failed(base::Instant now) const;
    [[nodiscard]] base::Instant next_deadline() const;

    [[nodiscard]] std::size_t size() const { return by_target_.size(); }

private:
    std::map<base::NodeId, Probe> by_target_;
    std::map<std::uint64_t, Ping> pings_;
    std::multimap<base::Instant, std::uint64_t> by_age_;
};

// A ping on behalf of another member, which waits for its answer or for a nack.
struct Relay {
    base::SocketAddress asker;
    std::uint64_t sequence{};  // the asker's
    base::NodeId target;
    base::Instant nack_at{};  // instant_max once sent
    base::Instant expires{};
};

// Pings for others, by our sequence.
class Relays {
public:
    static constexpr std::size_t size_max = 256;  // further requests are dropped

    // False when full.
    bool start(std::uint64_t sequence, Relay const& relay);
    // The relay whose target this is the answer of.
    [[nodiscard]] std::optional<Relay> take_answered(std::uint64_t sequence, base::NodeId target);
    // Those whose target has been silent for long enough; forgets those that have expired.
    [[nodiscard]] std::vector<Relay> take_silent(base::Instant now);
    [[nodiscard]] base::Instant next_deadline() const;

    void clear() { by_sequence_.clear(); }

private:
    std::map<std::uint64_t, Relay> by_sequence_;
};

}  // namespace gossip
