#include "net/handshake.h"

#include <utility>

#include "base/check.h"

namespace net {

namespace {
Signature sign_as(Identity const& self, std::string_view role, Digest const& transcript) {
    return self.sign(hash({base::as_bytes(role), transcript}));
}

bool signed_as(PublicKey const& signer, std::string_view role, Digest const& transcript,
               Signature const& signature) {
    return verify(signer, hash({base::as_bytes(role), transcript}), signature);
}

constexpr std::string_view server_role = "covey stream server";
constexpr std::string_view client_role = "covey stream client";

// What the server signs: the hello, and its own part of the reply.
Digest offer_of(base::ByteView hello, PublicKey const& server, PublicKey const& exchange) {
    return hash({hello, server, exchange});
}

Key session_key(Key const& shared, Digest const& transcript) {
    return derive_key(shared, "covey stream", {transcript});
}
}  // namespace

ClientHandshake::ClientHandshake(Identity const& self, Sealer& sealer, std::uint16_t listening_port)
    : self_(self), sealer_(sealer) {
    base::ByteWriter out;
    out.raw(self.public_key());
    out.raw(exchange_.public_key());
    out.u16(listening_port);
    hello_ = sealer.seal(Purpose::hello, out.view());
    CHECK(hello_.size() == hello_size);
}

std::expected<ClientHandshake::Done, HandshakeError> ClientHandshake::on_reply(
    base::ByteView reply) {
    auto const opened = sealer_.open(Purpose::reply, reply);
    if (!opened) {
        return std::unexpected(HandshakeError::dropped);
    }
    base::ByteReader in(opened->payload);
    PublicKey server_key;
    PublicKey server_exchange;
    Signature signature;
    get_bytes(in, server_key);
    get_bytes(in, server_exchange);
    get_bytes(in, signature);
    if (!in.complete()) {
        return std::unexpected(HandshakeError::malformed);
    }
    if (node_id_of(server_key) != opened->from) {
        return std::unexpected(HandshakeError::wrong_identity);
    }
    if (!signed_as(server_key, server_role, offer_of(hello_, server_key, server_exchange),
                   signature)) {
        return std::unexpected(HandshakeError::bad_signature);
    }
    auto const shared = exchange_.agree(server_exchange);
    if (!shared) {
        return std::unexpected(HandshakeError::weak_key);
    }
    Digest const transcript = hash({hello_, reply});
    FrameWriter writer(session_key(*shared, transcript));
    Signature const own = sign_as(self_, client_role, transcript);
    base::Bytes finish = writer.seal(own);
    return Done{.server = opened->from, .writer = std::move(writer), .finish = std::move(finish)};
}

std::expected<base::Bytes, HandshakeError> ServerHandshake::on_hello(base::ByteView hello) {
    if (hello.size() != hello_size) {
        return std::unexpected(HandshakeError::malformed);
    }
    auto const opened = sealer_.open(Purpose::hello, hello);
    if (!opened) {
        return std::unexpected(HandshakeError::dropped);
    }
    base::ByteReader in(opened->payload);
    PublicKey client_exchange;
    get_bytes(in, client_key_);
    get_bytes(in, client_exchange);
    client_port_ = in.u16();
    client_ = opened->from;
    if (!in.complete()) {
        return std::unexpected(HandshakeError::malformed);
    }
    if (node_id_of(client_key_) != client_) {
        return std::unexpected(HandshakeError::wrong_identity);
    }
    ExchangeKey const exchange;
    auto const shared = exchange.agree(client_exchange);
    if (!shared) {
        return std::unexpected(HandshakeError::weak_key);
    }
    base::ByteWriter out;
    out.raw(self_.public_key());
    out.raw(exchange.public_key());
    out.raw(
        sign_as(self_, server_role, offer_of(hello, self_.public_key(), exchange.public_key())));
    base::Bytes reply = sealer_.seal(Purpose::reply, out.view());
    CHECK(reply.size() == reply_size);
    transcript_ = hash({hello, reply});
    reader_.emplace(session_key(*shared, transcript_));
    return reply;
}

std::expected<void, HandshakeError> ServerHandshake::on_finish(base::ByteView finish) const {
    base::ByteReader in(finish);
    Signature signature;
    get_bytes(in, signature);
    if (!in.complete()) {
        return std::unexpected(HandshakeError::malformed);
    }
    if (!signed_as(client_key_, client_role, transcript_, signature)) {
        return std::unexpected(HandshakeError::bad_signature);
    }
    return {};
}

}  // namespace net
