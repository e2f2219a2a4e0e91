#pragma once

#include <vector>

#include "gossip/codec.h"
#include "tests/unit/gossip/cluster.h"

// What hosts of a Cluster would say, made by hand.
namespace gossip_test {

// Unsigned: for tests that change it first.
[[nodiscard]] inline gossip::Record draft(int host, std::uint64_t incarnation = 1) {
    gossip::Record record;
    record.id = node_id(host);
    record.incarnation = incarnation;
    record.address = host_address(host);
    record.name = host_name(host);
    return record;
}

[[nodiscard]] inline gossip::Record signed_by(int host, gossip::Record record) {
    return gossip::make_record(std::move(record), support::FakeKeys(node_id(host)));
}

[[nodiscard]] inline gossip::Record record(int host, std::uint64_t incarnation = 1,
                                           gossip::Intent intent = gossip::Intent::running) {
    gossip::Record fields = draft(host, incarnation);
    fields.intent = intent;
    return signed_by(host, std::move(fields));
}

[[nodiscard]] inline gossip::Accusation accusation(gossip::Accusation::Kind kind, int member,
                                                   std::uint64_t incarnation, int accuser) {
    return {kind, node_id(member), incarnation, node_id(accuser)};
}

// All buckets of one.
[[nodiscard]] inline gossip::Exchange exchange(gossip::Exchange::Phase phase) {
    return {.phase = phase, .digests = {}, .bucket_count = 1, .buckets = 1};
}

[[nodiscard]] inline gossip::Exchange compare(std::vector<std::uint64_t> digests) {
    return {.phase = gossip::Exchange::Phase::compare,
            .digests = std::move(digests),
            .bucket_count = 0,
            .buckets = 0};
}

[[nodiscard]] inline base::Bytes packet(std::vector<gossip::Message> const& messages) {
    gossip::PacketWriter writer(8 << 20);
    for (gossip::Message const& message : messages) {
        (void)writer.add(gossip::encode(message));
    }
    return writer.take();
}

}  // namespace gossip_test
