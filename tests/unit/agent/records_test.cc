#include "agent/records.h"

#include <catch2/catch.hpp>

#include "tests/unit/agent/support.h"

using namespace agent;

namespace {

InstanceRecord full_record() {
    InstanceRecord record;
    record.container = "shop.web.3.0123abcd.deadbeef";
    record.service = "shop/web";
    record.slot = 3;
    record.revision = "0123456789abcdef";
    record.phase = runtime::Phase::backoff;
    record.address = base::IpAddress::v4(0x0a800302);
    record.restarts = 4'000'000'000U;
    record.exit_code = -9;
    record.message = "exit 247";
    return record;
}

NodeFacts full_facts() {
    NodeFacts facts;
    facts.name = "host1";
    facts.arch = "aarch64";
    facts.os = "linux";
    facts.runtime = "oci";
    facts.version = "1.0";
    facts.cpu_milli = 4000;
    facts.memory_bytes = std::uint64_t{1} << 40;
    facts.labels = {{"disk", "ssd"}, {"zone", ""}};
    return facts;
}

// Every beginning of an encoding, and the encoding with a byte behind it.
template <class Decode>
void refuses_all_but_the_whole(base::Bytes const& whole, Decode const& decode) {
    REQUIRE(decode(whole).has_value());
    for (std::size_t size = 0; size < whole.size(); ++size) {
        INFO(size << " of " << whole.size() << " bytes");
        CHECK_FALSE(decode(base::ByteView(whole).first(size)).has_value());
    }
    base::Bytes longer = whole;
    longer.push_back(std::byte{0});
    CHECK_FALSE(decode(longer).has_value());
    base::Bytes other_version = whole;
    other_version[0] = std::byte{99};
    CHECK_FALSE(decode(other_version).has_value());
}

}  // namespace

TEST_CASE("what is encoded is decoded") {
    CHECK(decode_instance(encode(full_record())) == full_record());
    CHECK(decode_instance(encode(InstanceRecord{})) == InstanceRecord{});
    CHECK(decode_facts(encode(full_facts())) == full_facts());
    CHECK(decode_wish(encode(NodeWish{.evicted = true})) == NodeWish{.evicted = true});
    CHECK(decode_wish(encode(NodeWish{})) == NodeWish{});
    CHECK(decode_replicas(encode_replicas(0)) == 0U);
    CHECK(decode_replicas(encode_replicas(10'000)) == 10'000U);
    CHECK(decode_meta(encode(MemberMeta{std::uint64_t{7} << 32}))->current_from == std::uint64_t{7}
                                                                                       << 32);
}

TEST_CASE("every phase survives") {
    for (int phase = 0; phase <= static_cast<int>(runtime::Phase::completed); ++phase) {
        InstanceRecord record = full_record();
        record.phase = static_cast<runtime::Phase>(phase);
        CHECK(decode_instance(encode(record)) == record);
    }
}

TEST_CASE("a damaged record is no record") {
    refuses_all_but_the_whole(encode(full_record()), decode_instance);
    refuses_all_but_the_whole(encode(full_facts()), decode_facts);
    refuses_all_but_the_whole(encode(NodeWish{.evicted = true}), decode_wish);
    refuses_all_but_the_whole(encode_replicas(300), decode_replicas);
    refuses_all_but_the_whole(encode(MemberMeta{300}), decode_meta);
}

TEST_CASE("an unknown phase is refused, not taken for another") {
    InstanceRecord record;
    base::Bytes bytes = encode(record);
    std::size_t const phase_at = 1 + 1 + 1 + 4 + 1;
    bytes[phase_at] = std::byte{static_cast<std::uint8_t>(runtime::Phase::completed) + 1};
    CHECK_FALSE(decode_instance(bytes).has_value());
}

TEST_CASE("what no encoder writes is refused") {
    base::Bytes const whole = encode(InstanceRecord{});
    std::size_t const exited_at = whole.size() - 1 - 4 - 1;
    base::Bytes bytes = whole;
    bytes[exited_at] = std::byte{2};
    CHECK_FALSE(decode_instance(bytes).has_value());
    bytes = whole;
    bytes[exited_at + 1] = std::byte{1};  // an exit code of one that did not exit
    CHECK_FALSE(decode_instance(bytes).has_value());
}

TEST_CASE("bounds hold in both directions") {
    InstanceRecord record = full_record();
    record.message.assign(2 * text_max, 'x');
    CHECK(decode_instance(encode(record))->message.size() == text_max);
    record.service.assign(text_max + 1, 'x');
    CHECK_FALSE(decode_instance(encode(record)).has_value());

    for (std::uint8_t states = 0; states < 4; ++states) {
        NodeFacts told = full_facts();
        told.draining = (states & 1) != 0;
        told.disk_full = (states & 2) != 0;
        CHECK(decode_facts(encode(told)) == told);
        base::Bytes unknown = encode(told);
        unknown.back() |= std::byte{4};
        CHECK_FALSE(decode_facts(unknown).has_value());
    }

    NodeFacts facts = full_facts();
    for (std::size_t at = facts.labels.size(); at < labels_max; ++at) {
        facts.labels["label" + std::to_string(at)] = "x";
    }
    CHECK(decode_facts(encode(facts)).has_value());
    facts.labels["one more"] = "x";
    CHECK_FALSE(decode_facts(encode(facts)).has_value());
}

TEST_CASE("the keys of the shared state") {
    std::string const id(32, '1');
    base::NodeId const owner = node(0x11);
    CHECK(service_entry("shop/web") == "service/shop/web");
    CHECK(scale_entry("shop/web") == "scale/shop/web");
    CHECK(facts_entry(owner) == "node/" + id + "/facts");
    CHECK(instance_entry(owner, "shop/web", 3) == "instance/" + id + "/shop/web/3");
    CHECK(subnet_entry({0x0a800300, 24}) == "subnet/10.128.3.0/24");
    CHECK(vip_entry(base::IpAddress::v4(0x0a8f0001)) == "vip/10.143.0.1");
    CHECK(token_entry("abc") == "token/abc");
}
