#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "base/ids.h"
#include "base/random.h"
#include "base/time.h"
#include "gossip/coordinate.h"
#include "gossip/gossip.h"
#include "gossip/message.h"
#include "gossip/path_mtu.h"
#include "gossip/rate_limit.h"
#include "gossip/round_trip.h"

namespace gossip {

// What this host thinks of a member's present incarnation. A higher incarnation begins anew.
enum class Judgement : std::uint8_t { trusted, refused, suspect, down };

// What this host keeps of a member beside what others see of it.
struct Peer {
    Member* member{};
    base::Bytes record;  // its Record as it stands in a packet; empty: remembered only
    std::uint64_t record_hash{};
    Intent intent{};
    Judgement judgement{};
    base::Instant held_since{};  // when this incarnation was first waited for; zero: never
    base::Instant refused_at{};  // when its host last answered us that nobody listens
    RoundTrip round_trip;
    PathMtu mtu;
    RateLimit datagrams, streams;
    std::optional<Coordinate> coordinate;
    std::uint8_t stream_answers{};   // in a row, without one by datagram
    std::uint8_t relayed_answers{};  // in a row, without one that came straight
    // Streams to it that broke, one for each time that it had answered by datagram since the last,
    // without one that was answered.
    std::uint8_t streams_lost{};
    bool answers_datagrams{};         // since the last stream that broke
    base::Instant stream_check_at{};  // a ping by stream is due; zero: none
    std::uint8_t absences{};  // how often it has been absent since it called itself unsteady
    bool given_up = false;    // absent for too long

    std::optional<std::size_t> live;  // where it stands in the order of probes
};

// Everyone this host knows of, itself included, and the order of the live ones for probing.
//
// Records of a member are ordered by (incarnation, bytes): the highest wins, so hosts that have
// heard the same records in any order agree. Judgements belong to one host and one incarnation.
class Membership {
public:
    explicit Membership(Self const& self);

    // Would take() learn anything from it? Signatures are only looked at if so.
    [[nodiscard]] bool is_news(Record const& record) const;

    // Takes the record of another member whose signature was good and which is_news(); `encoded` is
    // it as a message. `judgement` holds if its incarnation is new to us.
    void take(base::Instant now, Record const& record, base::Bytes encoded, Judgement judgement,
              base::Prng& prng, std::vector<Change>& changes);

    // Forgets a member that was evicted, left, or has been down for long, whichever comes first and
    // of those the longest. Nothing if there is none.
    std::optional<base::NodeId> make_room(base::Instant now);

    // What this host thinks of the member's present incarnation from now on.
    void judge(base::Instant now, Peer& peer, Judgement judgement, base::Prng& prng,
               std::vector<Change>& changes);

    // A member that is absent is down from now on.
    void give_up(base::Instant now, Peer& absent, base::Prng& prng, std::vector<Change>& changes);

    // A member of an earlier run, of which only a label and an address are left.
    void remember(base::Instant now, Member const& member);

    void evict(base::Instant now, base::NodeId id, base::Prng& prng, std::vector<Change>& changes);
    void readmit(base::Instant now, base::NodeId id, base::Prng& prng,
                 std::vector<Change>& changes);

    [[nodiscard]] bool is_evicted(base::NodeId id) const { return evicted_.contains(id); }

    // Our own record, after a change to it.
    void set_self(base::Instant now, Record const& record, base::Bytes encoded,
                  std::vector<Change>& changes);

    [[nodiscard]] Member const& self() const { return *self_->member; }

    [[nodiscard]] Peer const& self_peer() const { return *self_; }

    [[nodiscard]] Peer* find(base::NodeId id);
    [[nodiscard]] Peer const* find(base::NodeId id) const;
    // The live member at this address, if there is one.
    [[nodiscard]] Peer* live_at(base::SocketAddress address);

    [[nodiscard]] std::map<base::NodeId, Member> const& all() const { return members_; }

    [[nodiscard]] std::map<base::NodeId, Peer> const& peers() const { return peers_; }

    // Members that are down, or vanished while they were leaving: they may be back; and those that
    // live but whose process is waited for.
    [[nodiscard]] std::set<base::NodeId> const& down() const { return down_; }

    [[nodiscard]] std::set<base::NodeId> const& held() const { return held_; }

    [[nodiscard]] std::set<base::NodeId> const& absent() const { return absent_; }

    // Others that take part in the protocol.
    [[nodiscard]] std::size_t live_count() const { return live_.size(); }

    // The next live member to probe. Each comes once a round, in an order shuffled every round
    // (SWIM, section 4.3); nothing if there is none.
    [[nodiscard]] Peer* next_probe(base::Prng& prng);

    // Up to `count` different live members at random, without `excluded`.
    [[nodiscard]] std::vector<Peer*> sample(base::Prng& prng, std::size_t count,
                                            std::optional<base::NodeId> excluded);

private:
    // Brings state, live_, down_, held_ and absent_ in step with what is known; tells if it showed.
    void update(base::Instant now, Peer& peer, base::Prng* prng, bool content_changed,
                std::vector<Change>& changes);
    void swap_live(std::size_t a, std::size_t b);
    void insert_live(Peer& peer, base::Prng& prng);
    void remove_live(Peer& peer);

    std::map<base::NodeId, Member> members_;
    std::map<base::NodeId, Peer> peers_;
    Peer* self_{};
    std::set<base::NodeId> down_;
    std::set<base::NodeId> held_;
    std::set<base::NodeId> absent_;
    std::set<base::NodeId> evicted_;
    std::vector<Peer*> live_;
    std::size_t next_ = 0;  // of live_: those before it were probed in this round
};

}  // namespace gossip
