#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>

#include "base/ids.h"
#include "base/time.h"

namespace gossip {

// A member that was accused of having failed under this incarnation, and may still refute it. It
// dies with the incarnation. The time it has shrinks as others accuse it too (Lifeguard, section
// IV-B): one accuser may be the one that is ill.
struct Suspicion {
    base::NodeId member;
    std::uint64_t incarnation{};
    base::Instant started{};
    base::Duration time_min{}, time_max{};
    int confirmations_wanted{};
    std::set<base::NodeId> accusers;  // at most confirmations_wanted + 1
    bool answered = false;            // it has answered this host since
    base::Instant deadline{};
};

// The suspicions that still may be refuted, at most one a member.
class Suspicions {
public:
    // A later one about the same member replaces the earlier. The deadline is computed.
    void start(Suspicion suspicion);

    // One more accuser of `member`; true if it was new and still counts for the time.
    bool confirm(base::NodeId member, base::NodeId accuser);

    // The member answered this host: the accusation is kept, so that it is not news again, but at
    // the end of the longest time from now it is dropped.
    void on_answer(base::Instant now, base::NodeId member);
    // It has ceased to answer this host again: its time begins anew, with all who accuse it.
    void on_silence(base::Instant now, base::NodeId member);

    void clear(base::NodeId member) { by_member_.erase(member); }

    // Gives every suspect `extra` time.
    void postpone(base::Duration extra);

    // Removes and returns one whose deadline has come.
    [[nodiscard]] std::optional<Suspicion> take_expired(base::Instant now);

    [[nodiscard]] base::Instant next_deadline() const;
    [[nodiscard]] Suspicion const* find(base::NodeId member) const;

    [[nodiscard]] std::map<base::NodeId, Suspicion> const& all() const { return by_member_; }

private:
    std::map<base::NodeId, Suspicion> by_member_;
};

}  // namespace gossip
