// What a machine answers to input that is wrong or unusual.
#include <vector>

#include <catch2/catch.hpp>

#include "gossip/codec.h"
#include "tests/unit/gossip/cluster.h"

using gossip::Channel;
using gossip::Errc;
using gossip::Exchange;
using gossip::Member;
using gossip::Message;
using gossip::State;
using gossip_test::host_address;
using gossip_test::node_id;

namespace {

base::Instant const now{base::seconds(100)};

base::Bytes packet(std::vector<Message> const& messages) {
    gossip::PacketWriter writer(1 << 21);
    for (Message const& message : messages) {
        REQUIRE(writer.add(gossip::encode(message)));
    }
    return writer.take();
}

Member record(int host, std::uint64_t incarnation, State state) {
    return {node_id(host), "", host_address(host), incarnation, state, {}, {}};
}

// Host 0, and what it answers to packets from others.
struct Host {
    gossip::Gossip gossip{{node_id(0), "", host_address(0), 5, {}}, {}, base::Prng(1)};
    gossip::Effects out;

    std::expected<void, Errc> receive(int from, Channel channel, base::ByteView bytes) {
        out.clear();
        return gossip.on_message(now, node_id(from), host_address(from), channel, bytes, out);
    }

    std::expected<void, Errc> receive(int from, std::vector<Message> const& messages) {
        return receive(from, Channel::datagram, packet(messages));
    }

    // Everything said to `host` by the last input.
    std::vector<Message> said_to(int host) const {
        std::vector<Message> said;
        for (gossip::Send const& send : out.sends) {
            if (send.to == host_address(host)) {
                auto const messages = gossip::decode(send.bytes);
                REQUIRE(messages);
                said.insert(said.end(), messages->begin(), messages->end());
            }
        }
        return said;
    }
};

template <class Kind>
Kind const* first_of(std::vector<Message> const& messages) {
    for (Message const& message : messages) {
        if (auto const* const found = std::get_if<Kind>(&message)) {
            return found;
        }
    }
    return nullptr;
}

}  // namespace

TEST_CASE("a packet that is refused changes nothing and is counted") {
    Host host;
    base::Bytes const ping = packet({gossip::Ping{1}});
    CHECK(host.receive(0, Channel::datagram, ping).error() == Errc::from_self);
    CHECK(host.receive(1, Channel::datagram, base::Bytes(1201)).error() == Errc::too_large);
    CHECK(host.receive(1, Channel::stream, base::Bytes((1 << 20) + 1)).error() == Errc::too_large);
    CHECK(host.receive(1, Channel::datagram, {}).error() == Errc::malformed);
    CHECK(host.receive(1, Channel::stream, ping).error() == Errc::malformed);
    CHECK(host.receive(1, Channel::datagram, packet({Exchange::request})).error() ==
          Errc::malformed);
    // A record before the fault counts no more than one behind it.
    base::Bytes torn = packet({record(1, 1, State::alive), gossip::Ping{1}});
    torn.pop_back();
    CHECK(host.receive(1, Channel::datagram, torn).error() == Errc::malformed);
    CHECK(host.gossip.members().size() == 1);
    CHECK(host.out.sends.empty());
    CHECK(host.gossip.counters().packets_dropped == 7);
}

TEST_CASE("a claim against us is answered at once to who made it") {
    Host host;
    for (State const state : {State::suspect, State::down, State::left}) {
        std::uint64_t const before = host.gossip.self().incarnation;
        REQUIRE(host.receive(1, {record(0, before, state)}));
        CHECK(host.gossip.self().incarnation == before + 1);
        CHECK(host.out.incarnation == before + 1);
        std::vector<Message> const said = host.said_to(1);
        REQUIRE(first_of<Member>(said) != nullptr);
        CHECK(first_of<Member>(said)->incarnation == before + 1);
        CHECK(first_of<Member>(said)->state == State::alive);
    }
    SECTION("an old claim needs no new incarnation") {
        REQUIRE(host.receive(1, {record(0, 2, State::down)}));
        CHECK_FALSE(host.out.incarnation);
        CHECK(first_of<Member>(host.said_to(1)) != nullptr);
    }
    SECTION("our own record of now needs no answer") {
        REQUIRE(host.receive(1, {*host.gossip.find(node_id(0))}));
        CHECK(host.out.sends.empty());
    }
}

TEST_CASE("a member that is down to us and speaks is told so") {
    Host host;
    REQUIRE(host.receive(1, {record(2, 7, State::down)}));
    REQUIRE(host.receive(2, {gossip::Ping{9}}));
    std::vector<Message> const said = host.said_to(2);
    REQUIRE(first_of<Member>(said) != nullptr);
    CHECK(first_of<Member>(said)->state == State::down);
    CHECK(first_of<gossip::Ack>(said) != nullptr);
    // Also when there is nothing else to answer.
    REQUIRE(host.receive(2, {gossip::Broadcast{}}));
    CHECK(first_of<Member>(host.said_to(2)) != nullptr);
    // That it speaks does not make it alive; only its own higher incarnation does.
    CHECK(host.gossip.find(node_id(2))->state == State::down);
    REQUIRE(host.receive(2, {record(2, 7, State::alive)}));
    CHECK(host.gossip.find(node_id(2))->state == State::down);
    REQUIRE(host.receive(2, {record(2, 8, State::alive)}));
    CHECK(host.gossip.find(node_id(2))->state == State::alive);
}

TEST_CASE("down in a push-pull is a suspicion against a member that is alive to us") {
    Host host;
    REQUIRE(host.receive(1, {record(2, 1, State::alive), record(3, 1, State::left)}));
    REQUIRE(host.receive(1, Channel::stream,
                         packet({Exchange::reply, record(2, 1, State::down),
                                 record(3, 2, State::down), record(4, 1, State::down)})));
    CHECK(host.gossip.find(node_id(2))->state == State::suspect);
    CHECK(host.gossip.find(node_id(3))->state == State::down);
    CHECK(host.gossip.find(node_id(4))->state == State::down);
    CHECK(host.out.sends.empty());
}

TEST_CASE("requests to ping beyond the bound are dropped") {
    Host host;
    for (int i = 0; i < 300; ++i) {
        auto const sequence = static_cast<std::uint64_t>(i);
        REQUIRE(host.receive(1, {gossip::PingRequest{sequence, node_id(2), host_address(2)}}));
        CHECK(host.said_to(2).size() >= (i < 256 ? 1U : 0U));
    }
    CHECK(first_of<gossip::Ping>(host.said_to(2)) == nullptr);
}

TEST_CASE("a stranger beyond members_max is not taken in") {
    Host host;
    std::vector<Message> messages{Exchange::request};
    for (int i = 1; i <= 4096; ++i) {
        messages.emplace_back(record(i, 1, State::alive));
    }
    REQUIRE(host.receive(1, Channel::stream, packet(messages)));
    CHECK(host.gossip.members().size() == gossip::members_max);
    REQUIRE(host.receive(1, {record(5000, 1, State::alive)}));
    CHECK(host.gossip.find(node_id(5000)) == nullptr);
}

TEST_CASE("a full view is split into stream messages of the allowed size") {
    Host host;
    std::vector<Message> messages{Exchange::reply};
    for (int i = 1; i <= 2000; ++i) {
        Member member = record(i, 1, State::alive);
        member.meta.resize(gossip::meta_max);
        messages.emplace_back(std::move(member));
    }
    REQUIRE(host.receive(1, Channel::stream, packet(messages)));
    messages.clear();
    for (int i = 2001; i <= 4095; ++i) {
        Member member = record(i, 1, State::alive);
        member.meta.resize(gossip::meta_max);
        messages.emplace_back(std::move(member));
    }
    messages.emplace_back(Exchange::request);
    REQUIRE(host.receive(1, Channel::stream, packet(messages)));
    REQUIRE(host.out.sends.size() == 2);
    std::size_t records = 0;
    for (gossip::Send const& send : host.out.sends) {
        CHECK(send.bytes.size() <= (1 << 20));
        records += gossip::decode(send.bytes)->size() - 1;
    }
    CHECK(records == gossip::members_max);
}

TEST_CASE("a host that left answers nobody") {
    Host host;
    REQUIRE(host.receive(1, {record(1, 1, State::alive)}));
    host.gossip.leave(now, host.out);
    REQUIRE(host.receive(1, {record(0, 9, State::down), gossip::Ping{1}}));
    CHECK(host.out.sends.empty());
    CHECK(host.gossip.find(node_id(0))->state == State::left);
}

TEST_CASE("our meta costs an incarnation only when it changes") {
    Host host;
    host.gossip.set_meta(now, base::to_bytes("a"), host.out);
    CHECK(host.out.incarnation == 6U);
    host.out.clear();
    host.gossip.set_meta(now, base::to_bytes("a"), host.out);
    CHECK_FALSE(host.out.incarnation);
}

TEST_CASE("no claim drives an incarnation beyond its bound") {
    Host host;
    REQUIRE(host.receive(1, {record(0, gossip::incarnation_max, State::down)}));
    CHECK(host.gossip.self().incarnation == gossip::incarnation_max);
    gossip::Gossip const restarted({node_id(0), "", {}, gossip::incarnation_max + 1, {}}, {},
                                   base::Prng(1));
    CHECK(restarted.self().incarnation == gossip::incarnation_max);
}
