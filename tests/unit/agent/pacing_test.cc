#include <catch2/catch.hpp>

#include "agent/known_hosts.h"
#include "crdt/codec.h"
#include "crdt/map.h"
#include "tests/unit/agent/fleet.h"

using namespace agent;
using base::milliseconds;
using base::seconds;

namespace {

// A host that knows `others` hosts which are down, settled.
struct Knowing {
    Fleet fleet{1};

    explicit Knowing(std::size_t others) {
        Members members;
        for (std::size_t at = 0; at < others; ++at) {
            base::NodeId id = node(200);
            id.bytes[0] = static_cast<std::uint8_t>(at);
            id.bytes[1] = static_cast<std::uint8_t>(at >> 8U);
            members[id] = {};
            members[id].id = id;
        }
        fleet.kill(1);
        crdt::Batch batch;
        batch.locals["roster"] = encode_known_hosts(members);
        REQUIRE(fleet.disk(1).write(batch).has_value());
        fleet.start(1);
        fleet.run(seconds(60));
    }

    // How long after a change another one is decided on.
    base::Duration wait() {
        fleet.run(seconds(1));
        std::uint64_t const before = fleet.starts(1);
        apply("first");
        CHECK(fleet.starts(1) == before + 1);
        base::Instant const begun = fleet.now;
        fleet.run(milliseconds(10));
        CHECK(fleet.runs(1, "shop/first") == 0);
        apply("second");
        fleet.run(milliseconds(20));
        CHECK(fleet.runs(1, "shop/first") == 1);
        fleet.run_until(seconds(5), [&] { return fleet.starts(1) == before + 2; });
        return fleet.now - begun;
    }

    void apply(std::string const& name) {
        fleet.tell(1, [&](Agent& agent, Effects& out) {
            REQUIRE(agent.apply(fleet.now, {service(name)}, out).has_value());
        });
    }
};

}  // namespace

TEST_CASE("a large fleet decides at once after quiet, then less often") {
    Knowing alone(0);
    CHECK(alone.wait() <= milliseconds(30));

    Knowing many(400);
    // 11 intervals of 20 ms.
    base::Duration const wait = many.wait();
    CHECK(wait > milliseconds(150));
    CHECK(wait <= milliseconds(240));
}

TEST_CASE("what others wrote is written together, what this host wrote at once") {
    Fleet fleet(1);
    fleet.run(seconds(5));
    crdt::Map other(node(9));
    std::uint64_t const before = fleet.persists(1);
    for (int turn = 0; turn < 20; ++turn) {
        auto const entry = other.put(token_entry(std::to_string(turn)), base::to_bytes("x"));
        REQUIRE(entry);
        base::Bytes message = crdt::encode(**entry);
        message.insert(message.begin(), std::byte{3});
        fleet.tell(1, [&](Agent& agent, Effects& out) {
            agent.on_message(fleet.now, node(9), Fleet::config_of(9).address,
                             gossip::Channel::stream, message, out);
        });
    }
    CHECK(fleet.persists(1) == before + 1);
    fleet.run(milliseconds(40));
    CHECK(fleet.persists(1) == before + 2);
    CHECK(fleet.disk(1).load()->entries.size() == fleet.at(1).map().size());
    for (std::string const name : {"one", "two"}) {
        fleet.tell(1, [&](Agent& agent, Effects& out) {
            REQUIRE(agent.apply(fleet.now, {service(name, 0)}, out).has_value());
            CHECK(out.persists.size() == 1);
        });
    }
}
