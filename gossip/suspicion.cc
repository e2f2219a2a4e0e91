#include "gossip/suspicion.h"

#include <algorithm>
#include <utility>

#include "gossip/timing.h"

namespace gossip {

namespace {

void set_deadline(Suspicion& suspicion) {
    int const confirmations = static_cast<int>(suspicion.accusers.size()) - 1;
    suspicion.deadline =
        suspicion.started + suspicion_time(suspicion.time_min, suspicion.time_max,
                                           suspicion.confirmations_wanted, confirmations);
}

}  // namespace

void Suspicions::start(Suspicion suspicion) {
    set_deadline(suspicion);
    base::NodeId const member = suspicion.member;
    by_member_.insert_or_assign(member, std::move(suspicion));
}

bool Suspicions::confirm(base::NodeId member, base::NodeId accuser) {
    auto const found = by_member_.find(member);
    if (found == by_member_.end()) {
        return false;
    }
    Suspicion& suspicion = found->second;
    if (suspicion.accusers.size() > static_cast<std::size_t>(suspicion.confirmations_wanted) ||
        !suspicion.accusers.insert(accuser).second) {
        return false;
    }
    if (!suspicion.answered) {
        set_deadline(suspicion);
    }
    return true;
}

void Suspicions::on_answer(base::Instant now, base::NodeId member) {
    if (auto const found = by_member_.find(member); found != by_member_.end()) {
        found->second.answered = true;
        found->second.deadline = now + found->second.time_max;
    }
}

void Suspicions::on_silence(base::Instant now, base::NodeId member) {
    auto const found = by_member_.find(member);
    if (found != by_member_.end() && found->second.answered) {
        found->second.answered = false;
        found->second.started = now;
        set_deadline(found->second);
    }
}

void Suspicions::postpone(base::Duration extra) {
    for (auto& [member, suspicion] : by_member_) {
        suspicion.started += extra;
        suspicion.deadline += extra;
    }
}

std::optional<Suspicion> Suspicions::take_expired(base::Instant now) {
    auto const expired = std::ranges::find_if(
        by_member_, [now](auto const& entry) { return entry.second.deadline <= now; });
    if (expired == by_member_.end()) {
        return std::nullopt;
    }
    Suspicion suspicion = std::move(expired->second);
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

Suspicion const* Suspicions::find(base::NodeId member) const {
    auto const found = by_member_.find(member);
    return found == by_member_.end() ? nullptr : &found->second;
}

}  // namespace gossip
