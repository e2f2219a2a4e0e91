#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/ids.h"

namespace gossip {

// A summary of a view of the fleet, so that two hosts with equal views find that out for a few
// bytes: members fall into buckets by their id, and a bucket's digest is the exclusive or of a hash
// of each member's (id, record, standing). Order does not matter, and a change is two updates.
class ViewDigest {
public:
    static constexpr std::size_t buckets_max = 64;

    // 1 up to 32 members, else buckets_max.
    [[nodiscard]] static std::size_t buckets_for(std::size_t members);
    [[nodiscard]] static std::size_t bucket_of(base::NodeId id, std::size_t buckets);

    explicit ViewDigest(std::size_t buckets) : digests_(buckets) {}

    // `standing` tells live, down and left apart. Adding twice removes.
    void toggle(base::NodeId id, std::uint64_t record, std::uint8_t standing);

    [[nodiscard]] std::vector<std::uint64_t> const& digests() const { return digests_; }

private:
    std::vector<std::uint64_t> digests_;
};

}  // namespace gossip
