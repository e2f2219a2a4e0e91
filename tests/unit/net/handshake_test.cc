#include "net/handshake.h"

#include <optional>

#include <catch2/catch.hpp>

#include "tests/unit/net/support.h"

using net::HandshakeError;
using net::Purpose;

namespace {
struct Party {
    explicit Party(net::KeyRing const& keys)
        : identity(net::Identity::generate()), sealer(support::sealer_of(identity, keys)) {}

    net::Identity identity;
    net::Sealer sealer;
};

struct Exchange {
    net::KeyRing keys = support::one_key();
    Party client{keys};
    Party server{keys};
    net::ClientHandshake opening{client.identity, client.sealer, 7700};
    net::ServerHandshake answering{server.identity, server.sealer};
};

base::ByteView box_of(base::Bytes const& frame) {
    return base::ByteView(frame).subspan(net::frame_header_size);
}
}  // namespace

TEST_CASE("two members open a stream and each learns who the other is") {
    Exchange exchange;
    auto const reply = exchange.answering.on_hello(exchange.opening.hello());
    REQUIRE(reply);
    CHECK(reply->size() == net::reply_size);
    CHECK(exchange.answering.client() == exchange.client.identity.id());
    CHECK(exchange.answering.client_port() == 7700);
    auto done = exchange.opening.on_reply(*reply);
    REQUIRE(done);
    CHECK(done->server == exchange.server.identity.id());
    auto const finish = exchange.answering.reader().on_frame(box_of(done->finish));
    REQUIRE(finish);
    REQUIRE(*finish);
    CHECK(exchange.answering.on_finish(**finish));
    auto const message =
        exchange.answering.reader().on_frame(box_of(done->writer.seal(support::text("hi"))));
    REQUIRE(message);
    CHECK(**message == support::text("hi"));
}

TEST_CASE("a hello from outside the fleet, or seen before, gets no answer") {
    Exchange exchange;
    SECTION("another fleet") {
        Party stranger(support::one_key());
        net::ClientHandshake const opening(stranger.identity, stranger.sealer, 1);
        CHECK(exchange.answering.on_hello(opening.hello()).error() == HandshakeError::dropped);
    }
    SECTION("replayed") {
        REQUIRE(exchange.answering.on_hello(exchange.opening.hello()));
        net::ServerHandshake again(exchange.server.identity, exchange.server.sealer);
        CHECK(again.on_hello(exchange.opening.hello()).error() == HandshakeError::dropped);
    }
    SECTION("our own") {
        net::ClientHandshake const own(exchange.server.identity, exchange.server.sealer, 1);
        CHECK(exchange.answering.on_hello(own.hello()).error() == HandshakeError::dropped);
    }
}

TEST_CASE("a change of any byte of any message breaks the handshake") {
    Exchange exchange;
    base::Bytes hello = exchange.opening.hello();
    for (std::size_t at = 0; at < hello.size(); ++at) {
        INFO("hello byte " << at);
        hello[at] ^= std::byte{0x20};
        CHECK_FALSE(exchange.answering.on_hello(hello));
        hello[at] ^= std::byte{0x20};
    }
    auto reply = exchange.answering.on_hello(hello);
    REQUIRE(reply);
    for (std::size_t at = 0; at < reply->size(); ++at) {
        INFO("reply byte " << at);
        (*reply)[at] ^= std::byte{0x20};
        CHECK_FALSE(exchange.opening.on_reply(*reply));
        (*reply)[at] ^= std::byte{0x20};
    }
    auto const done = exchange.opening.on_reply(*reply);
    REQUIRE(done);
    base::Bytes finish = done->finish;
    for (std::size_t at = net::frame_header_size; at < finish.size(); ++at) {
        INFO("finish byte " << at);
        finish[at] ^= std::byte{0x20};
        net::FrameReader reader = exchange.answering.reader();
        CHECK_FALSE(reader.on_frame(box_of(finish)));
        finish[at] ^= std::byte{0x20};
    }
}

TEST_CASE("every truncation of hello and reply is refused") {
    Exchange exchange;
    base::Bytes const hello = exchange.opening.hello();
    for (std::size_t size = 0; size < hello.size(); ++size) {
        CHECK_FALSE(exchange.answering.on_hello(base::ByteView(hello).first(size)));
    }
    auto const reply = exchange.answering.on_hello(hello);
    REQUIRE(reply);
    for (std::size_t size = 0; size < reply->size(); ++size) {
        CHECK_FALSE(exchange.opening.on_reply(base::ByteView(*reply).first(size)));
    }
}

// Any member holds the fleet key, so it can seal what it likes under any NodeId. What it lacks is
// the other's Ed25519 key.
TEST_CASE("a member cannot pass for another") {
    Exchange exchange;
    Party mallory(exchange.keys);
    net::Identity const& victim = exchange.client.identity;

    SECTION("with its own public key under the victim's NodeId") {
        net::Sealer as_victim(exchange.keys, victim.id(), net::first_counter(9));
        net::ClientHandshake const opening(mallory.identity, as_victim, 1);
        CHECK(exchange.answering.on_hello(opening.hello()).error() ==
              HandshakeError::wrong_identity);
    }
    SECTION("with the victim's public key, it cannot sign the finish") {
        net::Sealer as_victim(exchange.keys, victim.id(), net::first_counter(9));
        net::ExchangeKey const ephemeral;
        base::ByteWriter out;
        out.raw(victim.public_key());
        out.raw(ephemeral.public_key());
        out.u16(1);
        REQUIRE(exchange.answering.on_hello(as_victim.seal(Purpose::hello, out.view())));
        net::Signature const forged = mallory.identity.sign(support::text("whatever"));
        CHECK(exchange.answering.on_finish(forged).error() == HandshakeError::bad_signature);
        CHECK(exchange.answering.on_finish({}).error() == HandshakeError::malformed);
    }
    SECTION("as the server, it cannot sign the reply") {
        net::Sealer as_server(exchange.keys, exchange.server.identity.id(), net::first_counter(9));
        net::ServerHandshake answering(mallory.identity, as_server);
        auto const reply = answering.on_hello(exchange.opening.hello());
        REQUIRE(reply);
        CHECK(exchange.opening.on_reply(*reply).error() == HandshakeError::wrong_identity);
    }
    SECTION("a signature made for another client does not fit") {
        net::ClientHandshake other(mallory.identity, mallory.sealer, 1);
        auto const reply = exchange.answering.on_hello(other.hello());
        REQUIRE(reply);
        CHECK(exchange.opening.on_reply(*reply).error() == HandshakeError::bad_signature);
    }
}

TEST_CASE("a weak exchange key is refused") {
    Exchange exchange;
    base::ByteWriter out;
    out.raw(exchange.client.identity.public_key());
    out.raw(net::PublicKey{});  // the point of order one
    out.u16(1);
    auto const hello = exchange.client.sealer.seal(Purpose::hello, out.view());
    CHECK(exchange.answering.on_hello(hello).error() == HandshakeError::weak_key);
}
