#include "gossip/view_digest.h"

#include <algorithm>
#include <set>

#include <catch2/catch.hpp>

#include "base/random.h"

using gossip::ViewDigest;

namespace {

struct Entry {
    base::NodeId id;
    std::uint64_t incarnation{};
    std::uint8_t standing{};
};

std::vector<Entry> some_entries(std::size_t count, base::Prng& prng) {
    std::vector<Entry> entries(count);
    for (Entry& entry : entries) {
        for (std::uint8_t& byte : entry.id.bytes) {
            byte = static_cast<std::uint8_t>(prng.next());
        }
        entry.incarnation = prng.below(4);
        entry.standing = static_cast<std::uint8_t>(prng.below(3));
    }
    return entries;
}

ViewDigest digest_of(std::vector<Entry> const& entries, std::size_t buckets) {
    ViewDigest digest(buckets);
    for (Entry const& entry : entries) {
        digest.toggle(entry.id, entry.incarnation, entry.standing);
    }
    return digest;
}

std::size_t differing(ViewDigest const& a, ViewDigest const& b) {
    std::size_t count = 0;
    for (std::size_t i = 0; i < a.digests().size(); ++i) {
        count += a.digests()[i] != b.digests()[i] ? 1U : 0U;
    }
    return count;
}

}  // namespace

TEST_CASE("small fleets have one bucket, large ones all") {
    CHECK(ViewDigest::buckets_for(0) == 1);
    CHECK(ViewDigest::buckets_for(32) == 1);
    CHECK(ViewDigest::buckets_for(33) == ViewDigest::buckets_max);
    CHECK(ViewDigest::buckets_for(4096) == ViewDigest::buckets_max);
}

TEST_CASE("a digest does not depend on the order") {
    base::Prng prng(1);
    auto entries = some_entries(300, prng);
    ViewDigest const before = digest_of(entries, 64);
    prng.shuffle(std::span(entries));
    CHECK(digest_of(entries, 64).digests() == before.digests());
    CHECK(std::ranges::count(before.digests(), 0U) == 0);
}

TEST_CASE("what is added twice is gone") {
    base::Prng prng(2);
    auto const entries = some_entries(100, prng);
    ViewDigest digest = digest_of(entries, 64);
    for (Entry const& entry : entries) {
        digest.toggle(entry.id, entry.incarnation, entry.standing);
    }
    CHECK(digest.digests() == std::vector<std::uint64_t>(64));
}

TEST_CASE("a change of one member shows in its bucket alone") {
    base::Prng prng(3);
    auto const entries = some_entries(100, prng);
    for (std::size_t const buckets : {std::size_t{1}, std::size_t{7}, ViewDigest::buckets_max}) {
        ViewDigest const before = digest_of(entries, buckets);
        for (std::size_t i = 0; i < entries.size(); ++i) {
            auto changed = entries;
            changed[i].incarnation += 1 + prng.below(3);
            CHECK(differing(before, digest_of(changed, buckets)) == 1);
            changed[i] = entries[i];
            changed[i].standing ^= 1;
            ViewDigest const after = digest_of(changed, buckets);
            CHECK(differing(before, after) == 1);
            std::size_t const bucket = ViewDigest::bucket_of(entries[i].id, buckets);
            CHECK(before.digests()[bucket] != after.digests()[bucket]);
        }
    }
}

TEST_CASE("two members that swap what they have are noticed") {
    base::Prng prng(4);
    auto entries = some_entries(2, prng);
    entries[0].incarnation = 1;
    entries[1].incarnation = 2;
    ViewDigest const before = digest_of(entries, 1);
    std::swap(entries[0].incarnation, entries[1].incarnation);
    CHECK(digest_of(entries, 1).digests() != before.digests());
}

TEST_CASE("neighbouring incarnations and standings are told apart") {
    std::set<std::uint64_t> seen;
    for (std::uint64_t incarnation = 0; incarnation < 64; ++incarnation) {
        for (std::uint8_t standing = 0; standing < 64; ++standing) {
            ViewDigest digest(1);
            digest.toggle({}, incarnation, standing);
            seen.insert(digest.digests()[0]);
        }
    }
    CHECK(seen.size() == 64 * 64);
}

TEST_CASE("members are spread over the buckets") {
    base::Prng prng(5);
    std::vector<int> sizes(64);
    for (Entry const& entry : some_entries(6400, prng)) {
        ++sizes[ViewDigest::bucket_of(entry.id, 64)];
    }
    CHECK(std::ranges::min(sizes) > 60);
    CHECK(std::ranges::max(sizes) < 140);
}

TEST_CASE("digests are the same in every version") {
    ViewDigest digest(64);
    base::NodeId id;
    id.bytes = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
    digest.toggle(id, 7, 1);
    CHECK(ViewDigest::bucket_of(id, 64) == 32);
    CHECK(digest.digests()[32] == 0xf39883cbe84e7bf6);
}
