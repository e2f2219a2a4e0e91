// The wire form: every message there and back, and what is refused.
#include "gossip/codec.h"

#include <initializer_list>
#include <limits>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "base/text.h"
#include "tests/support/fake_keys.h"

using gossip::Accusation;
using gossip::Ack;
using gossip::Broadcast;
using gossip::Exchange;
using gossip::Intent;
using gossip::Message;
using gossip::Nack;
using gossip::Padding;
using gossip::Ping;
using gossip::PingRequest;
using gossip::Record;
using support::FakeKeys;

namespace {

base::NodeId node_id(int host) {
    base::NodeId id;
    id.bytes.fill(static_cast<std::uint8_t>(0x10 + host));
    return id;
}

base::SocketAddress address(std::string_view text) {
    auto const parsed = base::parse_socket_address(text, 0);
    REQUIRE(parsed);
    return *parsed;
}

base::Bytes packet_of(std::vector<Message> const& messages) {
    gossip::PacketWriter writer(1 << 20);
    for (Message const& message : messages) {
        REQUIRE(writer.add(gossip::encode(message)));
    }
    return writer.take();
}

template <class T>
T round_trip(T const& message) {
    auto const messages = gossip::decode(packet_of({message}));
    REQUIRE(messages);
    REQUIRE(messages->size() == 1);
    REQUIRE(std::holds_alternative<T>(messages->front()));
    return std::get<T>(messages->front());
}

bool accepted(Message const& message) {
    return gossip::decode(packet_of({message})).has_value();
}

base::Bytes bytes(std::initializer_list<int> values) {
    base::Bytes out;
    for (int const value : values) {
        out.push_back(static_cast<std::byte>(value));
    }
    return out;
}

base::Bytes from_hex(std::string_view text) {
    base::Bytes out;
    auto const nibble = [](char digit) { return digit <= '9' ? digit - '0' : digit - 'a' + 10; };
    for (std::size_t at = 0; at + 1 < text.size(); at += 2) {
        out.push_back(static_cast<std::byte>(nibble(text[at]) << 4 | nibble(text[at + 1])));
    }
    return out;
}

std::string to_hex(base::ByteView packet) {
    std::string out;
    for (std::byte const byte : packet) {
        out += "0123456789abcdef"[std::to_integer<unsigned>(byte) >> 4];
        out += "0123456789abcdef"[std::to_integer<unsigned>(byte) & 0xf];
    }
    return out;
}

Record plain_record(int host) {
    return {.id = node_id(host),
            .incarnation = 1 << 20,
            .intent = Intent::running,
            .address = address("10.0.0.9:7700"),
            .name = "host",
            .meta = base::to_bytes("meta"),
            .body = {}};
}

Record signed_record(int host) {
    return gossip::make_record(plain_record(host), FakeKeys(node_id(host)));
}

gossip::Coordinate place() {
    return {.at = {0.001F, -0.002F, 0, 0, 0, 0, 0, 0.25F},
            .height = 0.0005F,
            .error = 0.3F,
            .adjustment = -0.0001F};
}

Exchange exchange(Exchange::Phase phase, int count, std::uint64_t buckets) {
    return {.phase = phase,
            .digests = {},
            .bucket_count = static_cast<std::uint8_t>(count),
            .buckets = buckets};
}

// One of every kind, and of every phase.
std::vector<Message> every_kind() {
    return {Ping{0x0102030405060708},
            PingRequest{7, node_id(2), address("[fd00::1]:7700"), base::milliseconds(300)},
            Ack{8, node_id(1), place()},
            Ack{9, node_id(3), {}},
            Nack{10},
            signed_record(1),
            Accusation{Accusation::Kind::refused, node_id(2), 1 << 20, node_id(1)},
            Exchange{.phase = Exchange::Phase::compare, .digests = {1, UINT64_MAX}},
            exchange(Exchange::Phase::give, 64, UINT64_MAX),
            exchange(Exchange::Phase::take, 1, 1),
            Broadcast{base::to_bytes("payload")},
            Padding{20}};
}

void check_same(Record const& read, Record const& sent) {
    CHECK(read.id == sent.id);
    CHECK(read.key == sent.key);
    CHECK(read.incarnation == sent.incarnation);
    CHECK(read.intent == sent.intent);
    CHECK(read.address == sent.address);
    CHECK(read.name == sent.name);
    CHECK(read.meta == sent.meta);
    CHECK(read.body == sent.body);
    CHECK(read.signature == sent.signature);
}

}  // namespace

TEST_CASE("probes survive the wire") {
    CHECK(round_trip(Ping{UINT64_MAX}).sequence == UINT64_MAX);
    CHECK(round_trip(Nack{UINT64_MAX}).sequence == UINT64_MAX);
    PingRequest const request{3, node_id(4), address("[fd00::1]:65535"), gossip::patience_max};
    PingRequest const read = round_trip(request);
    CHECK(read.sequence == 3);
    CHECK(read.target == request.target);
    CHECK(read.address == request.address);
    CHECK(read.patience == request.patience);
    Ack const ack = round_trip(Ack{5, node_id(4), place()});
    CHECK(ack.sequence == 5);
    CHECK(ack.subject == node_id(4));
    CHECK(ack.coordinate == place());
    CHECK_FALSE(round_trip(Ack{5, node_id(4), {}}).coordinate);
}

TEST_CASE("the patience of a ping request is whole milliseconds within its bounds") {
    auto const sent = [](base::Duration patience) {
        return round_trip(PingRequest{1, node_id(1), {}, patience}).patience;
    };
    CHECK(sent(base::nanoseconds(1'999'999)) == base::milliseconds(1));
    CHECK(sent(base::milliseconds(-1)) == base::Duration{});
    CHECK(sent(base::seconds(61)) == gossip::patience_max);
}

TEST_CASE("records and accusations survive the wire") {
    for (Intent const intent :
         {Intent::running, Intent::unsteady, Intent::restarting, Intent::leaving, Intent::left}) {
        Record full = plain_record(9);
        full.intent = intent;
        full.incarnation = gossip::incarnation_max;
        full.address = address("[fd00::1]:65535");
        full.name = std::string(gossip::name_max, 'n');
        full.meta = base::Bytes(gossip::meta_max, std::byte{7});
        Record const sent = gossip::make_record(full, FakeKeys(full.id));
        CHECK(sent.body.size() <= gossip::record_body_max);
        check_same(round_trip(sent), sent);
    }
    for (auto const kind :
         {Accusation::Kind::suspect, Accusation::Kind::refused, Accusation::Kind::down}) {
        Accusation const read =
            round_trip(Accusation{kind, node_id(1), gossip::incarnation_max, node_id(2)});
        CHECK(read.kind == kind);
        CHECK(read.member == node_id(1));
        CHECK(read.incarnation == gossip::incarnation_max);
        CHECK(read.accuser == node_id(2));
    }
}

TEST_CASE("exchanges and payloads survive the wire") {
    for (std::size_t const count : {std::size_t{1}, gossip::buckets_max}) {
        Exchange compare{.digests = std::vector<std::uint64_t>(count, 0x0123456789abcdef)};
        compare.digests.back() = 1;
        Exchange const read = round_trip(compare);
        CHECK(read.phase == Exchange::Phase::compare);
        CHECK(read.digests == compare.digests);
    }
    for (auto const phase : {Exchange::Phase::give, Exchange::Phase::take}) {
        Exchange const read = round_trip(exchange(phase, 63, UINT64_MAX >> 1));
        CHECK(read.phase == phase);
        CHECK(read.bucket_count == 63);
        CHECK(read.buckets == UINT64_MAX >> 1);
    }
    CHECK(round_trip(Broadcast{base::Bytes(gossip::payload_max)}).bytes.size() ==
          gossip::payload_max);
}

TEST_CASE("padding is exactly as large as it should be") {
    // Around where the forms of a bin change.
    for (std::size_t const size : {8U, 9U, 257U, 258U, 259U, 260U, 65'540U, 65'541U, 65'542U}) {
        CAPTURE(size);
        CHECK(gossip::encode(Padding{size}).size() == size);
        CHECK(round_trip(Padding{size}).size == size);
    }
}

TEST_CASE("a record or accusation over a bound is malformed") {
    // make_record() does not make such; a peer may. Name and meta are the last 11 bytes.
    Record const good = signed_record(1);
    REQUIRE(accepted(good));
    auto const with_tail = [&](base::ByteView tail) {
        Record record = good;
        record.body.resize(record.body.size() - 11);
        record.body.insert(record.body.end(), tail.begin(), tail.end());
        return accepted(record);
    };
    auto const text = [](std::size_t size) {
        base::Bytes out = bytes({0xd9, static_cast<int>(size)});
        out.resize(out.size() + size, std::byte{'n'});
        return out;
    };
    auto const blob = [](std::size_t size) {
        base::Bytes out = bytes({0xc5, static_cast<int>(size >> 8), static_cast<int>(size)});
        out.resize(out.size() + size);
        return out;
    };
    auto const joined = [](base::Bytes left, base::Bytes const& right) {
        left.insert(left.end(), right.begin(), right.end());
        return left;
    };
    CHECK(with_tail(joined(text(gossip::name_max), blob(gossip::meta_max))));
    CHECK_FALSE(with_tail(joined(text(gossip::name_max + 1), blob(0))));
    CHECK_FALSE(with_tail(joined(text(0), blob(gossip::meta_max + 1))));
    // What a later version says behind it is kept, up to a bound.
    std::size_t const head = good.body.size() - 11;
    std::size_t const rest = gossip::record_body_max - head - 2 - 3 - 3;
    CHECK(with_tail(joined(joined(text(0), blob(0)), blob(rest))));
    CHECK_FALSE(with_tail(joined(joined(text(0), blob(0)), blob(rest + 1))));

    Record none = good;
    none.body.clear();
    CHECK_FALSE(accepted(none));
    Accusation accusation{Accusation::Kind::down, node_id(1), gossip::incarnation_max + 1,
                          node_id(2)};
    CHECK_FALSE(accepted(accusation));
}

TEST_CASE("a record with an incarnation out of bounds is malformed") {
    Record const good = signed_record(1);
    // Behind the id (2 + 16 bytes) and the key (2 + 32): the incarnation (5) and the intent (1).
    std::size_t const at = 52;
    REQUIRE(good.body[at] == std::byte{0xce});
    auto const with_incarnation = [&](std::initializer_list<int> encoded) {
        Record record = good;
        auto const from = record.body.begin() + static_cast<std::ptrdiff_t>(at);
        auto const to = record.body.erase(from, from + 5);
        base::Bytes const put = bytes(encoded);
        record.body.insert(to, put.begin(), put.end());
        return accepted(record);
    };
    CHECK(with_incarnation({0xcf, 0x40, 0, 0, 0, 0, 0, 0, 0}));
    CHECK_FALSE(with_incarnation({0xcf, 0x40, 0, 0, 0, 0, 0, 0, 1}));
}

TEST_CASE("a record with a key or signature of another size is malformed") {
    Record const good = signed_record(1);
    auto const with_key = [&](std::size_t size) {
        Record record = good;
        auto const key = record.body.begin() + 18;
        REQUIRE(key[1] == std::byte{32});
        base::Bytes put = bytes({0xc4, static_cast<int>(size)});
        put.resize(put.size() + size);
        record.body.insert(record.body.erase(key, key + 34), put.begin(), put.end());
        return accepted(record);
    };
    CHECK(with_key(32));
    CHECK_FALSE(with_key(31));
    CHECK_FALSE(with_key(33));
    auto const with_signature = [&](std::size_t size) {
        std::size_t const body = good.body.size();
        base::Bytes packet =
            bytes({static_cast<int>(gossip::wire_version), 4, 0xc4,
                   static_cast<int>(2 + body + 2 + size), 0xc4, static_cast<int>(body)});
        packet.insert(packet.end(), good.body.begin(), good.body.end());
        base::Bytes const head = bytes({0xc4, static_cast<int>(size)});
        packet.insert(packet.end(), head.begin(), head.end());
        packet.resize(packet.size() + size);
        return gossip::decode(packet).has_value();
    };
    CHECK(with_signature(64));
    CHECK_FALSE(with_signature(63));
    CHECK_FALSE(with_signature(65));
}

TEST_CASE("an exchange, payload or request over a bound is malformed") {
    auto const compare = [](std::size_t digests) {
        return accepted(Exchange{.digests = std::vector<std::uint64_t>(digests)});
    };
    CHECK_FALSE(compare(0));
    CHECK(compare(gossip::buckets_max));
    CHECK_FALSE(compare(gossip::buckets_max + 1));
    auto const give = [](int count, std::uint64_t buckets) {
        return accepted(exchange(Exchange::Phase::give, count, buckets));
    };
    CHECK(give(1, 0));
    CHECK_FALSE(give(0, 0));
    CHECK_FALSE(give(65, 0));
    CHECK_FALSE(give(1, 2));
    CHECK(give(64, UINT64_MAX));
    CHECK_FALSE(accepted(Broadcast{base::Bytes(gossip::payload_max + 1)}));
    int const v = static_cast<int>(gossip::wire_version);
    // A digest of 7 bytes.
    CHECK(gossip::decode(bytes({v, 6, 0xc4, 11, 0, 0xc4, 8, 1, 2, 3, 4, 5, 6, 7, 8})));
    CHECK_FALSE(gossip::decode(bytes({v, 6, 0xc4, 10, 0, 0xc4, 7, 1, 2, 3, 4, 5, 6, 7})));
    // Padding of less than padding_min.
    CHECK(gossip::decode(bytes({v, 8, 0xc4, 5, 0, 0, 0, 0, 0})));
    CHECK_FALSE(gossip::decode(bytes({v, 8, 0xc4, 4, 0, 0, 0, 0})));
    // A patience of 60,000 and of 60,001 ms.
    base::Bytes request = packet_of({PingRequest{1, node_id(1), {}, gossip::patience_max}});
    REQUIRE(request.back() == std::byte{0x60});
    CHECK(gossip::decode(request));
    request.back() = std::byte{0x61};
    CHECK_FALSE(gossip::decode(request));
}

TEST_CASE("a packet of more than messages_max messages is malformed") {
    gossip::PacketWriter writer(1 << 20);
    for (std::size_t i = 0; i < gossip::messages_max; ++i) {
        REQUIRE(writer.add(gossip::encode(Ping{1})));
    }
    gossip::PacketWriter more = writer;
    more.add(gossip::encode(Ping{1}));
    CHECK(gossip::decode(writer.take()));
    CHECK_FALSE(gossip::decode(more.take()));
}

TEST_CASE("a packet cut anywhere but between messages is malformed, none is read past its end") {
    base::Bytes whole;
    std::vector<std::size_t> ends;
    gossip::PacketWriter writer(1 << 20);
    for (Message const& message : every_kind()) {
        std::size_t const before = writer.room();
        REQUIRE(writer.add(gossip::encode(message)));
        ends.push_back((1 << 20) - before);
    }
    whole = writer.take();
    CHECK(gossip::decode(whole));
    for (std::size_t size = 0; size < whole.size(); ++size) {
        CAPTURE(size);
        // A copy of its own, for the sanitizers to see its end.
        base::Bytes const part(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
        auto const end = std::ranges::find(ends, size);
        auto const messages = gossip::decode(part);
        REQUIRE(messages.has_value() == (end != ends.end()));
        if (messages) {
            CHECK(messages->size() == static_cast<std::size_t>(end - ends.begin()));
        }
    }
}

TEST_CASE("packets of a later version of the same format are read as far as known") {
    int const v = static_cast<int>(gossip::wire_version);
    // Kind 99 with a body of one byte, then a ping (kind 0) of sequence 5 with a field more.
    auto const messages = gossip::decode(bytes({v, 99, 0xc4, 1, 7, 0, 0xc4, 2, 5, 6}));
    REQUIRE(messages);
    REQUIRE(messages->size() == 1);
    CHECK(std::get<Ping>(messages->front()).sequence == 5);
    CHECK_FALSE(gossip::decode(bytes({v + 1, 0, 0xc4, 1, 5})));  // another version
    CHECK_FALSE(gossip::decode(bytes({v - 1, 0, 0xc4, 1, 5})));
    CHECK_FALSE(gossip::decode(bytes({v, 0, 0x91, 5})));        // an array for a body
    CHECK_FALSE(gossip::decode(bytes({v, 0, 0xc4, 1, 0xc0})));  // nil for a number
}

TEST_CASE("intents of a later version are taken for what their lowest three bits say") {
    auto const taken_for = [](int intent) {
        Record record = signed_record(1);
        record.body[57] = static_cast<std::byte>(intent);
        Record const read = round_trip(record);
        CHECK(read.body == record.body);
        return read.intent;
    };
    CHECK(taken_for(4) == Intent::left);
    CHECK(taken_for(5) == Intent::running);
    CHECK(taken_for(8) == Intent::running);
    CHECK(taken_for(8 + 1) == Intent::unsteady);
    CHECK(taken_for(16 + 3) == Intent::leaving);
    CHECK(taken_for(127) == Intent::running);
}

TEST_CASE("accusations and phases of a later version cost nothing but themselves") {
    auto const unknown = static_cast<Accusation::Kind>(3);
    auto const messages = gossip::decode(packet_of(
        {Ping{1}, Accusation{unknown, node_id(1), UINT64_MAX, node_id(2)}, signed_record(3)}));
    REQUIRE(messages);
    REQUIRE(messages->size() == 2);
    CHECK(std::holds_alternative<Ping>(messages->at(0)));
    CHECK(std::get<Record>(messages->at(1)).id == node_id(3));
    Exchange const read = round_trip(exchange(static_cast<Exchange::Phase>(3), 200, 1));
    CHECK(read.phase == Exchange::Phase::take);
    CHECK(read.buckets == 0);
}

TEST_CASE("a packet of a later version is read as far as this one knows") {
    // As it may one day be sent: a ping that says more; a kind of message, of intent, of
    // accusation and a phase that this version does not know; more behind a record's meta; a
    // coordinate of another size.
    std::string const later =
        "0200c40605a46e65787428c4049301020304c49bc457c41011111111111111111111111111111111"
        "c4200101010101010101010101010101010101010101010101010101010101010101ce0010000009"
        "c4040a000009cd1e14a4686f7374c4046d65746181a47a6f6e65a16107c440020202020202020202"
        "02020202020202020202020202020202020202020202020202020202020202020202020202020202"
        "02020202020202020202020202020205c41409c41012121212121212121212121212121212c305c4"
        "2700c4101212121212121212121212121212121201c4101111111111111111111111111111111103"
        "06c40304a17802c45106c41011111111111111111111111111111111c43c00000000000000000000"
        "00000000000000000000000000000000000000000000000000000000000000000000000000000000"
        "00000000000000000000";
    auto const messages = gossip::decode(from_hex(later));
    REQUIRE(messages);
    REQUIRE(messages->size() == 5);
    CHECK(std::get<Ping>(messages->at(0)).sequence == 5);
    auto const& record = std::get<Record>(messages->at(1));
    CHECK(record.id == node_id(1));
    CHECK(record.intent == Intent::unsteady);
    CHECK(record.name == "host");
    CHECK(record.meta == base::to_bytes("meta"));
    // Passed on as it was signed, with what this version does not read.
    CHECK(later.find(to_hex(gossip::encode(record))) != std::string::npos);
    auto const& accusation = std::get<Accusation>(messages->at(2));
    CHECK(accusation.kind == Accusation::Kind::suspect);
    CHECK(accusation.member == node_id(2));
    CHECK(std::get<Exchange>(messages->at(3)).phase == Exchange::Phase::take);
    CHECK(std::get<Ack>(messages->at(4)).sequence == 6);
    CHECK_FALSE(std::get<Ack>(messages->at(4)).coordinate);
}

TEST_CASE("an ack with a place that cannot be is an ack without one") {
    gossip::Coordinate broken = place();
    broken.at[3] = std::numeric_limits<float>::quiet_NaN();
    CHECK_FALSE(round_trip(Ack{1, node_id(1), broken}).coordinate);
    broken = place();
    broken.height = std::numeric_limits<float>::infinity();
    CHECK_FALSE(round_trip(Ack{1, node_id(1), broken}).coordinate);

    base::Bytes ack =
        bytes({static_cast<int>(gossip::wire_version), 2, 0xc4, 1 + 18 + 5, 7, 0xc4, 16});
    ack.resize(ack.size() + 16);
    base::Bytes const three = bytes({0xc4, 3, 1, 2, 3});
    ack.insert(ack.end(), three.begin(), three.end());
    auto const messages = gossip::decode(ack);
    REQUIRE(messages);
    CHECK(std::get<Ack>(messages->front()).sequence == 7);
    CHECK_FALSE(std::get<Ack>(messages->front()).coordinate);
}

TEST_CASE("a record is believed only as its subject signed it") {
    FakeKeys const ours(node_id(2));
    Record const sent = signed_record(1);
    CHECK(gossip::verify(sent, ours));
    CHECK(gossip::verify(round_trip(sent), ours));
    CHECK(sent.key == FakeKeys::key_of(node_id(1)));

    base::Bytes const packet = packet_of({sent});
    std::size_t read = 0;
    for (std::size_t at = 0; at < packet.size(); ++at) {
        for (int bit = 0; bit < 8; ++bit) {
            CAPTURE(at, bit);
            base::Bytes changed = packet;
            changed[at] ^= static_cast<std::byte>(1 << bit);
            auto const messages = gossip::decode(changed);
            if (messages && !messages->empty() &&
                std::holds_alternative<Record>(messages->front())) {
                ++read;
                REQUIRE_FALSE(gossip::verify(std::get<Record>(messages->front()), ours));
            }
        }
    }
    CHECK(read > 8 * 64);  // at least every bit of the signature
}

TEST_CASE("nobody signs for another") {
    FakeKeys const forger(node_id(3));
    // With the forger's key in the record, and with the subject's.
    CHECK_FALSE(gossip::verify(gossip::make_record(plain_record(1), forger), forger));
    Record forged = signed_record(1);
    forged.signature = gossip::make_record(plain_record(1), forger).signature;
    CHECK_FALSE(gossip::verify(forged, forger));
    // What was signed for another purpose: the body alone.
    Record bare = signed_record(1);
    bare.signature = FakeKeys(node_id(1)).sign(bare.body);
    CHECK_FALSE(gossip::verify(bare, forger));
}

TEST_CASE("the wire form does not change") {
    // Every host of a fleet must read what every other writes: if this fails, wire_version must
    // rise.
    std::string const golden =
        "0200c409cf010203040506070801c42b07c41012121212121212121212121212121212c410fd0000"
        "00000000000000000000000001cd1e14cd012c02c44108c410111111111111111111111111111111"
        "11c42c3a83126fbb03126f00000000000000000000000000000000000000003e8000003a03126f3e"
        "99999ab8d1b71702c41509c41013131313131313131313131313131313c40003c4010a04c492c44e"
        "c41011111111111111111111111111111111c420111111111111111111111111111111119e003db4"
        "08e07fb400a65e335aa17310ce0010000000c4040a000009cd1e14a4686f7374c4046d657461c440"
        "68102ce9705482b841f20d6fdfc968a866879353ca5905252d83a03b747ce549fae3a1abd8305ea8"
        "58fabc326186e48d2f16a32ffc6126a40acf3e943ad246ad05c42a01c41012121212121212121212"
        "121212121212ce00100000c4101111111111111111111111111111111106c41300c4100000000000"
        "000001ffffffffffffffff06c40b0140cfffffffffffffffff06c40302010107c409c4077061796c"
        "6f616408c60000000e0000000000000000000000000000";
    CHECK(to_hex(packet_of(every_kind())) == golden);
    auto const messages = gossip::decode(from_hex(golden));
    REQUIRE(messages);
    REQUIRE(messages->size() == every_kind().size());
    CHECK(to_hex(packet_of(*messages)) == golden);
    check_same(std::get<Record>((*messages)[5]), signed_record(1));
    CHECK(std::get<Ack>((*messages)[2]).coordinate == place());
}
