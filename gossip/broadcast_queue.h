#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>

#include "base/bytes.h"
#include "gossip/codec.h"

namespace gossip {

// The updates still worth sending. What was sent least goes first, then what is newest; records of
// members go before payloads, so that no flood of payloads delays the news of a death. An update
// of the same kind and name replaces the one that is queued.
class BroadcastQueue {
public:
    enum class Kind : std::uint8_t { member, payload };

    explicit BroadcastQueue(std::size_t size_max) : size_max_(size_max) {}

    BroadcastQueue(BroadcastQueue const&) = delete;
    BroadcastQueue& operator=(BroadcastQueue const&) = delete;

    // What is queued beyond it goes as new updates come.
    void set_size_max(std::size_t size_max) { size_max_ = size_max; }

    // False if the queue was full and another update, the last in order, was dropped for this one.
    bool put(Kind kind, std::string name, base::Bytes message);

    // Forgets an update that is no longer true.
    void withdraw(Kind kind, std::string const& name);
    // Forgets all whose name begins so.
    void withdraw_all(Kind kind, std::string const& prefix);

    // Adds what fits into `packet`, without what it holds `already`, and drops what has now been
    // sent `retransmits_max` times.
    void fill(PacketWriter& packet, int retransmits_max, std::span<base::Bytes const> already);

    [[nodiscard]] std::size_t size() const { return by_order_.size(); }

    [[nodiscard]] bool empty() const { return by_order_.empty(); }

private:
    struct Order {
        Kind kind{};
        int sent = 0;
        std::uint64_t newest_first{};  // counts down with every put
        friend auto operator<=>(Order const&, Order const&) = default;
    };

    struct Key {
        Kind kind{};
        std::string name;
        friend auto operator<=>(Key const&, Key const&) = default;
    };

    using Place = std::map<Key, Order>::iterator;

    // Its place tells where it stands, and is told when that changes: without a search, for every
    // packet moves several of thousands.
    struct Update {
        Place place;
        base::Bytes message;
    };

    std::size_t size_max_;
    std::uint64_t newest_first_ = UINT64_MAX;
    std::map<Order, Update> by_order_;
    std::map<Key, Order> by_key_;
};

}  // namespace gossip
