// The parts of the machine one by one: formulas, codec, queue, order of probes.
#include <map>
#include <set>
#include <vector>

#include <catch2/catch.hpp>

#include "gossip/broadcast_queue.h"
#include "gossip/codec.h"
#include "gossip/membership.h"
#include "gossip/suspicion.h"
#include "gossip/timing.h"
#include "tests/unit/gossip/cluster.h"

using gossip::BroadcastQueue;
using gossip::Member;
using gossip::Message;
using gossip::State;
using gossip_test::host_address;
using gossip_test::node_id;
using Kind = gossip::BroadcastQueue::Kind;

namespace {

base::Instant const now{base::seconds(100)};

Member member(int host, std::uint64_t incarnation, State state) {
    return {node_id(host), "", host_address(host), incarnation, state, {}, {}};
}

base::Bytes packet_of(Message const& message) {
    gossip::PacketWriter writer(4096);
    writer.add(gossip::encode(message));
    return writer.take();
}

base::Bytes payload(char const* text) {
    return gossip::encode(gossip::Broadcast{base::to_bytes(text)});
}

// The payloads of the next packet.
std::vector<std::string> next_packet(BroadcastQueue& queue, std::size_t size_max = 1200,
                                     int retransmits = 100) {
    gossip::PacketWriter packet(size_max);
    queue.fill(packet, retransmits, {});
    std::vector<std::string> texts;
    auto const messages = gossip::decode(packet.take());
    REQUIRE(messages);
    for (Message const& message : *messages) {
        texts.emplace_back(base::as_text(std::get<gossip::Broadcast>(message).bytes));
    }
    return texts;
}

using Texts = std::vector<std::string>;

}  // namespace

TEST_CASE("retransmits grow with the logarithm of the fleet") {
    CHECK(gossip::retransmits(3, 0) == 0);
    CHECK(gossip::retransmits(3, 1) == 3);
    CHECK(gossip::retransmits(3, 99) == 6);
}

TEST_CASE("suspicion timeouts grow with the logarithm of the fleet") {
    std::map<std::size_t, int> const expected{{5, 1000},   {10, 1000},  {50, 1698},
                                              {100, 2000}, {500, 2698}, {1000, 3000}};
    for (auto const& [members, millis] : expected) {
        CAPTURE(members);
        auto const timeout = gossip::suspicion_timeout(3, members, base::seconds(1)) / 3;
        CHECK(std::chrono::floor<base::milliseconds>(timeout).count() == millis);
    }
}

TEST_CASE("push-pull is rarer in a larger fleet") {
    for (auto const& [members, factor] : std::map<std::size_t, int>{
             {0, 1}, {32, 1}, {33, 2}, {64, 2}, {65, 3}, {128, 3}, {1000, 6}}) {
        CAPTURE(members);
        CHECK(gossip::push_pull_interval(base::seconds(1), members) == base::seconds(factor));
    }
}

TEST_CASE("every message survives the wire") {
    auto const round_trip = [](Message const& message) {
        auto const messages = gossip::decode(packet_of(message));
        REQUIRE(messages);
        REQUIRE(messages->size() == 1);
        return messages->front();
    };
    CHECK(std::get<gossip::Ping>(round_trip(gossip::Ping{UINT64_MAX})).sequence == UINT64_MAX);
    base::SocketAddress const v6{*base::parse_ip("fd00::1"), 65535};
    auto const request =
        std::get<gossip::PingRequest>(round_trip(gossip::PingRequest{3, node_id(4), v6}));
    CHECK(request.target == node_id(4));
    CHECK(request.address == v6);
    auto const ack = std::get<gossip::Ack>(round_trip(gossip::Ack{3, node_id(4)}));
    CHECK(ack.subject == node_id(4));
    CHECK(std::get<gossip::Exchange>(round_trip(gossip::Exchange::reply)) ==
          gossip::Exchange::reply);
    for (State const state : {State::alive, State::suspect, State::down, State::left}) {
        Member full = member(9, gossip::incarnation_max, state);
        full.name = std::string(gossip::name_max, 'n');
        full.meta = base::Bytes(gossip::meta_max, std::byte{7});
        auto const read = std::get<Member>(round_trip(full));
        CHECK(read.id == full.id);
        CHECK(read.state == state);
        CHECK(read.incarnation == full.incarnation);
        CHECK(gossip::same_content(read, full));
    }
    auto const broadcast = std::get<gossip::Broadcast>(
        round_trip(gossip::Broadcast{base::Bytes(gossip::payload_max)}));
    CHECK(broadcast.bytes.size() == gossip::payload_max);
}

TEST_CASE("a field over its bound is malformed") {
    Member long_name = member(1, 1, State::alive);
    long_name.name = std::string(gossip::name_max + 1, 'n');
    CHECK_FALSE(gossip::decode(packet_of(long_name)));
    Member long_meta = member(1, 1, State::alive);
    long_meta.meta.resize(gossip::meta_max + 1);
    CHECK_FALSE(gossip::decode(packet_of(long_meta)));
    CHECK_FALSE(gossip::decode(packet_of(member(1, gossip::incarnation_max + 1, State::alive))));
    CHECK_FALSE(gossip::decode(packet_of(member(1, 1, static_cast<State>(4)))));
    CHECK_FALSE(gossip::decode(packet_of(static_cast<gossip::Exchange>(2))));
    CHECK_FALSE(gossip::decode(packet_of(gossip::Broadcast{base::Bytes(gossip::payload_max + 1)})));
}

TEST_CASE("a packet of more than messages_max messages is malformed") {
    gossip::PacketWriter writer(1 << 20);
    for (std::size_t i = 0; i < gossip::messages_max; ++i) {
        REQUIRE(writer.add(gossip::encode(gossip::Ping{1})));
    }
    gossip::PacketWriter more = writer;
    more.add(gossip::encode(gossip::Ping{1}));
    CHECK(gossip::decode(writer.take()));
    CHECK_FALSE(gossip::decode(more.take()));
}

TEST_CASE("every truncated packet is malformed, none is read past its end") {
    Member full = member(9, 1'000'000, State::suspect);
    full.name = "host";
    full.meta = base::to_bytes("meta");
    base::Bytes const whole = packet_of(full);
    CHECK(gossip::decode(whole));
    // The version alone is a packet of no messages.
    for (std::size_t size = 2; size < whole.size(); ++size) {
        CAPTURE(size);
        CHECK_FALSE(gossip::decode(base::ByteView(whole).first(size)));
    }
    CHECK_FALSE(gossip::decode({}));
}

TEST_CASE("packets of a later version of the same format are read as far as known") {
    auto const bytes = [](std::initializer_list<int> values) {
        base::Bytes out;
        for (int const value : values) {
            out.push_back(static_cast<std::byte>(value));
        }
        return out;
    };
    // Kind 99 with a body of one byte, then a ping (kind 0) of sequence 5 with a field more.
    auto const messages = gossip::decode(bytes({1, 99, 0xc4, 1, 7, 0, 0xc4, 2, 5, 6}));
    REQUIRE(messages);
    REQUIRE(messages->size() == 1);
    CHECK(std::get<gossip::Ping>(messages->front()).sequence == 5);
    CHECK_FALSE(gossip::decode(bytes({2, 0, 0xc4, 1, 5})));     // another version
    CHECK_FALSE(gossip::decode(bytes({1, 0, 0x91, 5})));        // an array for a body
    CHECK_FALSE(gossip::decode(bytes({1, 0, 0xc4, 1, 0xc0})));  // nil for a number
}

TEST_CASE("what was sent least goes first, and of that the newest") {
    BroadcastQueue queue(10);
    queue.put(Kind::payload, "a", payload("a"));
    queue.put(Kind::payload, "b", payload("b"));
    CHECK(next_packet(queue) == Texts{"b", "a"});
    queue.put(Kind::payload, "c", payload("c"));
    queue.put(Kind::member, "m", payload("m"));
    CHECK(next_packet(queue) == Texts{"m", "c", "b", "a"});
}

TEST_CASE("an update goes into packets as often as it should, then is dropped") {
    BroadcastQueue queue(10);
    queue.put(Kind::payload, "a", payload("a"));
    for (int sent = 0; sent < 3; ++sent) {
        CHECK(next_packet(queue, 1200, 3) == Texts{"a"});
    }
    CHECK(queue.empty());
}

TEST_CASE("an update replaces the one of the same kind and name") {
    BroadcastQueue queue(10);
    queue.put(Kind::payload, "a", payload("old"));
    queue.put(Kind::member, "a", payload("member"));
    queue.put(Kind::payload, "a", payload("new"));
    CHECK(next_packet(queue) == Texts{"member", "new"});
    queue.withdraw(Kind::member, "a");
    CHECK(next_packet(queue) == Texts{"new"});
}

TEST_CASE("a full queue drops what was sent most, payloads first") {
    BroadcastQueue queue(3);
    CHECK(queue.put(Kind::member, "m", payload("m")));
    CHECK(queue.put(Kind::payload, "a", payload("a")));
    next_packet(queue);
    CHECK(queue.put(Kind::payload, "b", payload("b")));
    CHECK_FALSE(queue.put(Kind::payload, "c", payload("c")));
    CHECK(queue.size() == 3);
    CHECK(next_packet(queue) == Texts{"m", "c", "b"});
}

TEST_CASE("an update too large for the room left gives way to a smaller one") {
    BroadcastQueue queue(10);
    queue.put(Kind::payload, "small", payload("small"));
    queue.put(Kind::payload, "large", payload("a text of some length"));
    CHECK(next_packet(queue, 20) == Texts{"small"});
    CHECK(next_packet(queue).front() == "a text of some length");
}

TEST_CASE("claims are ordered by incarnation, then state") {
    std::vector<Member> ascending;
    for (std::uint64_t const incarnation : {1U, 2U}) {
        for (State const state : {State::alive, State::suspect, State::down, State::left}) {
            ascending.push_back(member(1, incarnation, state));
        }
    }
    for (std::size_t i = 0; i < ascending.size(); ++i) {
        for (std::size_t j = 0; j < ascending.size(); ++j) {
            CHECK(gossip::outranks(ascending[i], ascending[j]) == (i > j));
        }
    }
}

TEST_CASE("hosts that hear the same claims in any order agree") {
    base::Prng prng(1);
    for (int round = 0; round < 200; ++round) {
        std::vector<Member> claims;
        for (int i = 0; i < 6; ++i) {
            std::uint64_t const incarnation = prng.below(3);
            Member claim = member(1, incarnation, static_cast<State>(prng.below(4)));
            claim.address = host_address(static_cast<int>(10 + incarnation));
            claims.push_back(claim);
        }
        gossip::Membership one({node_id(0), "", host_address(0), 1, {}});
        gossip::Membership other = one;
        for (Member const& claim : claims) {
            one.merge(now, claim, prng);
        }
        prng.shuffle(std::span(claims));
        for (Member const& claim : claims) {
            other.merge(now, claim, prng);
        }
        Member const& a = *one.find(node_id(1));
        Member const& b = *other.find(node_id(1));
        CHECK(a.state == b.state);
        CHECK(a.incarnation == b.incarnation);
        CHECK(gossip::same_content(a, b));
    }
}

TEST_CASE("a round probes every live member once, and rounds differ") {
    base::Prng prng(2);
    gossip::Membership membership({node_id(0), "", host_address(0), 1, {}});
    for (int host = 1; host <= 20; ++host) {
        membership.merge(now, member(host, 1, State::alive), prng);
    }
    membership.merge(now, member(5, 1, State::down), prng);
    auto const round = [&] {
        std::vector<base::NodeId> order;
        for (int i = 0; i < 19; ++i) {
            order.push_back(membership.next_probe(prng)->id);
        }
        return order;
    };
    while (membership.next_probe(prng)->id != node_id(1)) {
    }
    // Wherever the round stood: of any 2n - 1 probes each member gets one (SWIM, section 4.3).
    std::set<base::NodeId> probed;
    for (int i = 0; i < 37; ++i) {
        probed.insert(membership.next_probe(prng)->id);
    }
    CHECK(probed.size() == 19);
    CHECK_FALSE(probed.contains(node_id(5)));
    CHECK(round() != round());
}

TEST_CASE("a sample has no repeats, no excluded member and nobody who is gone") {
    base::Prng prng(3);
    gossip::Membership membership({node_id(0), "", host_address(0), 1, {}});
    for (int host = 1; host <= 5; ++host) {
        membership.merge(now, member(host, 1, host == 5 ? State::left : State::alive), prng);
    }
    for (int i = 0; i < 50; ++i) {
        auto const sample = membership.sample(prng, 10, node_id(2));
        std::set<Member const*> const unique(sample.begin(), sample.end());
        CHECK(unique.size() == 3);
        CHECK(sample.size() == 3);
    }
    CHECK(membership.sample(prng, 2, {}).size() == 2);
}

TEST_CASE("a suspicion expires once, and one about a later incarnation replaces it") {
    gossip::Suspicions suspicions;
    suspicions.start({node_id(1), 1, now + base::seconds(1)});
    suspicions.start({node_id(1), 2, now + base::seconds(2)});
    CHECK_FALSE(suspicions.take_expired(now + base::seconds(1)));
    CHECK(suspicions.next_deadline() == now + base::seconds(2));
    suspicions.postpone(base::seconds(1));
    auto const expired = suspicions.take_expired(now + base::seconds(3));
    REQUIRE(expired);
    CHECK(expired->incarnation == 2);
    CHECK_FALSE(suspicions.take_expired(now + base::seconds(9)));
    CHECK(suspicions.next_deadline() == base::instant_max);
}
