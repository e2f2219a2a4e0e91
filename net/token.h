#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.h"
#include "base/bytes.h"
#include "base/result.h"
#include "base/time.h"
#include "net/crypto.h"
#include "net/fleet.h"

namespace net {

using TokenId = std::array<std::byte, 8>;

inline constexpr std::size_t token_addresses_max = 8;

// The right to join a fleet, as text for people to carry. It holds a secret of its own, never the
// fleet's keys, and ends at `expires` by the clocks of the members.
struct Token {
    FleetId fleet{};
    TokenId id{};
    Key secret;
    base::WallSeconds expires;
    std::vector<base::SocketAddress> addresses;  // 1 to token_addresses_max
    friend bool operator==(Token const&, Token const&) = default;
};

// What the members keep about a token, in the shared state under token/ID. The secret itself stays
// with whoever carries the text.
struct TokenRecord {
    TokenId id{};
    Key key;
    base::WallSeconds expires;
    std::uint32_t uses_left{};  // best effort: members that joiners ask at once may each count one
    friend bool operator==(TokenRecord const&, TokenRecord const&) = default;
};

// A new token with a random id and secret. Addresses beyond token_addresses_max are left out.
[[nodiscard]] Token make_token(FleetId const& fleet, base::WallSeconds expires,
                               std::vector<base::SocketAddress> addresses);
[[nodiscard]] TokenRecord record_of(Token const& token, std::uint32_t uses);

// The key under which a joiner and a member talk before the joiner is a member.
[[nodiscard]] Key key_of(Token const& token);

// "covey1." and base64url. parse_token() skips white space around it; the error is one clear line.
[[nodiscard]] std::string to_string(Token const& token);
[[nodiscard]] base::Result<Token> parse_token(std::string_view text);

[[nodiscard]] base::Bytes encode(TokenRecord const& record);
[[nodiscard]] std::optional<TokenRecord> decode_token_record(base::ByteView bytes);

// 16 hexadecimal digits, for the key in the shared state and for people.
[[nodiscard]] std::string to_string(TokenId const& id);
[[nodiscard]] std::optional<TokenId> parse_token_id(std::string_view text);

}  // namespace net
