#include "net/token.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/text.h"

namespace net {

namespace {
constexpr std::string_view prefix = "covey1.";
constexpr std::size_t token_text_max = 1024;
constexpr std::size_t checksum_size = 4;
constexpr std::uint8_t record_version = 1;

Digest checksum_of(base::ByteView body) {
    return hash({base::as_bytes("covey token text"), body});
}

std::optional<Token> decode(base::ByteView bytes) {
    if (bytes.size() < checksum_size) {
        return std::nullopt;
    }
    base::ByteView const body = bytes.first(bytes.size() - checksum_size);
    Digest const checksum = checksum_of(body);
    if (!std::ranges::equal(base::ByteView(checksum).first(checksum_size),
                            bytes.last(checksum_size))) {
        return std::nullopt;
    }
    base::ByteReader in(body);
    Token token;
    get_bytes(in, token.fleet);
    get_bytes(in, token.id);
    get_bytes(in, token.secret.bytes());
    token.expires.value = static_cast<std::int64_t>(in.u64());
    std::size_t const addresses = in.u8();
    if (addresses == 0 || addresses > token_addresses_max) {
        return std::nullopt;
    }
    for (std::size_t i = 0; i < addresses; ++i) {
        token.addresses.push_back(get_address(in));
    }
    if (!in.complete()) {
        return std::nullopt;
    }
    return token;
}
}  // namespace

Token make_token(FleetId const& fleet, base::WallSeconds expires,
                 std::vector<base::SocketAddress> addresses) {
    CHECK(!addresses.empty());
    addresses.resize(std::min(addresses.size(), token_addresses_max));
    return {.fleet = fleet,
            .id = random_bytes<8>(),
            .secret = random_key(),
            .expires = expires,
            .addresses = std::move(addresses)};
}

TokenRecord record_of(Token const& token, std::uint32_t uses) {
    return {.id = token.id, .key = key_of(token), .expires = token.expires, .uses_left = uses};
}

Key key_of(Token const& token) {
    return derive_key(token.secret, "covey token", {token.fleet, token.id});
}

std::string to_string(Token const& token) {
    base::ByteWriter out;
    out.raw(token.fleet);
    out.raw(token.id);
    out.raw(token.secret.view());
    out.u64(static_cast<std::uint64_t>(token.expires.value));
    out.u8(static_cast<std::uint8_t>(token.addresses.size()));
    for (base::SocketAddress const& address : token.addresses) {
        put_address(address, out);
    }
    Digest const checksum = checksum_of(out.view());
    out.raw(base::ByteView(checksum).first(checksum_size));
    base::Bytes bytes = out.take();
    std::string text = base::concat(prefix, base64url(bytes));
    wipe(bytes);
    return text;
}

base::Result<Token> parse_token(std::string_view text) {
    text = base::trim(text);
    if (!text.starts_with(prefix)) {
        return base::fail("not a join token: it should begin with covey1.");
    }
    auto const damaged =
        base::fail("the join token is damaged (a character is missing or wrong): copy it again");
    if (text.size() > token_text_max) {
        return damaged;
    }
    auto bytes = unbase64url(text.substr(prefix.size()));
    if (!bytes) {
        return damaged;
    }
    auto token = decode(*bytes);
    wipe(*bytes);
    if (!token) {
        return damaged;
    }
    return std::move(*token);
}

base::Bytes encode(TokenRecord const& record) {
    base::ByteWriter out;
    out.u8(record_version);
    out.raw(record.id);
    out.raw(record.key.view());
    out.u64(static_cast<std::uint64_t>(record.expires.value));
    out.u32(record.uses_left);
    return out.take();
}

std::optional<TokenRecord> decode_token_record(base::ByteView bytes) {
    base::ByteReader in(bytes);
    std::uint8_t const version = in.u8();
    TokenRecord record;
    get_bytes(in, record.id);
    get_bytes(in, record.key.bytes());
    record.expires.value = static_cast<std::int64_t>(in.u64());
    record.uses_left = in.u32();
    if (!in.complete() || version != record_version) {
        return std::nullopt;
    }
    return record;
}

std::string to_string(TokenId const& id) {
    return base::hex(id);
}

std::optional<TokenId> parse_token_id(std::string_view text) {
    auto const bytes = base::unhex(text);
    TokenId id;
    if (!bytes || bytes->size() != id.size()) {
        return std::nullopt;
    }
    std::ranges::copy(*bytes, id.begin());
    return id;
}

}  // namespace net
