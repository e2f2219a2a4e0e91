#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <vector>

#include "gossip/broadcast_queue.h"
#include "gossip/membership.h"
#include "gossip/message.h"
#include "gossip/suspicion.h"

namespace gossip {

// What Gossip stands for. Rules beyond SWIM:
//
// - Every datagram to a member that is not alive to us begins with our record of it. A suspect is
//   thus told with every probe and can refute at once (Lifeguard's buddy system), and a member
//   that we hold for down and that speaks to us learns so.
// - A claim against ourselves is answered to whoever passed it on, and a new one spread. Hosts
//   heal each other by these two rules alone once a single message passes either way.
// - `down` from an exchange is only a suspicion to whoever holds the member alive. Rationale: when
//   a partition heals each side has declared the other down, and believing it would take down
//   live members for a moment.
// - A tick that comes much too late means that this host was paused, not that others failed: the
//   probe under way counts for nothing and suspects get the lost time back.
class Gossip::Machine {
public:
    Machine(Self self, Config config, base::Prng prng);

    void remember(base::Instant now, std::span<Member const> members);
    void join(base::Instant now, std::span<base::SocketAddress const> seeds, Effects& out);
    std::expected<void, Errc> on_message(base::Instant now, base::NodeId from,
                                         base::SocketAddress source, Channel channel,
                                         base::ByteView bytes, Effects& out);
    void on_unreachable(base::Instant now, base::SocketAddress to);
    void on_tick(base::Instant now, Effects& out);
    [[nodiscard]] base::Instant next_deadline() const;
    void broadcast(std::string key, base::Bytes payload);
    void set_meta(base::Instant now, base::Bytes meta, Effects& out);
    void leave(base::Instant now, Effects& out);

    [[nodiscard]] Membership const& membership() const { return membership_; }

    [[nodiscard]] Self const& self() const { return self_; }

    [[nodiscard]] Counters const& counters() const { return counters_; }

private:
    // The probe of this interval, until it is acknowledged.
    struct Probe {
        base::NodeId target;
        std::uint64_t incarnation{};  // of the target: a failure accuses this one only
        std::uint64_t sequence{};
        base::Instant indirect_at{};  // instant_max once others were asked
    };

    // A ping on behalf of another member, which waits for its answer.
    struct Relay {
        base::SocketAddress asker;
        std::uint64_t sequence{};  // the asker's
        base::NodeId target;
        base::Instant expires{};
    };

    // A datagram being handled: where it came from, and what goes back in one datagram at the end.
    struct Incoming {
        base::Instant now{};
        base::NodeId from;
        base::SocketAddress source;
        std::vector<base::Bytes> answer;
        bool pass_on = true;
    };

    void start(base::Instant now);
    void rearm_after_pause(base::Instant now);

    void on_datagram(Incoming& in, std::span<Message const> messages, Effects& out);
    void on_exchange(Incoming& in, std::span<Message const> messages, Effects& out);
    void on_ping_request(Incoming const& in, PingRequest const& request, Effects& out);
    void on_ack(Incoming const& in, Ack const& ack, Effects& out);
    void on_claim(Incoming& in, Member const& claim, Effects& out);
    void on_claim_about_self(Incoming& in, Member const& claim, Effects& out);

    void finish_probe(base::Instant now, Effects& out);
    void start_probe(base::Instant now, Effects& out);
    void probe_indirectly(Effects& out);
    void spread(base::Instant now, Effects& out);
    void push_pull(base::Instant now, Effects& out);
    // Offers a push-pull to seeds while nobody is known, and to members that are down.
    void reconnect(base::Instant now, Effects& out);

    // Takes a claim about another member; true if it was news.
    bool learn(base::Instant now, Member const& claim, Effects& out);
    // A claim of our own.
    void claim(base::Instant now, Member const& member, Effects& out);
    void raise_incarnation(std::uint64_t above, Effects& out);
    void announce(Member const& member);

    // One datagram: our record of `recipient` if it is not alive to us, then `messages`, then
    // queued updates while there is room; nothing at all if there is nothing to say.
    void send_datagram(base::SocketAddress to, Member const* recipient,
                       std::span<base::Bytes const> messages, Effects& out);

    void send_datagram(Member const& to, std::span<base::Bytes const> messages, Effects& out) {
        send_datagram(to.address, &to, messages, out);
    }

    // Our whole view, in as many stream messages as it takes; only the last asks for a reply.
    void send_exchange(base::SocketAddress to, Exchange kind, Effects& out) const;

    void worsen_health();
    void improve_health();
    // A duration as long as this host's local health calls for (Lifeguard, section IV-A).
    [[nodiscard]] base::Duration stretched(base::Duration duration) const;

    [[nodiscard]] bool has_left() const { return membership_.self().state == State::left; }

    [[nodiscard]] std::size_t fleet_size() const { return membership_.live_count() + 1; }

    Self self_;
    Config config_;
    base::Prng prng_;
    Membership membership_;
    Suspicions suspicions_;
    BroadcastQueue queue_;
    Counters counters_;
    int health_ = 0;  // 0 is well

    std::optional<Probe> probe_;
    std::map<std::uint64_t, Relay> relays_;  // by our sequence
    std::uint64_t next_sequence_;
    std::vector<base::SocketAddress> seeds_;
    base::NodeId last_offered_;
    std::optional<base::SocketAddress> partner_;  // of the last periodic push-pull

    bool started_ = false;
    base::Instant probe_at_{};
    base::Instant gossip_at_{};
    base::Instant push_pull_at_{};
    base::Instant reconnect_at_{};
    base::Instant seeds_at_{};
};

}  // namespace gossip
