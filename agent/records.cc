#include "agent/records.h"

#include <limits>

#include "base/text.h"
#include "spec/spec.h"

namespace agent {

namespace {

constexpr std::uint8_t draining_bit = 1;
constexpr std::uint8_t disk_full_bit = 2;
constexpr std::uint8_t format = 1;
constexpr auto phase_last = static_cast<std::uint8_t>(runtime::Phase::completed);

std::unexpected<RecordError> malformed() {
    return std::unexpected(RecordError::malformed);
}

}  // namespace

base::Bytes encode(NodeFacts const& facts) {
    base::ByteWriter out;
    out.u8(format);
    for (auto const* text : {&facts.name, &facts.arch, &facts.os, &facts.runtime, &facts.version}) {
        out.sized(*text);
    }
    out.varint(facts.cpu_milli);
    out.varint(facts.memory_bytes);
    out.varint(facts.labels.size());
    for (auto const& [name, value] : facts.labels) {
        out.sized(name);
        out.sized(value);
    }
    out.u8(static_cast<std::uint8_t>((facts.draining ? draining_bit : 0) |
                                     (facts.disk_full ? disk_full_bit : 0)));
    return out.take();
}

std::expected<NodeFacts, RecordError> decode_facts(base::ByteView bytes) {
    base::ByteReader in(bytes);
    NodeFacts facts;
    bool const known = in.u8() == format;
    for (auto* text : {&facts.name, &facts.arch, &facts.os, &facts.runtime, &facts.version}) {
        *text = in.text(text_max);
    }
    facts.cpu_milli = in.varint();
    facts.memory_bytes = in.varint();
    std::uint64_t const labels = in.varint();
    if (!known || in.failed() || labels > labels_max) {
        return malformed();
    }
    for (std::uint64_t at = 0; at < labels; ++at) {
        std::string name = in.text(text_max);
        facts.labels[std::move(name)] = in.text(text_max);
    }
    std::uint8_t const states = in.u8();
    facts.draining = (states & draining_bit) != 0;
    facts.disk_full = (states & disk_full_bit) != 0;
    bool const meant = (states & ~(draining_bit | disk_full_bit)) == 0;
    return in.complete() && meant ? std::expected<NodeFacts, RecordError>(std::move(facts))
                                  : malformed();
}

base::Bytes encode(NodeWish const& wish) {
    base::ByteWriter out;
    out.u8(format);
    out.u8(wish.evicted ? 1 : 0);
    return out.take();
}

std::expected<NodeWish, RecordError> decode_wish(base::ByteView bytes) {
    base::ByteReader in(bytes);
    bool const known = in.u8() == format;
    std::uint8_t const evicted = in.u8();
    if (!known || !in.complete() || evicted > 1) {
        return malformed();
    }
    return NodeWish{.evicted = evicted == 1};
}

base::Bytes encode(InstanceRecord const& record) {
    base::ByteWriter out;
    out.u8(format);
    out.sized(record.container);
    out.sized(record.service);
    out.u32(record.slot);
    out.sized(record.revision);
    out.u8(static_cast<std::uint8_t>(record.phase));
    out.raw(std::as_bytes(std::span(record.address.bytes)));
    out.varint(record.restarts);
    out.u8(record.exit_code ? 1 : 0);
    out.u32(static_cast<std::uint32_t>(record.exit_code.value_or(0)));
    out.sized(std::string_view(record.message).substr(0, text_max));
    return out.take();
}

std::expected<InstanceRecord, RecordError> decode_instance(base::ByteView bytes) {
    base::ByteReader in(bytes);
    InstanceRecord record;
    bool const known = in.u8() == format;
    record.container = in.text(text_max);
    record.service = in.text(text_max);
    record.slot = in.u32();
    record.revision = in.text(text_max);
    std::uint8_t const phase = in.u8();
    base::ByteView const address = in.raw(record.address.bytes.size());
    std::uint64_t const restarts = in.varint();
    std::uint8_t const exited = in.u8();
    auto const code = static_cast<std::int32_t>(in.u32());
    record.message = in.text(text_max);
    if (!known || !in.complete() || phase > phase_last ||
        restarts > std::numeric_limits<std::uint32_t>::max() || exited > 1 ||
        (exited == 0 && code != 0)) {
        return malformed();
    }
    record.restarts = static_cast<std::uint32_t>(restarts);
    record.phase = static_cast<runtime::Phase>(phase);
    for (std::size_t at = 0; at < address.size(); ++at) {
        record.address.bytes[at] = std::to_integer<std::uint8_t>(address[at]);
    }
    if (exited == 1) {
        record.exit_code = code;
    }
    return record;
}

base::Bytes encode(SeenRecord const& record) {
    base::ByteWriter out;
    out.u8(format);
    out.u64(record.cut);
    out.varint(record.written);
    return out.take();
}

std::expected<SeenRecord, RecordError> decode_seen(base::ByteView bytes) {
    base::ByteReader in(bytes);
    bool const known = in.u8() == format;
    SeenRecord record;
    record.cut = in.u64();
    record.written = in.varint();
    return known && in.complete() ? std::expected<SeenRecord, RecordError>(record) : malformed();
}

base::Bytes encode_replicas(std::uint32_t replicas) {
    base::ByteWriter out;
    out.u8(format);
    out.u32(replicas);
    return out.take();
}

std::expected<std::uint32_t, RecordError> decode_replicas(base::ByteView bytes) {
    base::ByteReader in(bytes);
    bool const known = in.u8() == format;
    std::uint32_t const replicas = in.u32();
    bool const valid = known && in.complete() && replicas <= spec::replicas_max;
    return valid ? std::expected<std::uint32_t, RecordError>(replicas) : malformed();
}

base::Bytes encode(MemberMeta const& meta) {
    base::ByteWriter out;
    out.u8(format);
    out.varint(meta.current_from);
    return out.take();
}

std::expected<MemberMeta, RecordError> decode_meta(base::ByteView bytes) {
    base::ByteReader in(bytes);
    bool const known = in.u8() == format;
    MemberMeta const meta{.current_from = in.varint()};
    return known && in.complete() ? std::expected<MemberMeta, RecordError>(meta) : malformed();
}

std::string service_entry(std::string_view service) {
    return base::concat("service/", service);
}

std::string scale_entry(std::string_view service) {
    return base::concat("scale/", service);
}

std::string facts_entry(base::NodeId node) {
    return base::concat("node/", to_string(node), "/facts");
}

std::string wish_entry(base::NodeId node) {
    return base::concat("node/", to_string(node), "/wish");
}

std::string instance_entry(base::NodeId node, std::string_view service, std::uint32_t slot) {
    return base::concat("instance/", to_string(node), '/', service, '/', slot);
}

std::string subnet_entry(base::Prefix prefix) {
    return base::concat("subnet/", to_string(prefix));
}

std::string vip_entry(base::IpAddress address) {
    return base::concat("vip/", to_string(address));
}

std::string cut_entry() {
    return "collection/cut";
}

std::string floor_entry() {
    return "collection/floor";
}

std::string seen_entry(base::NodeId node) {
    return base::concat("node/", to_string(node), "/seen");
}

std::string token_entry(std::string_view id) {
    return base::concat("token/", id);
}

}  // namespace agent
