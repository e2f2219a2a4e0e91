#pragma once

#include <cstdint>
#include <expected>
#include <map>
#include <optional>
#include <string>

#include "base/address.h"
#include "base/bytes.h"
#include "base/ids.h"
#include "runtime/supervisor.h"

// The values that agents keep in the shared state beside service specs, and their keys. Every
// encoding begins with a version byte; a decoder accepts only what an encoder of its version
// writes, within the bounds below.
namespace agent {

enum class RecordError : std::uint8_t {
    malformed,  // the record is ignored as if it were absent
};

inline constexpr std::size_t text_max = 512;
inline constexpr std::size_t labels_max = 64;

// node/ID/facts, written by the host itself.
struct NodeFacts {
    std::string name;
    std::string arch, os, runtime, version;
    std::uint64_t cpu_milli{};
    std::uint64_t memory_bytes{};
    std::map<std::string, std::string> labels;
    bool draining{};   // it takes nothing and hands over what it holds
    bool disk_full{};  // it takes nothing, and hands over what does not serve
    friend bool operator==(NodeFacts const&, NodeFacts const&) = default;
};

// node/ID/wish, written by anyone: what users want of a host.
struct NodeWish {
    bool evicted{};  // thrown out: nothing it says is heard, nothing runs there
    friend bool operator==(NodeWish const&, NodeWish const&) = default;
};

// instance/ID/SERVICE/SLOT, written by the host that holds the slot. One record per slot, not per
// container: while a container is replaced the slot is never seen without a holder.
struct InstanceRecord {
    std::string container;  // empty while there is none yet
    std::string service;
    std::uint32_t slot{};
    std::string revision;
    runtime::Phase phase{};
    base::IpAddress address;
    std::uint32_t restarts{};
    std::optional<std::int32_t> exit_code;
    std::string message;
    friend bool operator==(InstanceRecord const&, InstanceRecord const&) = default;
};

// node/ID/seen, written by the host itself: see collecting.cc.
struct SeenRecord {
    std::uint64_t cut{};      // a hash of it
    std::uint64_t written{};  // the number of this host's latest write by then
};

[[nodiscard]] base::Bytes encode(NodeFacts const& facts);
[[nodiscard]] base::Bytes encode(NodeWish const& wish);
[[nodiscard]] base::Bytes encode(InstanceRecord const& record);
[[nodiscard]] base::Bytes encode(SeenRecord const& record);
[[nodiscard]] std::expected<NodeFacts, RecordError> decode_facts(base::ByteView bytes);
[[nodiscard]] std::expected<NodeWish, RecordError> decode_wish(base::ByteView bytes);
[[nodiscard]] std::expected<InstanceRecord, RecordError> decode_instance(base::ByteView bytes);
[[nodiscard]] std::expected<SeenRecord, RecordError> decode_seen(base::ByteView bytes);

[[nodiscard]] base::Bytes encode_replicas(std::uint32_t replicas);
[[nodiscard]] std::expected<std::uint32_t, RecordError> decode_replicas(base::ByteView bytes);

// A claim: the NodeId that owns subnet/PREFIX, or the service that owns vip/ADDRESS, as text.
[[nodiscard]] std::string service_entry(std::string_view service);
[[nodiscard]] std::string scale_entry(std::string_view service);
[[nodiscard]] std::string facts_entry(base::NodeId node);
[[nodiscard]] std::string wish_entry(base::NodeId node);
[[nodiscard]] std::string instance_entry(base::NodeId node, std::string_view service,
                                         std::uint32_t slot);
[[nodiscard]] std::string subnet_entry(base::Prefix prefix);
[[nodiscard]] std::string vip_entry(base::IpAddress address);
[[nodiscard]] std::string token_entry(std::string_view id);
// The cut that is proposed as the floor of collection, the floor, and the cut that a host has seen:
// see collecting.cc. The first two hold a crdt::Floor, the last a SeenRecord.
[[nodiscard]] std::string cut_entry();
[[nodiscard]] std::string floor_entry();
[[nodiscard]] std::string seen_entry(base::NodeId node);

// What a member tells of itself by gossip, so that others know when they hold its present records.
struct MemberMeta {
    // A host that holds its writes up to here holds its present instance records.
    std::uint64_t current_from{};
};

[[nodiscard]] base::Bytes encode(MemberMeta const& meta);
[[nodiscard]] std::expected<MemberMeta, RecordError> decode_meta(base::ByteView bytes);

}  // namespace agent
