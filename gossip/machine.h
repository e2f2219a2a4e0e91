#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "gossip/broadcast_queue.h"
#include "gossip/coordinate.h"
#include "gossip/health.h"
#include "gossip/membership.h"
#include "gossip/message.h"
#include "gossip/probes.h"
#include "gossip/steadiness.h"
#include "gossip/suspicion.h"

namespace gossip {

// What Gossip stands for: docs/protocol.md. The rules that shape it:
//
// - A member speaks for itself by signed records; what others say of it are accusations, and an
//   accusation is only a reason to look. Every host gives a member up by its own timer alone, so no
//   host, ill or evil, can take another down. Rationale: when a partition heals, or a host wakes
//   that believes everybody dead, its beliefs must not spread.
// - Whoever hears a first accusation may probe the accused at once. Rationale: confirmations by
//   chance would take a round, and the time of a suspicion shrinks only with them.
// - Every datagram to a member that is not plainly alive to us begins with what we hold against it.
//   A suspect is thus told with every probe and can refute at once (Lifeguard's buddy system), and
//   a member that we hold for down and that speaks to us learns so. An accusation that is out of
//   date is answered with the record that outdates it. Hosts heal each other by these rules once a
//   single message passes either way.
// - A member that answers us is not down to us, whoever accuses it.
// - A call that comes much too late means that this host was paused, not that others failed: the
//   probes under way count for nothing and suspects get the lost time back.
class Gossip::Machine {
public:
    Machine(Self self, Config config, base::Prng prng, Keys const& keys);

    void remember(base::Instant now, std::span<Member const> members);
    void join(base::Instant now, std::span<base::SocketAddress const> seeds, Effects& out);
    std::expected<void, Errc> on_message(base::Instant now, base::NodeId from,
                                         base::SocketAddress source, Channel channel,
                                         base::ByteView bytes, Effects& out);
    void on_unreachable(base::Instant now, base::SocketAddress to, Unreachable why, Effects& out);
    void on_tick(base::Instant now, Effects& out);
    [[nodiscard]] base::Instant next_deadline() const;
    std::expected<void, std::string> set_config(base::Instant now, Config config);
    void broadcast(std::string key, base::Bytes payload);
    void set_meta(base::Instant now, base::Bytes meta, Effects& out);
    // A member that has left says nothing any more.
    void set_intent(base::Instant now, Intent intent, Effects& out);
    void evict(base::Instant now, base::NodeId id, Effects& out);
    void readmit(base::Instant now, base::NodeId id, Effects& out);

    [[nodiscard]] Membership const& membership() const { return membership_; }

    [[nodiscard]] Self const& self() const { return self_; }

    [[nodiscard]] Config const& config() const { return config_; }

    [[nodiscard]] Counters const& counters() const { return counters_; }

    [[nodiscard]] std::optional<base::Duration> distance(base::NodeId a, base::NodeId b) const;
    // How long enough accusers leave `peer` to refute; nullptr: anyone.
    [[nodiscard]] base::Duration suspicion_time_min(Peer const* peer) const;

private:
    // A packet being handled: where it came from, and what goes back in one datagram at the end.
    struct Incoming {
        base::Instant now{};
        base::NodeId from;
        base::SocketAddress source;
        Channel channel{};
        std::vector<base::Bytes> answer;
        std::vector<base::NodeId> learned;  // members that it brought news of
        // Members that its sender has given up, with the incarnation.
        std::map<base::NodeId, std::uint64_t> said_down;
    };

    // --- messages (machine.cc)
    void start(base::Instant now);
    std::expected<void, Errc> admit(base::Instant now, base::NodeId from, Channel channel,
                                    std::size_t size, Effects& out);
    void on_datagram(Incoming& in, std::span<Message const> messages, Effects& out);
    void report(base::Instant now, Trouble trouble, Effects& out);

    // --- records and accusations (claims.cc)
    void on_record(Incoming& in, Record const& record, Effects& out);
    // For a member that is new; false if there is no place.
    bool make_room(Incoming& in, Record const& record, Effects& out);
    // To a member that is back, for its own judgement.
    void tell_of_loss(Record const& record, Peer const& lost, Effects& out);
    void on_own_record(Incoming& in, Record const& record, Effects& out);
    void on_accusation(Incoming& in, Accusation const& accusation, Effects& out);
    void on_accusation_of_self(Incoming& in, Accusation const& accusation, Effects& out);
    // Whether it was news that others should hear.
    bool suspect(base::Instant now, Peer& peer, base::NodeId accuser, Effects& out);
    bool refuse(base::Instant now, Peer& peer, base::NodeId accuser, Effects& out);
    void pass_on(Accusation const& accusation);
    void give_up_suspects(base::Instant now, Effects& out);
    void give_up_held(base::Instant now, Effects& out);
    // When one that is absent is down: after flap_hold, twice as long each further time.
    [[nodiscard]] base::Instant absent_until(Peer const& absent) const;
    void give_up_absent(base::Instant now, Effects& out);
    void judge(base::Instant now, Peer& peer, Judgement judgement, Effects& out);
    void announce(Peer const& peer);
    void raise_incarnation(base::Instant now, std::uint64_t above, Effects& out);
    void check_steadiness(base::Instant now, Effects& out);

    // --- probing (probing.cc)
    void start_probe_round(base::Instant now, Effects& out);
    void start_probe(base::Instant now, Peer& target, Effects& out);
    void confirm_suspicion(base::Instant now, Peer& suspect, Effects& out);
    void try_other_routes(base::Instant now, base::NodeId target, Effects& out);
    void fail_probe(base::Instant now, base::NodeId target, Effects& out);
    void on_ping_request(Incoming const& in, PingRequest const& request, Effects& out);
    void on_ack(Incoming const& in, Ack const& ack, Effects& out);
    void on_nack(Nack const& nack);
    void on_answer(Incoming const& in, Probes::Ping const& ping, Ack const& ack, Effects& out);
    void send_nacks(base::Instant now, Effects& out);
    // First in every call: was this host paused?
    void notice_pause(base::Instant now);
    void send_ping(base::Instant now, Peer& target, Route route, Effects& out);
    // A ping beside the probe, filled up to a size that is not known to pass.
    void search_mtu(base::Instant now, Peer const& target, Effects& out);
    // What the ways that answers take, and do not take, tell the operator.
    void note_way(base::Instant now, Peer& peer, Route route, Effects& out);
    void note_stream_lost(base::Instant now, Peer& peer, Unreachable why, Effects& out);

    // --- views (exchange.cc)
    void on_exchange(Incoming& in, std::span<Message const> messages, Effects& out);
    void push_pull(base::Instant now, Effects& out);
    // Offers an exchange to seeds while nobody is known, and to members that are down.
    void reconnect(base::Instant now, Effects& out);
    void meet_stranger(Incoming const& in, Effects& out);
    void send_compare(base::SocketAddress to, Effects& out);
    // Our records of the buckets in `buckets`, in as many stream messages as it takes. Without
    // those of which `theirs` has the same, by its hash.
    void send_view(base::SocketAddress to, Exchange exchange,
                   std::map<base::NodeId, std::uint64_t> const& theirs, Effects& out);
    [[nodiscard]] std::vector<std::uint64_t> digests(std::size_t buckets) const;

    // --- sending (sending.cc)
    void spread(base::Instant now, Effects& out);
    void say_farewell(Effects& out);
    enum class News : std::uint8_t { with, without };
    // One datagram: what we hold against `recipient`, `messages`, then queued news while there is
    // room; nothing at all if there is nothing to say. Gives its size.
    std::size_t send_datagram(Peer const& recipient, std::span<base::Bytes const> messages,
                              News news, Effects& out);
    // To an address that may be nobody's.
    void answer(base::SocketAddress to, Peer const* sender, std::span<base::Bytes const> messages,
                Effects& out);
    void send_packet(base::SocketAddress to, std::size_t size_max,
                     std::span<base::Bytes const> messages, News news, Effects& out);
    [[nodiscard]] std::optional<base::Bytes> held_against(Peer const& peer) const;

    [[nodiscard]] bool has_left() const { return membership_.self().state == State::left; }

    [[nodiscard]] std::size_t fleet_size() const { return membership_.live_count() + 1; }

    Self self_;
    Config config_;
    base::Prng prng_;
    Keys const* keys_;
    Membership membership_;
    Suspicions suspicions_;
    BroadcastQueue queue_;
    Counters counters_;
    LocalHealth health_;
    Steadiness steadiness_;
    NetworkPosition position_;
    RoundTrip anyones_;  // of every answer: for members that were never measured
    Probes probes_;
    Relays relays_;
    Intent intent_ = Intent::running;

    std::vector<base::SocketAddress> seeds_;
    base::NodeId last_offered_;
    bool offer_by_stream_ = true;
    std::optional<base::SocketAddress> partner_;  // of the last periodic push-pull
    RateLimit strangers_;                         // packets of senders that are nobody here
    RateLimit meetings_;                          // offers to them
    // Records with our identity that are not ours: when the last came, and how many in a row.
    base::Instant impostor_at_{};
    int impostors_ = 0;
    std::map<std::pair<Trouble::Kind, base::NodeId>, base::Instant> reported_;

    base::Instant refuted_at_{};
    int failures_in_a_row_ = 0;                // of probes, without an answer from anybody
    std::optional<std::uint64_t> mtu_search_;  // the ping of the search under way

    bool started_ = false;
    base::Instant awake_at_{};  // the last call
    base::Instant probe_at_{};
    base::Instant mtu_search_at_{};
    base::Instant gossip_at_{};
    base::Instant push_pull_at_{};
    base::Instant reconnect_at_{};
    base::Instant seeds_at_{};
};

}  // namespace gossip
