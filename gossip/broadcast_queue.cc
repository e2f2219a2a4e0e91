#include "gossip/broadcast_queue.h"

#include <algorithm>
#include <iterator>
#include <utility>
#include <vector>

namespace gossip {

bool BroadcastQueue::put(Kind kind, std::string name, base::Bytes message) {
    withdraw(kind, name);
    bool const full = by_order_.size() >= size_max_;
    while (by_order_.size() >= size_max_ && !by_order_.empty()) {
        auto const last = std::prev(by_order_.end());
        by_key_.erase(last->second.place);
        by_order_.erase(last);
    }
    Order const order{kind, 0, newest_first_--};
    Place const place = by_key_.emplace(Key{kind, std::move(name)}, order).first;
    by_order_.emplace(order, Update{place, std::move(message)});
    return !full;
}

void BroadcastQueue::withdraw(Kind kind, std::string const& name) {
    if (auto const queued = by_key_.find({kind, name}); queued != by_key_.end()) {
        by_order_.erase(queued->second);
        by_key_.erase(queued);
    }
}

void BroadcastQueue::withdraw_all(Kind kind, std::string const& prefix) {
    auto at = by_key_.lower_bound({kind, prefix});
    while (at != by_key_.end() && at->first.kind == kind && at->first.name.starts_with(prefix)) {
        by_order_.erase(at->second);
        at = by_key_.erase(at);
    }
}

void BroadcastQueue::fill(PacketWriter& packet, int retransmits_max,
                          std::span<base::Bytes const> already) {
    // No message is shorter: a packet with less room is full.
    constexpr std::size_t message_min = 4;
    // Nor is it worth looking through a long queue for the one small message that would still fit.
    constexpr int misfits_max = 8;
    int misfits = 0;
    std::vector<std::map<Order, Update>::node_type> sent;
    for (auto next = by_order_.begin();
         next != by_order_.end() && misfits < misfits_max && packet.room() >= message_min;) {
        auto const update = next++;
        base::Bytes const& message = update->second.message;
        if (std::ranges::find(already, message) == already.end() && packet.add(message)) {
            sent.push_back(by_order_.extract(update));
        } else {
            ++misfits;
        }
    }
    // Put back only now: an update goes into a packet once.
    for (auto& node : sent) {
        ++node.key().sent;
        if (node.key().sent >= retransmits_max) {
            by_key_.erase(node.mapped().place);
            continue;
        }
        node.mapped().place->second = node.key();
        by_order_.insert(std::move(node));
    }
}

}  // namespace gossip
