#include "gossip/view_digest.h"

#include "base/bytes.h"
#include "base/check.h"
#include "base/hash.h"

namespace gossip {

namespace {

std::uint64_t hash_of(base::NodeId const& id) {
    return base::stable_hash(std::as_bytes(std::span(id.bytes)));
}

}  // namespace

std::size_t ViewDigest::buckets_for(std::size_t members) {
    return members <= 32 ? 1 : buckets_max;
}

std::size_t ViewDigest::bucket_of(base::NodeId id, std::size_t buckets) {
    CHECK(buckets > 0);
    return static_cast<std::size_t>(hash_of(id) % buckets);
}

void ViewDigest::toggle(base::NodeId id, std::uint64_t record, std::uint8_t standing) {
    // Mixed one after the other: members with equal sums or differences of the three still differ.
    std::uint64_t const hash = base::mix(base::mix(hash_of(id) ^ record) ^ standing);
    digests_[bucket_of(id, digests_.size())] ^= base::mix(hash);
}

}  // namespace gossip
