#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <utility>

#include "base/ids.h"
#include "base/time.h"

namespace gossip {

// A claim that the member failed under this incarnation. It dies with the incarnation.
struct Suspicion {
    base::NodeId member;
    std::uint64_t incarnation{};
    base::Instant deadline{};
};

// The suspicions that still may be refuted, at most one a member.
class Suspicions {
public:
    // A later one about the same member replaces the earlier.
    void start(Suspicion suspicion) { by_member_.insert_or_assign(suspicion.member, suspicion); }

    void clear(base::NodeId member) { by_member_.erase(member); }

    // Gives every suspect `extra` time.
    void postpone(base::Duration extra);

    // Removes and returns one whose deadline has come.
    [[nodiscard]] std::optional<Suspicion> take_expired(base::Instant now);

    [[nodiscard]] base::Instant next_deadline() const;

    [[nodiscard]] std::map<base::NodeId, Suspicion> const& all() const { return by_member_; }

private:
    std::map<base::NodeId, Suspicion> by_member_;
};

}  // namespace gossip
