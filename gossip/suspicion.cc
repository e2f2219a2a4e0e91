#include "gossip/suspicion.h"

#include <algorithm>

namespace gossip {

void Suspicions::postpone(base::Duration extra) {
    for (auto& [member, suspicion] : by_member_) {
        suspicion.deadline += extra;
    }
}

std::optional<Suspicion> Suspicions::take_expired(base::Instant now) {
    auto const expired = std::ranges::find_if(
        by_member_, [now](auto const& entry) { return entry.second.deadline <= now; });
    if (expired == by_member_.end()) {
        return std::nullopt;
    }
    Suspicion const suspicion = expired->second;
    by_member_.erase(expired);
    return suspicion;
}

base::Instant Suspicions::next_deadline() const {
    base::Instant next = base::instant_max;
    for (auto const& [member, suspicion] : by_member_) {
        next = std::min(next, suspicion.deadline);
    }
    return next;
}

}  // namespace gossip
