// What members say of themselves and of others, and what this host makes of it.
#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "gossip/codec.h"
#include "gossip/machine.h"
#include "gossip/timing.h"

namespace gossip {

namespace {

constexpr std::size_t answers_max = 16;  // records that correct one packet
// A host whose kernel answered us this lately lives, whoever accuses it. Longer than the interval
// to which hosts limit such answers.
constexpr auto refusal_fresh = base::seconds(3);
// Refutations are not closer than this, which is half of the shortest suspicion of the quickest
// profile: each costs a signature and news to all, and a host that others reach by luck alone would
// do nothing else. Who is told again tells again.
constexpr auto refutation_pace = base::milliseconds(200);
// About so many of those who held a member for down tell it when it is back.
constexpr double reproaches = 4;
// So many probes in a row that fail: nobody answers us.
constexpr int unheard_after = 3;
// Records with our identity that are not ours: more within this time than an earlier life of ours
// explains are another host's. Then we insist less often, or both would shout without end.
constexpr auto impostor_window = base::seconds(60);
constexpr int impostors_max = 3;

std::string bytes_of(base::NodeId const& id) {
    return std::string(base::as_text(std::as_bytes(std::span(id.bytes))));
}

std::string record_name(base::NodeId const& id) {
    return "r" + bytes_of(id);
}

std::string accusations_name(base::NodeId const& member) {
    return "a" + bytes_of(member);
}

bool is_unicast(base::SocketAddress const& address) {
    bool const multicast =
        address.ip.is_v4() ? address.ip.v4_value() >> 28 >= 0xe : address.ip.bytes[0] == 0xff;
    return address.port != 0 && !address.ip.is_unspecified() && !multicast;
}

void add_once(std::vector<base::Bytes>& messages, base::Bytes const& message) {
    if (messages.size() < answers_max && std::ranges::find(messages, message) == messages.end()) {
        messages.push_back(message);
    }
}

}  // namespace

void Gossip::Machine::on_record(Incoming& in, Record const& record, Effects& out) {
    if (record.id == self_.id) {
        on_own_record(in, record, out);
        return;
    }
    if (membership_.is_evicted(record.id) || !is_unicast(record.address) ||
        !membership_.is_news(record)) {
        return;
    }
    ++counters_.records_verified;
    if (!verify(record, *keys_)) {
        ++counters_.signatures_bad;
        report(in.now, {Trouble::Kind::bad_signature, in.from, in.source}, out);
        return;
    }
    Peer const* const known = membership_.find(record.id);
    if (known == nullptr && !make_room(in, record, out)) {
        return;
    }
    // Of a stranger we know nothing better than what comes with its record.
    bool const stranger = known == nullptr || known->record.empty();
    bool const risen = stranger || record.incarnation > known->member->incarnation;
    auto const said_down = in.said_down.find(record.id);
    bool const down =
        stranger && said_down != in.said_down.end() && said_down->second == record.incarnation;
    if (!stranger && risen && known->judgement == Judgement::down) {
        tell_of_loss(record, *known, out);
    }
    membership_.take(in.now, record, encode(record), down ? Judgement::down : Judgement::trusted,
                     prng_, out.changes);
    // What is out of date is not told on, also where the news is left to others to tell.
    queue_.withdraw(BroadcastQueue::Kind::member, record_name(record.id));
    if (risen) {
        suspicions_.clear(record.id);
        probes_.finish(record.id);
        queue_.withdraw_all(BroadcastQueue::Kind::member, accusations_name(record.id));
    }
    in.learned.push_back(record.id);
}

bool Gossip::Machine::make_room(Incoming& in, Record const& record, Effects& out) {
    if (membership_.all().size() < members_max) {
        return true;
    }
    // Who is gone already takes nobody's place, or two hosts with full tables would hand each other
    // those that the other has forgotten.
    bool const gone_itself = record.intent == Intent::left || in.said_down.contains(record.id);
    auto const gone = gone_itself ? std::nullopt : membership_.make_room(in.now);
    if (gone) {
        position_.forget(*gone);
        suspicions_.clear(*gone);
        probes_.finish(*gone);
        std::erase(in.learned, *gone);
        return true;
    }
    report(in.now, {Trouble::Kind::members_full, record.id, record.address}, out);
    return false;
}

void Gossip::Machine::tell_of_loss(Record const& record, Peer const& lost, Effects& out) {
    // It has refuted whoever told it first; to judge its own steadiness it must hear of others.
    if (!prng_.chance(reproaches / static_cast<double>(fleet_size()))) {
        return;
    }
    base::Bytes const reproach =
        encode(Accusation{Accusation::Kind::down, record.id, lost.member->incarnation, self_.id});
    send_packet(record.address, config_.datagram_max, {&reproach, 1}, News::without, out);
}

void Gossip::Machine::on_own_record(Incoming& in, Record const& record, Effects& out) {
    Peer const& own = membership_.self_peer();
    if (record.incarnation < self_.incarnation) {
        add_once(in.answer, own.record);
        return;
    }
    if (encode(record) == own.record || !verify(record, *keys_)) {
        return;
    }
    // Of an earlier life whose incarnation was lost, or of a host with a copy of our identity.
    impostors_ = in.now - impostor_at_ < impostor_window ? impostors_ + 1 : 1;
    if (impostors_ >= impostors_max) {
        report(in.now, {Trouble::Kind::identity_in_use, self_.id, record.address}, out);
    }
    if (impostors_ > impostors_max) {
        return;
    }
    impostor_at_ = in.now;
    raise_incarnation(in.now, record.incarnation, out);
    add_once(in.answer, own.record);
}

void Gossip::Machine::on_accusation(Incoming& in, Accusation const& accusation, Effects& out) {
    if (accusation.member == self_.id) {
        on_accusation_of_self(in, accusation, out);
        return;
    }
    Peer* const peer = membership_.find(accusation.member);
    if (peer == nullptr || accusation.accuser == accusation.member ||
        membership_.is_evicted(accusation.member)) {
        return;
    }
    Member const& member = *peer->member;
    if (accusation.incarnation > member.incarnation) {
        meet_stranger(in, out);  // it knows a record that we lack
        return;
    }
    if (accusation.incarnation < member.incarnation || peer->intent == Intent::left) {
        if (!peer->record.empty()) {
            add_once(in.answer, peer->record);
        }
        return;
    }
    if (peer->judgement == Judgement::down) {
        // One more that bears it out, for a host that has only begun to notice.
        if (accusation.kind != Accusation::Kind::down && accusation.accuser == in.from) {
            add_once(in.answer, encode(Accusation{Accusation::Kind::down, member.id,
                                                  member.incarnation, self_.id}));
        }
        return;
    }
    Peer const* const accuser = membership_.find(accusation.accuser);
    bool const known = accuser != nullptr && is_live(accuser->member->state);
    // Anybody could be named. And who has waited for its process long enough is a moment ahead of
    // us.
    bool const waits = peer->judgement == Judgement::refused;
    if (!known || (waits && accusation.kind == Accusation::Kind::down)) {
        return;
    }
    bool const news = accusation.kind == Accusation::Kind::refused
                          ? refuse(in.now, *peer, accusation.accuser, out)
                          : suspect(in.now, *peer, accusation.accuser, out);
    if (news) {
        pass_on(accusation);
    }
}

void Gossip::Machine::on_accusation_of_self(Incoming& in, Accusation const& accusation,
                                            Effects& out) {
    // Only who speaks for itself counts, or one that is ill would count for all who pass it on.
    // Incarnation zero is what a host that has restarted remembers: no loss of ours.
    std::size_t const others = membership_.live_count() + membership_.down().size();
    if (accusation.kind == Accusation::Kind::down && accusation.incarnation > 0 &&
        accusation.accuser == in.from && steadiness_.on_accused(in.now, in.from, others, config_)) {
        out.flaps = steadiness_.flaps();
    }
    if (accusation.incarnation > self_.incarnation) {
        // Ours of an earlier life, or a lie: our own record, signed, will tell.
        meet_stranger(in, out);
        return;
    }
    if (accusation.incarnation == self_.incarnation && in.now - refuted_at_ >= refutation_pace) {
        refuted_at_ = in.now;
        ++counters_.refutations;
        health_.on_refutation();
        if (steadiness_.on_refuted(in.now)) {
            out.flaps = steadiness_.flaps();
            report(in.now, {Trouble::Kind::half_reachable, self_.id, self_.address}, out);
        }
        raise_incarnation(in.now, self_.incarnation, out);
    }
    add_once(in.answer, membership_.self_peer().record);
}

bool Gossip::Machine::suspect(base::Instant now, Peer& peer, base::NodeId accuser, Effects& out) {
    Member& member = *peer.member;
    if (!is_live(member.state) ||
        (peer.judgement == Judgement::refused && now - peer.refused_at < refusal_fresh)) {
        return false;
    }
    if (Suspicion const* const under_way = suspicions_.find(member.id)) {
        bool const news = suspicions_.confirm(member.id, accuser);
        member.accusers = static_cast<std::uint32_t>(under_way->accusers.size());
        return news;
    }
    ++counters_.suspicions;
    base::Duration const shortest = suspicion_time_min(&peer);
    base::Duration const longest = shortest * config_.suspicion_max_mult;
    // Those who could confirm: everyone but the suspect and the first accuser.
    int const others = static_cast<int>(membership_.live_count()) - 1;
    suspicions_.start({.member = member.id,
                       .incarnation = member.incarnation,
                       .started = now,
                       .time_min = peer.intent == Intent::restarting ? longest : shortest,
                       .time_max = longest,
                       .confirmations_wanted = std::min(others, config_.confirmations),
                       .accusers = {accuser},
                       .answered = false,
                       .deadline = {}});
    judge(now, peer, Judgement::suspect, out);
    member.accusers = 1;
    if (accuser != self_.id) {
        confirm_suspicion(now, peer, out);
    }
    return true;
}

bool Gossip::Machine::refuse(base::Instant now, Peer& peer, base::NodeId accuser, Effects& out) {
    if (peer.judgement == Judgement::down || !is_live(peer.member->state)) {
        return false;
    }
    if (config_.restart_hold == base::Duration{}) {
        return suspect(now, peer, accuser, out);
    }
    bool const held_before = peer.held_since != base::Instant{};
    bool const used_up = held_before && now - peer.held_since >= config_.restart_hold;
    if (used_up || peer.judgement == Judgement::refused) {
        return false;
    }
    suspicions_.clear(peer.member->id);
    // A host that was handing over is done with it.
    judge(now, peer, peer.intent == Intent::leaving ? Judgement::down : Judgement::refused, out);
    return true;
}

void Gossip::Machine::pass_on(Accusation const& accusation) {
    std::string name = accusations_name(accusation.member) + bytes_of(accusation.accuser);
    if (!queue_.put(BroadcastQueue::Kind::member, std::move(name), encode(accusation))) {
        ++counters_.broadcasts_dropped;
    }
}

void Gossip::Machine::give_up_suspects(base::Instant now, Effects& out) {
    while (auto const expired = suspicions_.take_expired(now)) {
        Peer& peer = *membership_.find(expired->member);
        if (expired->answered) {
            judge(now, peer, Judgement::trusted, out);
            continue;
        }
        ++counters_.downs;
        probes_.finish(expired->member);
        judge(now, peer, Judgement::down, out);
        // Only from those with evidence of their own, or all would tell all.
        if (expired->accusers.contains(self_.id)) {
            pass_on({Accusation::Kind::down, expired->member, expired->incarnation, self_.id});
        }
    }
}

void Gossip::Machine::give_up_held(base::Instant now, Effects& out) {
    std::vector<base::NodeId> const held(membership_.held().begin(), membership_.held().end());
    for (base::NodeId const id : held) {
        Peer& peer = *membership_.find(id);
        if (now - peer.held_since < config_.restart_hold) {
            continue;
        }
        ++counters_.downs;
        suspicions_.clear(id);
        probes_.finish(id);
        judge(now, peer, Judgement::down, out);
        pass_on({Accusation::Kind::down, id, peer.member->incarnation, self_.id});
    }
}

base::Instant Gossip::Machine::absent_until(Peer const& absent) const {
    return absent.member->since +
           growing(config_.flap_hold, absent.absences, config_.flap_hold_max);
}

void Gossip::Machine::give_up_absent(base::Instant now, Effects& out) {
    std::vector<base::NodeId> const absent(membership_.absent().begin(),
                                           membership_.absent().end());
    for (base::NodeId const id : absent) {
        if (Peer& peer = *membership_.find(id); now >= absent_until(peer)) {
            membership_.give_up(now, peer, prng_, out.changes);
        }
    }
}

void Gossip::Machine::judge(base::Instant now, Peer& peer, Judgement judgement, Effects& out) {
    membership_.judge(now, peer, judgement, prng_, out.changes);
}

void Gossip::Machine::announce(Peer const& peer) {
    if (peer.record.empty()) {
        return;
    }
    if (!queue_.put(BroadcastQueue::Kind::member, record_name(peer.member->id), peer.record)) {
        ++counters_.broadcasts_dropped;
    }
}

void Gossip::Machine::raise_incarnation(base::Instant now, std::uint64_t above, Effects& out) {
    self_.incarnation = std::min(above + 1, incarnation_max);
    Record const record = make_record({.id = self_.id,
                                       .key = keys_->public_key(),
                                       .incarnation = self_.incarnation,
                                       .intent = intent_,
                                       .address = self_.address,
                                       .name = self_.name,
                                       .meta = self_.meta,
                                       .body = {},
                                       .signature = {}},
                                      *keys_);
    membership_.set_self(now, record, encode(record), out.changes);
    out.incarnation = self_.incarnation;
    announce(membership_.self_peer());
}

void Gossip::Machine::check_steadiness(base::Instant now, Effects& out) {
    std::uint32_t const before = steadiness_.flaps();
    if (failures_in_a_row_ >= unheard_after) {
        steadiness_.on_unheard(now);
    }
    steadiness_.on_tick(now, config_);
    if (steadiness_.flaps() != before) {
        out.flaps = steadiness_.flaps();
    }
    if (intent_ <= Intent::unsteady) {  // who goes is not asked how it feels
        set_intent(now, steadiness_.steady() ? Intent::running : Intent::unsteady, out);
    }
}

}  // namespace gossip
