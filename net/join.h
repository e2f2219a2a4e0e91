#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <expected>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/address.h"
#include "base/bytes.h"
#include "base/ids.h"
#include "base/time.h"
#include "net/fleet.h"
#include "net/identity.h"
#include "net/token.h"

namespace net {

// How a host that holds a token becomes a member: one message each way on the TCP port, as bytes
// in and bytes out (join_client.h and transport.h move them).
//
//   joiner -> member   kind u8 | token id | nonce | box under the token's key of
//                      { public key, X25519 key, name, signature }
//   member -> joiner   kind u8 | size u32 | X25519 key | nonce | box under (X25519, token key) of
//                      { status, Welcome or how long ago the token expired, signature }
//
// Both sides prove that they know the token and hold their Ed25519 key. A hello whose token is
// unknown, that does not open or was seen before gets no byte back.
inline constexpr std::uint8_t join_kind = 0xc4;
inline constexpr std::size_t join_name_max = 63;
inline constexpr std::size_t join_hello_size =
    1 + 8 + 24 + 32 + 32 + 1 + join_name_max + 64 + tag_size;
inline constexpr std::size_t join_answer_head = 1 + 4;
inline constexpr std::size_t join_answer_max = 16 * 1024;  // without the head

struct MemberAddress {
    base::NodeId id;
    base::SocketAddress address;
    friend bool operator==(MemberAddress const&, MemberAddress const&) = default;
};

inline constexpr std::size_t welcome_members_max = 64;

// What a new member is given.
struct Welcome {
    Fleet fleet;                         // its seeds are left empty
    std::vector<MemberAddress> members;  // at most welcome_members_max, the inviter among them
    base::NodeId inviter;
    base::IpAddress seen_as;      // the joiner's address as the inviter saw it
    base::SocketAddress asked{};  // where the inviter answered; not on the wire
    friend bool operator==(Welcome const&, Welcome const&) = default;
};

struct Joiner {
    base::NodeId id;
    PublicKey public_key{};
    std::string name;
};

// Why a host was not let in, as the member said.
struct TokenExpired {
    std::int64_t seconds_ago{};
};

struct TokenUsedUp {};

enum class JoinError : std::uint8_t {
    forged,     // not made by someone who holds the token and the keys it names
    malformed,  // not a message of this version
    replayed,   // this very hello was answered before
    unknown,    // no member knows the token
};

// The member's side.
class JoinDesk {
public:
    static constexpr std::size_t remembered_max = 1024;  // hellos; then the oldest is forgotten

    struct Ports {  // all of them set
        // The token's record, or nothing if it does not exist or was revoked.
        std::function<std::optional<TokenRecord>(TokenId const&)> find_token;
        // Fleet and members as of now; `inviter` and `seen_as` are filled in by the desk.
        std::function<Welcome()> welcome;
        // The joiner was let in: count one use of the token.
        std::function<void(TokenId const&, Joiner const&)> on_joined;
    };

    JoinDesk(Identity const& self, Ports ports) : self_(self), ports_(std::move(ports)) {}

    // The whole answer to a hello of join_hello_size bytes; on error nothing is to be sent.
    [[nodiscard]] std::expected<base::Bytes, JoinError> on_hello(base::WallSeconds now,
                                                                 base::IpAddress const& source,
                                                                 base::ByteView hello);

private:
    bool remember(base::ByteView hello);

    Identity const& self_;
    Ports ports_;
    std::deque<Digest> answered_;
};

// The joiner's side, for one attempt.
class JoinAttempt {
public:
    // The name is cut to join_name_max bytes.
    JoinAttempt(Identity const& self, Token const& token, std::string_view name);

    using Outcome = std::variant<Welcome, TokenExpired, TokenUsedUp>;

    [[nodiscard]] base::Bytes const& hello() const { return hello_; }

    // The size of the rest of the answer, from its first join_answer_head bytes.
    [[nodiscard]] static std::expected<std::size_t, JoinError> answer_size(base::ByteView head);
    [[nodiscard]] std::expected<Outcome, JoinError> on_answer(base::ByteView answer) const;

private:
    Token token_;
    Key key_;
    ExchangeKey exchange_;
    base::Bytes hello_;
};

}  // namespace net
