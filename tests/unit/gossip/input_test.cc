// What a machine answers to input that is wrong, forged or unusual.
#include <algorithm>
#include <vector>

#include <catch2/catch.hpp>

#include "tests/unit/gossip/records.h"

using gossip::Accusation;
using gossip::Channel;
using gossip::Errc;
using gossip::Exchange;
using gossip::Intent;
using gossip::Message;
using gossip::Record;
using gossip::State;
using gossip::Trouble;
using gossip_test::accusation;
using gossip_test::compare;
using gossip_test::draft;
using gossip_test::exchange;
using gossip_test::host_address;
using gossip_test::node_id;
using gossip_test::packet;
using gossip_test::record;
using gossip_test::signed_by;
using Kind = gossip::Accusation::Kind;
using Phase = gossip::Exchange::Phase;

namespace {

// Host 0, and what it answers to packets from others.
struct Host {
    support::FakeKeys keys{node_id(0)};
    gossip::Gossip gossip{{node_id(0), "", host_address(0), 5, {}, 0}, {}, base::Prng(1), keys};
    gossip::Effects out;
    base::Instant now{base::seconds(100)};

    std::expected<void, Errc> receive(int from, Channel channel, base::ByteView bytes) {
        out.clear();
        return gossip.on_message(now, node_id(from), host_address(from), channel, bytes, out);
    }

    std::expected<void, Errc> receive(int from, std::vector<Message> const& messages) {
        return receive(from, Channel::datagram, packet(messages));
    }

    std::expected<void, Errc> receive_stream(int from, std::vector<Message> const& messages) {
        return receive(from, Channel::stream, packet(messages));
    }

    // Hosts 1 to `count` are members.
    void meet(int count) {
        for (int host = 1; host <= count; ++host) {
            REQUIRE(receive(host, {record(host)}));
        }
    }

    // Ticks until `at`; `members` answer the pings that they get.
    void run_until(base::Instant at, std::vector<int> const& members) {
        while (gossip.next_deadline() <= at) {
            now = std::max(now, gossip.next_deadline());
            out.clear();
            gossip.on_tick(now, out);
            gossip::Effects const said = out;
            for (int const member : members) {
                for (Message const& message : said_to(said, member)) {
                    if (auto const* const ping = std::get_if<gossip::Ping>(&message)) {
                        (void)receive(member, {gossip::Ack{ping->sequence, node_id(member), {}}});
                    }
                }
            }
        }
        now = at;
    }

    State state(int host) const { return gossip.find(node_id(host))->state; }

    static std::vector<Message> said_to(gossip::Effects const& effects, int host) {
        std::vector<Message> said;
        for (gossip::Send const& send : effects.sends) {
            if (send.to == host_address(host)) {
                auto const messages = gossip::decode(send.bytes);
                REQUIRE(messages);
                said.insert(said.end(), messages->begin(), messages->end());
            }
        }
        return said;
    }

    // Everything said to `host` by the last input.
    std::vector<Message> said_to(int host) const { return said_to(out, host); }
};

template <class T>
T const* first_of(std::vector<Message> const& messages) {
    for (Message const& message : messages) {
        if (auto const* const found = std::get_if<T>(&message)) {
            return found;
        }
    }
    return nullptr;
}

Record const* record_of(std::vector<Message> const& messages, int host) {
    for (Message const& message : messages) {
        auto const* const found = std::get_if<Record>(&message);
        if (found != nullptr && found->id == node_id(host)) {
            return found;
        }
    }
    return nullptr;
}

bool told_of(gossip::Effects const& out, Trouble::Kind kind) {
    return std::ranges::any_of(out.troubles,
                               [kind](Trouble const& trouble) { return trouble.kind == kind; });
}

// More strangers than there is room for.
void fill_table(Host& host) {
    for (int part = 0; part < 5; ++part) {
        std::vector<Message> messages{exchange(Phase::take)};
        for (int i = 1; i <= 1000; ++i) {
            messages.emplace_back(record(part * 1000 + i));
        }
        REQUIRE(host.receive_stream(1, messages));
    }
}

}  // namespace

TEST_CASE("a packet that is refused changes nothing and is counted") {
    Host host;
    base::Bytes const ping = packet({gossip::Ping{1}});
    CHECK(host.receive(0, Channel::datagram, ping).error() == Errc::from_self);
    CHECK(host.receive(1, Channel::datagram, base::Bytes(9001)).error() == Errc::too_large);
    CHECK(host.receive(1, Channel::stream, base::Bytes((1 << 20) + 1)).error() == Errc::too_large);
    CHECK(host.receive(1, Channel::datagram, {}).error() == Errc::malformed);
    CHECK(host.receive(1, {compare({1})}).error() == Errc::malformed);
    CHECK(host.receive_stream(1, {compare({1}), compare({1})}).error() == Errc::malformed);
    // A record before the fault counts no more than one behind it.
    base::Bytes torn = packet({record(1), gossip::Ping{1}});
    torn.pop_back();
    CHECK(host.receive(1, Channel::datagram, torn).error() == Errc::malformed);
    CHECK(host.gossip.members().size() == 1);
    CHECK(host.out.sends.empty());
    CHECK(host.gossip.counters().packets_dropped == 7);
}

TEST_CASE("a record that its subject did not sign changes nothing") {
    Host host;
    host.meet(2);
    Record const before = record(1);
    Record forged = draft(1, 9);
    forged.intent = Intent::left;
    // Signed by the liar; with the subject's key in place of the liar's; altered afterwards.
    Record liar = signed_by(2, forged);
    Record stolen_key = liar;
    stolen_key.key = support::FakeKeys::key_of(node_id(1));
    Record altered = record(1, 9);
    altered.body.back() ^= std::byte{1};
    Record replayed = record(1, 9);
    replayed.signature = record(1, 8).signature;
    for (Record const& lie : {liar, stolen_key, replayed}) {
        std::uint64_t const bad = host.gossip.counters().signatures_bad;
        REQUIRE(host.receive(2, {lie}));
        CHECK(host.state(1) == State::alive);
        CHECK(host.gossip.find(node_id(1))->incarnation == before.incarnation);
        CHECK(host.out.changes.empty());
        CHECK(host.gossip.counters().signatures_bad == bad + 1);
        REQUIRE(host.receive_stream(2, {exchange(Phase::give), lie}));
        CHECK(host.gossip.find(node_id(1))->incarnation == before.incarnation);
    }
    // A body that says something else is either no record or not signed.
    auto const result = host.receive(2, {altered});
    CHECK((!result || host.gossip.find(node_id(1))->incarnation == before.incarnation));
    CHECK(host.gossip.find(node_id(9)) == nullptr);
}

TEST_CASE("a record with an intent of a later version is kept and passed on as it was signed") {
    Host host;
    host.meet(2);
    Record fields = draft(1, 2);
    fields.intent = static_cast<Intent>(8 + 1);
    Record const later = signed_by(1, fields);
    REQUIRE(host.receive(1, {later, accusation(static_cast<Kind>(7), 2, 1, 1)}));
    CHECK(host.state(1) == State::unsteady);
    CHECK(host.state(2) == State::alive);
    REQUIRE(host.receive_stream(2, {exchange(Phase::give)}));
    std::vector<Message> const said = host.said_to(2);
    Record const* const told = record_of(said, 1);
    REQUIRE(told != nullptr);
    CHECK(told->body == later.body);
    CHECK(told->signature == later.signature);
}

TEST_CASE("who passes on forged records is told of, once a minute") {
    Host host;
    host.meet(2);
    Record const lie = signed_by(2, draft(1, 9));
    REQUIRE(host.receive(2, {lie}));
    CHECK(told_of(host.out, Trouble::Kind::bad_signature));
    CHECK(host.out.troubles.front().id == node_id(2));
    REQUIRE(host.receive(2, {lie}));
    CHECK(host.out.troubles.empty());
    host.now += base::seconds(61);
    REQUIRE(host.receive(2, {lie}));
    CHECK(told_of(host.out, Trouble::Kind::bad_signature));
}

TEST_CASE("a forged record about ourselves is no reason to raise our incarnation") {
    Host host;
    host.meet(2);
    std::uint64_t const before = host.gossip.self().incarnation;
    REQUIRE(host.receive(2, {signed_by(2, draft(0, gossip::incarnation_max))}));
    CHECK(host.gossip.self().incarnation == before);
    CHECK_FALSE(host.out.incarnation);
    CHECK_FALSE(told_of(host.out, Trouble::Kind::identity_in_use));
}

TEST_CASE("an accusation of a member that is unknown, or of a life yet to come, accuses nobody") {
    Host host;
    host.meet(3);
    for (Kind const kind : {Kind::suspect, Kind::refused, Kind::down}) {
        REQUIRE(host.receive(1, {accusation(kind, 7, 1, 1)}));
        CHECK(host.gossip.find(node_id(7)) == nullptr);
        REQUIRE(host.receive(1, {accusation(kind, 2, 9, 1)}));
        CHECK(host.state(2) == State::alive);
        CHECK(host.out.changes.empty());
        REQUIRE(host.receive(1, {accusation(kind, 3, 1, 3)}));
        CHECK(host.state(3) == State::alive);
    }
}

TEST_CASE("an accusation that is out of date is answered with what outdates it") {
    Host host;
    host.meet(2);
    REQUIRE(host.receive(2, {record(2, 6)}));
    REQUIRE(host.receive(1, {accusation(Kind::down, 2, 5, 1)}));
    CHECK(host.state(2) == State::alive);
    std::vector<Message> const said = host.said_to(1);
    REQUIRE(record_of(said, 2) != nullptr);
    CHECK(record_of(said, 2)->incarnation == 6);
}

TEST_CASE("that others gave a member up is a reason to suspect it, no more") {
    Host host;
    host.meet(5);
    REQUIRE(host.receive(1, {accusation(Kind::down, 2, 1, 1)}));
    CHECK(host.state(2) == State::suspect);
    CHECK(host.gossip.find(node_id(2))->accusers == 1);
    REQUIRE(host.receive_stream(
        3, {exchange(Phase::take), record(3), accusation(Kind::down, 2, 1, 3)}));
    CHECK(host.state(2) == State::suspect);
    CHECK(host.gossip.find(node_id(2))->accusers == 2);
    // A newcomer that never knew it alive takes their word.
    REQUIRE(host.receive_stream(
        3, {exchange(Phase::take), record(3), record(9), accusation(Kind::down, 9, 1, 3)}));
    CHECK(host.state(9) == State::down);
}

TEST_CASE("one member alone cannot take another down that answers") {
    Host host;
    host.meet(5);
    base::Instant const end = host.now + base::seconds(30);
    while (host.now < end) {
        // Host 1 lies all the time, in every name.
        for (int const accuser : {1, 3, 4, 5}) {
            REQUIRE(host.receive(1, {accusation(Kind::down, 2, 1, accuser)}));
        }
        host.run_until(host.now + base::milliseconds(10), {1, 2, 3, 4, 5});
        REQUIRE(host.state(2) != State::down);
    }
    // It is believed as soon as host 2 does not answer.
    host.run_until(host.now + base::seconds(10), {1, 3, 4, 5});
    CHECK(host.state(2) == State::down);
}

TEST_CASE("an accusation of ourselves is answered at once to who made it") {
    Host host;
    host.meet(3);
    for (Kind const kind : {Kind::suspect, Kind::refused, Kind::down}) {
        std::uint64_t const before = host.gossip.self().incarnation;
        host.now += gossip::Config{}.probe_interval;
        REQUIRE(host.receive(1, {accusation(kind, 0, before, 1)}));
        CHECK(host.gossip.self().incarnation == before + 1);
        CHECK(host.out.incarnation == before + 1);
        std::vector<Message> const said = host.said_to(1);
        REQUIRE(record_of(said, 0) != nullptr);
        CHECK(record_of(said, 0)->incarnation == before + 1);
        CHECK(gossip::verify(*record_of(said, 0), host.keys));
    }
    SECTION("an old one needs no new incarnation") {
        REQUIRE(host.receive(1, {accusation(Kind::down, 0, 2, 1)}));
        CHECK_FALSE(host.out.incarnation);
        CHECK(record_of(host.said_to(1), 0) != nullptr);
    }
    SECTION("one of a life yet to come raises nothing: anyone could say so") {
        REQUIRE(host.receive(1, {accusation(Kind::down, 0, 1'000'000, 1)}));
        CHECK_FALSE(host.out.incarnation);
    }
    SECTION("our own record of now needs no answer") {
        std::vector<Message> const said = host.said_to(1);
        REQUIRE(record_of(said, 0) != nullptr);
        REQUIRE(host.receive(1, {*record_of(said, 0)}));
        CHECK(host.said_to(1).empty());
    }
}

TEST_CASE("a member that is down to us and speaks is told so") {
    Host host;
    host.meet(1);
    REQUIRE(host.receive_stream(
        1, {exchange(Phase::take), record(2, 7), accusation(Kind::down, 2, 7, 1)}));
    REQUIRE(host.state(2) == State::down);
    REQUIRE(host.receive(2, {gossip::Ping{9}}));
    std::vector<Message> const said = host.said_to(2);
    REQUIRE(first_of<Accusation>(said) != nullptr);
    CHECK(first_of<Accusation>(said)->member == node_id(2));
    CHECK(first_of<Accusation>(said)->kind == Kind::down);
    CHECK(first_of<gossip::Ack>(said) != nullptr);
    // Also when there is nothing else to answer.
    REQUIRE(host.receive(2, {gossip::Broadcast{}}));
    CHECK(first_of<Accusation>(host.said_to(2)) != nullptr);
    // That it speaks does not make it alive; only its own higher incarnation does.
    CHECK(host.state(2) == State::down);
    REQUIRE(host.receive(2, {record(2, 7)}));
    CHECK(host.state(2) == State::down);
    REQUIRE(host.receive(2, {record(2, 8)}));
    CHECK(host.state(2) == State::alive);
}

TEST_CASE("nothing is heard from a member that was thrown out, nor of it") {
    Host host;
    host.meet(3);
    host.gossip.evict(host.now, node_id(2), host.out);
    CHECK(host.receive(2, {gossip::Ping{1}}).error() == Errc::evicted);
    CHECK(host.receive_stream(2, {compare({1}), record(2, 2)}).error() == Errc::evicted);
    CHECK(host.out.sends.empty());
    REQUIRE(host.receive(1, {record(2, 5), gossip::PingRequest{1, node_id(2), host_address(2),
                                                               base::milliseconds(100)}}));
    CHECK(host.state(2) == State::evicted);
    CHECK(host.said_to(2).empty());
    // Also when it was not known.
    host.gossip.evict(host.now, node_id(8), host.out);
    CHECK(host.receive(8, {record(8)}).error() == Errc::evicted);
    host.gossip.readmit(host.now, node_id(8), host.out);
    CHECK(host.receive(8, {record(8)}));
    CHECK(host.state(8) == State::alive);
}

TEST_CASE("a peer over its rate is not heard, and told of") {
    Host host;
    host.meet(2);
    int taken = 0;
    bool told = false;
    for (int i = 0; i < 5000; ++i) {
        bool const heard = host.receive(1, {gossip::Ping{1}}).has_value();
        taken += heard ? 1 : 0;
        told = told || told_of(host.out, Trouble::Kind::too_fast);
        CHECK((heard || host.out.sends.empty()));
    }
    CHECK(taken >= 1999 - 10);
    CHECK(taken <= 2000);
    CHECK(told);
    CHECK(host.gossip.counters().rate_dropped == static_cast<std::uint64_t>(5000 - taken));
    // The others are heard, and it is again after a while.
    CHECK(host.receive(2, {gossip::Ping{1}}));
    CHECK(host.receive(1, {gossip::Ping{1}}).error() == Errc::too_fast);
    host.now += base::seconds(1);
    CHECK(host.receive(1, {gossip::Ping{1}}));
}

TEST_CASE("a flood of unknown senders is bounded") {
    Host host;
    int taken = 0;
    for (int i = 0; i < 3000; ++i) {
        taken += host.receive(1000 + i, {gossip::Ping{1}}) ? 1 : 0;
    }
    CHECK(taken < 500);
    CHECK(host.gossip.members().size() == 1);
}

TEST_CASE("requests to ping beyond the bound are dropped") {
    Host host;
    host.meet(2);
    std::size_t pings = 0;
    for (int i = 0; i < 300; ++i) {
        auto const sequence = static_cast<std::uint64_t>(i);
        REQUIRE(host.receive(1, {gossip::PingRequest{sequence, node_id(2), host_address(2),
                                                     base::milliseconds(100)}}));
        pings += first_of<gossip::Ping>(host.said_to(2)) != nullptr ? 1 : 0;
    }
    CHECK(pings == 256);
}

TEST_CASE("who asked for a ping hears that nothing came back") {
    Host host;
    host.meet(2);
    REQUIRE(host.receive(
        1, {gossip::PingRequest{77, node_id(2), host_address(2), base::milliseconds(30)}}));
    bool nacked = false;
    base::Instant const due = host.now + base::milliseconds(30);
    while (!nacked && host.gossip.next_deadline() <= due) {
        host.now = std::max(host.now, host.gossip.next_deadline());
        host.out.clear();
        host.gossip.on_tick(host.now, host.out);
        std::vector<Message> const said = host.said_to(1);
        auto const* const nack = first_of<gossip::Nack>(said);
        nacked = nack != nullptr && nack->sequence == 77;
    }
    CHECK(nacked);
}

TEST_CASE("a ping by stream is answered by stream") {
    Host host;
    host.meet(1);
    REQUIRE(host.receive_stream(1, {gossip::Ping{5}}));
    REQUIRE(host.out.sends.size() >= 1);
    auto const answer = std::ranges::find(host.out.sends, Channel::stream, &gossip::Send::channel);
    REQUIRE(answer != host.out.sends.end());
    CHECK(answer->to == host_address(1));
    auto const messages = gossip::decode(answer->bytes);
    REQUIRE(messages);
    REQUIRE(first_of<gossip::Ack>(*messages) != nullptr);
    CHECK(first_of<gossip::Ack>(*messages)->sequence == 5);
}

TEST_CASE("an answer that nobody waits for, or from another than was asked, is none") {
    Host host;
    host.meet(2);
    for (std::uint64_t const sequence : {std::uint64_t{0}, std::uint64_t{1}, UINT64_MAX}) {
        REQUIRE(host.receive(1, {gossip::Ack{sequence, node_id(1), {}}}));
        REQUIRE(host.receive(1, {gossip::Nack{sequence}}));
        CHECK(host.out.sends.empty());
    }
    CHECK(host.gossip.find(node_id(1))->round_trip == base::Duration{});
}

TEST_CASE("equal views are compared for the price of their digests") {
    Host one;
    Host other;
    one.meet(40);
    other.meet(40);
    // What one says when its views are compared, handed to the other as if from host 1.
    std::vector<base::SocketAddress> const seeds{host_address(1)};
    one.out.clear();
    one.gossip.join(one.now, seeds, one.out);
    REQUIRE(one.out.sends.size() == 1);
    CHECK(one.out.sends.front().bytes.size() < 900);
    REQUIRE(other.receive(1, Channel::stream, one.out.sends.front().bytes));
    CHECK(std::ranges::none_of(
        other.out.sends, [](gossip::Send const& send) { return send.channel == Channel::stream; }));
}

TEST_CASE("views that differ are answered with what differs") {
    Host host;
    host.meet(40);
    REQUIRE(host.receive_stream(
        1, {compare(std::vector<std::uint64_t>(gossip::buckets_max)), record(1)}));
    std::vector<Message> const said = host.said_to(1);
    REQUIRE(first_of<Exchange>(said) != nullptr);
    CHECK(first_of<Exchange>(said)->phase == Phase::give);
    CHECK(std::ranges::count_if(said, [](Message const& message) {
              return std::holds_alternative<Record>(message);
          }) == 41);
}

TEST_CASE("a stranger beyond members_max is not taken in") {
    Host host;
    fill_table(host);
    CHECK(host.gossip.members().size() == gossip::members_max);
    REQUIRE(host.receive(1, {record(5000)}));
    CHECK(host.gossip.find(node_id(5000)) == nullptr);
}

TEST_CASE("a full view is split into stream messages of the allowed size") {
    Host host;
    for (int part = 0; part < 4; ++part) {
        std::vector<Message> messages{exchange(Phase::take)};
        for (int i = 1; i <= 1000; ++i) {
            Record full = draft(part * 1000 + i);
            full.meta.resize(gossip::meta_max);
            messages.emplace_back(signed_by(part * 1000 + i, std::move(full)));
        }
        REQUIRE(host.receive_stream(1, messages));
    }
    REQUIRE(host.receive_stream(1, {compare({1}), record(1)}));
    REQUIRE(host.out.sends.size() >= 2);
    std::size_t records = 0;
    std::size_t wanted = 0;
    for (gossip::Send const& send : host.out.sends) {
        CHECK(send.bytes.size() <= (1 << 20));
        auto const messages = gossip::decode(send.bytes);
        REQUIRE(messages);
        records += messages->size() - 1;
        wanted += first_of<Exchange>(*messages)->phase == Phase::give ? 1 : 0;
    }
    CHECK(records == host.gossip.members().size());
    CHECK(wanted == 1);
}

TEST_CASE("a host that left answers nobody") {
    Host host;
    host.meet(1);
    host.gossip.leave(host.now, host.out);
    REQUIRE(host.receive(1, {accusation(Kind::down, 0, 9, 1), gossip::Ping{1}}));
    CHECK(host.out.sends.empty());
    CHECK(host.state(0) == State::left);
}

TEST_CASE("our meta costs an incarnation only when it changes") {
    Host host;
    host.gossip.set_meta(host.now, base::to_bytes("a"), host.out);
    CHECK(host.out.incarnation == 6U);
    host.out.clear();
    host.gossip.set_meta(host.now, base::to_bytes("a"), host.out);
    CHECK_FALSE(host.out.incarnation);
}

TEST_CASE("nothing drives an incarnation beyond its bound") {
    support::FakeKeys const keys(node_id(0));
    gossip::Gossip restarted({node_id(0), "", {}, gossip::incarnation_max + 1, {}, 0}, {},
                             base::Prng(1), keys);
    CHECK(restarted.self().incarnation == gossip::incarnation_max);
    gossip::Effects out;
    base::Instant const now{base::seconds(1)};
    restarted.on_tick(now, out);
    REQUIRE(restarted.on_message(
        now, node_id(1), host_address(1), Channel::datagram,
        packet({record(1), accusation(Kind::down, 0, gossip::incarnation_max, 1)}), out));
    CHECK(restarted.self().incarnation == gossip::incarnation_max);
}

TEST_CASE("a suspect that is forgotten for want of room is no suspect any more") {
    Host host;
    fill_table(host);
    REQUIRE(host.receive(1, {accusation(Kind::suspect, 2, 1, 1)}));
    REQUIRE(host.state(2) == State::suspect);
    REQUIRE(host.receive(1, {record(2, 1, Intent::left)}));
    REQUIRE(host.state(2) == State::left);
    REQUIRE(host.receive(1, {record(5000)}));
    REQUIRE(host.gossip.find(node_id(2)) == nullptr);
    host.run_until(host.now + base::seconds(12), {});
}

TEST_CASE("a shorter probe interval is no pause") {
    Host host;
    gossip::Config config;
    config.probe_interval = base::seconds(10);
    REQUIRE(host.gossip.set_config(host.now, config));
    host.meet(3);
    host.run_until(host.now + base::seconds(60), {1, 2, 3});
    host.now = host.gossip.next_deadline() - base::milliseconds(5);
    int const before = host.gossip.counters().health;
    config.probe_interval = base::milliseconds(200);
    REQUIRE(host.gossip.set_config(host.now, config));
    host.run_until(host.now + base::milliseconds(10), {1, 2, 3});
    CHECK(host.gossip.counters().health == before);
}
