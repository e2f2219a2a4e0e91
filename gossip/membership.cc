#include "gossip/membership.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "base/hash.h"
#include "gossip/codec.h"

namespace gossip {

namespace {

// Far longer than any repair: a member that is only away keeps its place.
constexpr auto long_down = std::chrono::hours(72);

constexpr std::uint8_t absences_max = 20;

State state_of(Intent intent, Judgement judgement, bool evicted, bool given_up) {
    if (evicted) {
        return State::evicted;
    }
    if (intent == Intent::left) {
        return State::left;
    }
    if (judgement == Judgement::down && intent == Intent::unsteady && !given_up) {
        return State::absent;
    }
    if (judgement == Judgement::down) {
        return intent == Intent::leaving ? State::left : State::down;
    }
    // Before suspect: nobody counts on it, so it comes and goes without a stir.
    if (intent == Intent::unsteady) {
        return State::unsteady;
    }
    if (judgement == Judgement::suspect) {
        return State::suspect;
    }
    if (judgement == Judgement::refused || intent == Intent::restarting) {
        return State::restarting;
    }
    return intent == Intent::leaving ? State::leaving : State::alive;
}

}  // namespace

bool is_live(State state) {
    switch (state) {
        case State::alive:
        case State::suspect:
        case State::unsteady:
        case State::restarting:
        case State::leaving:
            return true;
        case State::absent:
        case State::down:
        case State::left:
        case State::evicted:
            return false;
    }
    return false;
}

Membership::Membership(Self const& self) {
    Member& member = members_[self.id];
    member.id = self.id;
    member.name = self.name;
    member.address = self.address;
    member.incarnation = self.incarnation;
    member.meta = self.meta;
    self_ = &peers_[self.id];
    self_->member = &member;
}

bool Membership::is_news(Record const& record) const {
    Peer const* const peer = find(record.id);
    if (peer == nullptr) {
        return true;
    }
    if (record.incarnation != peer->member->incarnation || peer->record.empty()) {
        return record.incarnation >= peer->member->incarnation;
    }
    return std::ranges::lexicographical_compare(peer->record, encode(record));
}

void Membership::take(base::Instant now, Record const& record, base::Bytes encoded,
                      Judgement judgement, base::Prng& prng, std::vector<Change>& changes) {
    Peer& peer = peers_[record.id];
    bool const stranger = peer.member == nullptr;
    Member& member = members_[record.id];
    peer.member = &member;
    bool const risen = stranger || record.incarnation > member.incarnation || peer.record.empty();
    bool const content_changed = std::tie(member.name, member.address, member.meta) !=
                                 std::tie(record.name, record.address, record.meta);
    if (member.address != record.address) {
        // Another path: what was learned about the old one is void.
        peer.mtu = {};
        peer.round_trip = {};
    }
    member.id = record.id;
    member.incarnation = record.incarnation;
    member.name = record.name;
    member.address = record.address;
    member.meta = record.meta;
    peer.record = std::move(encoded);
    peer.record_hash = base::stable_hash(peer.record);
    peer.intent = record.intent;
    if (record.intent != Intent::unsteady) {
        peer.absences = 0;
    }
    if (risen) {
        peer.given_up = false;
        peer.judgement = judgement;
        peer.held_since = {};
        peer.streams_lost = 0;  // that broke with the life before this one
        member.accusers = 0;
    }
    if (stranger) {
        std::vector<Change> unseen;  // from no state at all
        update(now, peer, &prng, false, unseen);
        member.since = now;
        changes.push_back({member.id, std::nullopt, member.state});
    } else {
        update(now, peer, &prng, content_changed, changes);
    }
}

std::optional<base::NodeId> Membership::make_room(base::Instant now) {
    auto const rank = [](Member const& member) {
        return std::pair(member.state == State::evicted ? 0
                         : member.state == State::left  ? 1
                                                        : 2,
                         member.since);
    };
    Member const* found = nullptr;
    for (auto const& [id, member] : members_) {
        bool const goes = member.state == State::evicted || member.state == State::left ||
                          (member.state == State::down && now - member.since >= long_down);
        if (id != self_->member->id && goes && (found == nullptr || rank(member) < rank(*found))) {
            found = &member;
        }
    }
    if (found == nullptr) {
        return std::nullopt;
    }
    base::NodeId const id = found->id;
    down_.erase(id);
    absent_.erase(id);
    peers_.erase(id);
    members_.erase(id);
    return id;
}

void Membership::judge(base::Instant now, Peer& peer, Judgement judgement, base::Prng& prng,
                       std::vector<Change>& changes) {
    peer.judgement = judgement;
    if (judgement != Judgement::suspect) {
        peer.member->accusers = 0;
    }
    update(now, peer, &prng, false, changes);
}

void Membership::give_up(base::Instant now, Peer& absent, base::Prng& prng,
                         std::vector<Change>& changes) {
    absent.given_up = true;
    update(now, absent, &prng, false, changes);
}

void Membership::remember(base::Instant now, Member const& member) {
    if (members_.contains(member.id) || members_.size() >= members_max) {
        return;
    }
    Member& known = members_[member.id];
    known = member;
    known.since = now;
    // Incarnation zero: a memory yields to any news.
    known.incarnation = 0;
    Peer& peer = peers_[member.id];
    peer.member = &known;
    peer.judgement = Judgement::down;
    // Who left comes back by itself.
    peer.intent = member.state == State::left ? Intent::left : Intent::running;
    known.state = state_of(peer.intent, peer.judgement, is_evicted(member.id), peer.given_up);
    if (known.state == State::down) {
        down_.insert(member.id);
    }
}

void Membership::evict(base::Instant now, base::NodeId id, base::Prng& prng,
                       std::vector<Change>& changes) {
    evicted_.insert(id);
    if (Peer* const peer = find(id)) {
        update(now, *peer, &prng, false, changes);
    }
}

void Membership::readmit(base::Instant now, base::NodeId id, base::Prng& prng,
                         std::vector<Change>& changes) {
    if (evicted_.erase(id) == 0) {
        return;
    }
    if (Peer* const peer = find(id)) {
        // It was not listened to: whether it lives must show.
        peer->judgement = Judgement::down;
        update(now, *peer, &prng, false, changes);
    }
}

void Membership::set_self(base::Instant now, Record const& record, base::Bytes encoded,
                          std::vector<Change>& changes) {
    Member& member = *self_->member;
    member.incarnation = record.incarnation;
    member.address = record.address;
    member.meta = record.meta;
    self_->record = std::move(encoded);
    self_->record_hash = base::stable_hash(self_->record);
    self_->intent = record.intent;
    update(now, *self_, nullptr, false, changes);
}

Peer* Membership::find(base::NodeId id) {
    auto const found = peers_.find(id);
    return found == peers_.end() ? nullptr : &found->second;
}

Peer const* Membership::find(base::NodeId id) const {
    auto const found = peers_.find(id);
    return found == peers_.end() ? nullptr : &found->second;
}

Peer* Membership::live_at(base::SocketAddress address) {
    auto const found = std::ranges::find_if(
        live_, [&](Peer const* peer) { return peer->member->address == address; });
    return found == live_.end() ? nullptr : *found;
}

void Membership::update(base::Instant now, Peer& peer, base::Prng* prng, bool content_changed,
                        std::vector<Change>& changes) {
    Member& member = *peer.member;
    State const before = member.state;
    member.state = state_of(peer.intent, peer.judgement, is_evicted(member.id), peer.given_up);
    bool const visible = member.state != before;
    if (visible && !(before == State::absent && member.state == State::down)) {
        member.since = now;
    }
    if (member.state != State::absent) {
        absent_.erase(member.id);
    } else if (absent_.insert(member.id).second) {
        peer.absences = std::min<std::uint8_t>(peer.absences + 1, absences_max);
    }
    if (peer.judgement == Judgement::down && peer.intent != Intent::left &&
        member.state != State::evicted) {
        down_.insert(member.id);
    } else {
        down_.erase(member.id);
    }
    // Whatever its state shows: an unsteady member whose process is gone is not waited for longer.
    bool const waits = peer.judgement == Judgement::refused || peer.intent == Intent::restarting;
    if (!waits || !is_live(member.state)) {
        held_.erase(member.id);
    } else if (&peer != self_) {
        held_.insert(member.id);
        // Once an incarnation: a host that is now silent, now refuses is not waited for longer.
        peer.held_since = peer.held_since == base::Instant{} ? now : peer.held_since;
    }
    if (prng != nullptr && is_live(member.state) != peer.live.has_value()) {
        is_live(member.state) ? insert_live(peer, *prng) : remove_live(peer);
    }
    if (visible || content_changed) {
        changes.push_back({member.id, before, member.state});
    }
}

void Membership::swap_live(std::size_t a, std::size_t b) {
    std::swap(live_[a], live_[b]);
    live_[a]->live = a;
    live_[b]->live = b;
}

void Membership::insert_live(Peer& peer, base::Prng& prng) {
    live_.push_back(&peer);
    // Anywhere in the round, so that hosts do not probe a newcomer all at once.
    swap_live(prng.below(live_.size()), live_.size() - 1);
}

void Membership::remove_live(Peer& peer) {
    // Out of the probed part first, so that nobody is skipped in this round.
    if (*peer.live < next_) {
        swap_live(*peer.live, --next_);
    }
    swap_live(*peer.live, live_.size() - 1);
    live_.pop_back();
    peer.live.reset();
}

Peer* Membership::next_probe(base::Prng& prng) {
    if (live_.empty()) {
        return nullptr;
    }
    if (next_ >= live_.size()) {
        prng.shuffle(std::span(live_));
        for (std::size_t at = 0; at < live_.size(); ++at) {
            live_[at]->live = at;
        }
        next_ = 0;
    }
    return live_[next_++];
}

std::vector<Peer*> Membership::sample(base::Prng& prng, std::size_t count,
                                      std::optional<base::NodeId> excluded) {
    std::vector<Peer*> chosen;
    Peer const* const without = excluded ? find(*excluded) : nullptr;
    bool const counts = without != nullptr && without->live;
    std::size_t const eligible = live_.size() - (counts ? 1 : 0);
    // Drawing again on a repeat is cheap while `count` is small.
    while (chosen.size() < std::min(count, eligible)) {
        Peer* const peer = live_[prng.below(live_.size())];
        if (peer != without && std::ranges::find(chosen, peer) == chosen.end()) {
            chosen.push_back(peer);
        }
    }
    return chosen;
}

}  // namespace gossip
