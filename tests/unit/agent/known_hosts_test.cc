#include "agent/known_hosts.h"

#include <catch2/catch.hpp>

#include "tests/unit/agent/fleet.h"

using namespace agent;
using base::milliseconds;
using base::seconds;

namespace {

std::vector<gossip::Member> stored(sim::FakeStore& disk) {
    return decode_known_hosts(disk.load()->locals["roster"]);
}

}  // namespace

TEST_CASE("everyone ever known is kept, with the last address; who left stays left") {
    Members members;
    for (std::uint8_t number = 1; number <= 3; ++number) {
        gossip::Member& member = members[node(number)];
        member.id = node(number);
        member.name = "host" + std::to_string(number);
        member.address = Fleet::config_of(number).address;
    }
    members[node(2)].state = gossip::State::left;
    members[node(3)].state = gossip::State::evicted;
    base::Bytes const encoded = encode_known_hosts(members);
    auto const known = decode_known_hosts(encoded);
    REQUIRE(known.size() == 3);
    CHECK(known[0].id == node(1));
    CHECK(known[0].name == "host1");
    CHECK(known[0].address == members[node(1)].address);
    CHECK(known[0].state == gossip::State::down);
    CHECK(known[1].state == gossip::State::left);
    CHECK(known[2].state == gossip::State::down);

    CHECK(decode_known_hosts(base::ByteView(encoded).first(encoded.size() - 3)).size() == 2);
    CHECK(decode_known_hosts({}).empty());
}

TEST_CASE("known hosts reach the disk within a second") {
    Fleet fleet(4);
    fleet.run(seconds(5));
    REQUIRE(stored(fleet.disk(1)).size() == 4);
    fleet.kill(4);
    fleet.tell(3, [&](Agent& agent, Effects& out) { agent.leave(fleet.now, out); });
    REQUIRE(fleet.run_until(seconds(30), [&] {
        return fleet.report(1, 4).status == NodeStatus::down &&
               fleet.report(1, 3).status == NodeStatus::left;
    }));
    fleet.run(seconds(1));
    auto const known = stored(fleet.disk(1));
    REQUIRE(known.size() == 4);
    CHECK(known[2].state == gossip::State::left);
    CHECK(known[3].state == gossip::State::down);
    CHECK(known[3].address == Fleet::config_of(4).address);
}

TEST_CASE("a host that restarts without any seed finds those it knew") {
    Fleet fleet(3);
    fleet.run(seconds(5));
    fleet.kill(1);
    // The first host has no seeds.
    fleet.start(1);
    CHECK(fleet.run_until(seconds(10), [&] { return fleet.status(1).nodes_alive == 3; }));
}
