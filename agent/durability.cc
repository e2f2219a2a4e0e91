// What users are promised: which hosts have their writes on the disk before they are answered.
#include <algorithm>
#include <iterator>

#include "agent/machine.h"

namespace agent {

void Agent::Machine::await_acks(base::Instant now, std::uint64_t request, Accepted const& accepted,
                                AckTerms const& terms) {
    std::vector<crdt::Dot> dots;
    for (std::string const& key : accepted.entries) {
        if (crdt::Entry const* const entry = map.find(key)) {
            dots.push_back(entry->dot);
        }
    }
    std::vector<base::NodeId> const peers = ack_peers();
    ack_waits.await(now, request, std::move(dots), hosts_wanted(terms, peers.size() + 1),
                    terms.timeout, peers);
}

std::vector<base::NodeId> Agent::Machine::ack_peers() {
    std::vector<base::NodeId> peers;
    for (auto const& [id, member] : gossip.members()) {
        if (id != config.id && answers(member.state)) {
            peers.push_back(id);
        }
    }
    prng.shuffle(std::span(peers));
    return peers;
}

void Agent::Machine::on_ack_question(base::Instant now, base::NodeId from, base::ByteView bytes,
                                     Effects& out) {
    auto question = decode_ack_question(bytes);
    gossip::Member const* const member = gossip.find(from);
    if (!question || member == nullptr) {
        return;
    }
    ack_debts.on_question(now, from, *std::move(question));
    ack_debts.update(now, map, on_disk, next_persist - (has_pending() ? 0 : 1));
    std::vector<base::NodeId> const lacking = ack_debts.lacking();
    if (std::ranges::find(lacking, from) != lacking.end()) {
        crdt::SyncEffects pulled;
        sync.pull(now, from, map, pulled);
        take(pulled, member->address, from, out);
    }
}

void Agent::Machine::settle_acks(base::Instant now, Effects& out) {
    if (!ack_debts.empty()) {
        ack_debts.update(now, map, on_disk, next_persist - (has_pending() ? 0 : 1));
    }
    for (AckMessage const& answer : ack_debts.take_answers()) {
        send(answer.to, Part::ack_answer, gossip::Channel::stream, answer.bytes, out);
    }
    for (AckMessage const& question : ack_waits.take_questions()) {
        send(question.to, Part::ack_question, gossip::Channel::stream, question.bytes, out);
    }
    std::ranges::move(ack_waits.take_answers(), std::back_inserter(out.acknowledged));
}

}  // namespace agent
