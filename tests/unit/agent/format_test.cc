// The bytes of records since 0.1: see tests/unit/crdt/format_test.cc.
#include <catch2/catch.hpp>

#include "agent/state.h"
#include "base/text.h"
#include "crdt/codec.h"
#include "tests/unit/agent/fleet.h"

using namespace agent;

namespace {

base::Bytes bytes_of(std::string const& hex) {
    auto bytes = base::unhex(hex);
    REQUIRE(bytes);
    return *bytes;
}

}  // namespace

TEST_CASE("format 1: records") {
    NodeFacts facts;
    facts.name = "web1";
    facts.arch = "x86_64";
    facts.os = "linux";
    facts.runtime = "runc";
    facts.version = "0.1";
    facts.cpu_milli = 4000;
    facts.memory_bytes = std::uint64_t{1} << 33;
    facts.labels = {{"zone", "a"}};
    facts.draining = true;
    std::string const facts_hex =
        "010477656231067838365f3634056c696e75780472756e6303302e31a01f808080802001047a6f6e65016101";
    CHECK(base::hex(encode(facts)) == facts_hex);
    CHECK(decode_facts(bytes_of(facts_hex)) == facts);

    CHECK(base::hex(encode(NodeWish{.evicted = true})) == "0101");
    CHECK(decode_wish(bytes_of("0101"))->evicted);

    InstanceRecord const instance{.container = "web.1.x",
                                  .service = "shop/web",
                                  .slot = 1,
                                  .revision = "abc",
                                  .phase = runtime::Phase::healthy,
                                  .address = base::IpAddress::v4(0x0a800102),
                                  .restarts = 3,
                                  .exit_code = -1,
                                  .message = "why"};
    std::string const instance_hex =
        "01077765622e312e780873686f702f77656200000001036162630200000000000000000000ffff0a80010203"
        "01ffffffff03776879";
    CHECK(base::hex(encode(instance)) == instance_hex);
    CHECK(decode_instance(bytes_of(instance_hex)) == instance);

    CHECK(base::hex(encode_replicas(5)) == "0100000005");
    CHECK(base::hex(encode(MemberMeta{std::uint64_t{1} << 32})) == "018080808010");
}

TEST_CASE("kinds of record and of message that a later version has added are carried, not read") {
    Fleet fleet(3);
    fleet.run(base::seconds(3));
    crdt::Map later(node(9));
    crdt::Entry const record = **later.put("quota/shop", base::to_bytes("whatever"));
    base::Bytes message{std::byte{3}};  // Part::entries
    base::Bytes const entry = crdt::encode(record);
    message.insert(message.end(), entry.begin(), entry.end());
    base::Bytes const unknown{std::byte{99}, std::byte{1}};
    fleet.tell(2, [&](Agent& agent, Effects& out) {
        for (base::Bytes const& each : {unknown, message}) {
            agent.on_message(fleet.now, node(1), Fleet::config_of(1).address,
                             gossip::Channel::stream, each, out);
        }
    });
    // By anti-entropy to the others, and to the disks.
    REQUIRE(fleet.run_until(base::seconds(20), [&] {
        return fleet.at(1).map().find("quota/shop") != nullptr &&
               fleet.at(3).map().find("quota/shop") != nullptr;
    }));
    fleet.kill(3);
    fleet.start(3);
    CHECK(*fleet.at(3).map().find("quota/shop") == record);
}
