#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>

#include "base/bytes.h"
#include "base/ids.h"
#include "net/frames.h"
#include "net/identity.h"
#include "net/sealing.h"

namespace net {

// The key exchange that opens a stream between two members, as bytes in and bytes out:
//
//   client -> server   hello   sealed under the fleet key: public key, X25519 key, listening port
//   server -> client   reply   sealed under the fleet key: public key, X25519 key, signature
//   client -> server   finish  the stream's first message: the client's signature
//
// Both sign the transcript, so each knows that the other holds the key behind its NodeId. Session
// keys come from the X25519 secret and the transcript; they are forgotten with the stream. A hello
// from outside the fleet, or one seen before, gets no answer. Both messages have one size.
enum class HandshakeError : std::uint8_t {
    dropped,         // the packet did not open: the sealer counts why
    malformed,       // not the message that was expected
    wrong_identity,  // the NodeId is not the hash of the public key
    bad_signature,   // not signed by the holder of the public key, or for another exchange
    weak_key,        // the X25519 key is a point of small order
};

inline constexpr std::size_t hello_size = Sealer::overhead + 32 + 32 + 2;
inline constexpr std::size_t reply_size = Sealer::overhead + 32 + 32 + 64;

// After any error the object must not be used again and the connection be closed.
class ClientHandshake {
public:
    // Seals the hello; make it when the connection is open, since an old one counts as a replay.
    ClientHandshake(Identity const& self, Sealer& sealer, std::uint16_t listening_port);

    struct Done {
        base::NodeId server;
        FrameWriter writer;
        base::Bytes finish;  // to be sent before any message
    };

    [[nodiscard]] base::Bytes const& hello() const { return hello_; }

    [[nodiscard]] std::expected<Done, HandshakeError> on_reply(base::ByteView reply);

private:
    Identity const& self_;
    Sealer& sealer_;
    ExchangeKey exchange_;
    base::Bytes hello_;
};

class ServerHandshake {
public:
    ServerHandshake(Identity const& self, Sealer& sealer) : self_(self), sealer_(sealer) {}

    // The reply to send.
    [[nodiscard]] std::expected<base::Bytes, HandshakeError> on_hello(base::ByteView hello);
    // The first message of the stream; on_hello() succeeded before.
    [[nodiscard]] std::expected<void, HandshakeError> on_finish(base::ByteView finish) const;

    // Valid after on_hello(); messages behind the first one only count after on_finish().
    [[nodiscard]] FrameReader& reader() { return *reader_; }

    [[nodiscard]] base::NodeId client() const { return client_; }

    [[nodiscard]] std::uint16_t client_port() const { return client_port_; }

private:
    Identity const& self_;
    Sealer& sealer_;
    base::NodeId client_;
    PublicKey client_key_{};
    std::uint16_t client_port_ = 0;
    Digest transcript_{};
    std::optional<FrameReader> reader_;
};

}  // namespace net
