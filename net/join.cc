#include "net/join.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace net {

namespace {
constexpr std::uint8_t answer_kind = 0xc5;
constexpr std::size_t hello_head = 1 + 8;
constexpr std::size_t answer_min = 32 + 24 + tag_size;

enum class Status : std::uint8_t { welcome, expired, used_up };

Key answer_key(Key const& token_key, Key const& shared, base::ByteView hello,
               PublicKey const& member_exchange) {
    return derive_key(token_key, "covey join", {shared.view(), hash({hello}), member_exchange});
}

void put_welcome(Welcome const& welcome, base::ByteWriter& out) {
    out.raw(welcome.fleet.id);
    out.sized(std::string_view(welcome.fleet.name).substr(0, fleet_name_max));
    put_keys(welcome.fleet.keys, out);
    put_address({.ip = welcome.seen_as, .port = 0}, out);
    std::size_t const members = std::min(welcome.members.size(), welcome_members_max);
    out.u8(static_cast<std::uint8_t>(members));
    for (std::size_t i = 0; i < members; ++i) {
        put_node_id(welcome.members[i].id, out);
        put_address(welcome.members[i].address, out);
    }
}

std::optional<Welcome> get_welcome(base::ByteReader& in) {
    FleetId id;
    get_bytes(in, id);
    std::string name = in.text(fleet_name_max);
    auto keys = get_keys(in);
    if (!keys) {
        return std::nullopt;
    }
    Welcome welcome{
        .fleet = {.id = id, .name = std::move(name), .keys = std::move(*keys), .seeds = {}},
        .members = {},
        .inviter = {},
        .seen_as = get_address(in).ip};
    std::size_t const members = in.u8();
    if (members > welcome_members_max) {
        return std::nullopt;
    }
    for (std::size_t i = 0; i < members; ++i) {
        base::NodeId const member = get_node_id(in);
        welcome.members.push_back({.id = member, .address = get_address(in)});
    }
    return welcome;
}

struct OpenedHello {
    Joiner joiner;
    PublicKey exchange{};
};

std::expected<OpenedHello, JoinError> open_hello(Key const& key, base::ByteView hello) {
    base::ByteReader outside(hello);
    base::ByteView const head = outside.raw(hello_head);
    Nonce nonce;
    get_bytes(outside, nonce);
    base::ByteView const box = outside.raw(outside.remaining());
    base::Bytes plain(box.size() - tag_size);
    if (!open_box(key, nonce, head, box, plain)) {
        return std::unexpected(JoinError::forged);
    }
    base::ByteReader in(plain);
    OpenedHello opened;
    get_bytes(in, opened.joiner.public_key);
    get_bytes(in, opened.exchange);
    std::size_t const name_size = in.u8();
    base::ByteView const name = in.raw(join_name_max);
    Signature signature;
    get_bytes(in, signature);
    if (!in.complete() || name_size > join_name_max) {
        return std::unexpected(JoinError::malformed);
    }
    opened.joiner.name = base::as_text(name.first(name_size));
    opened.joiner.id = node_id_of(opened.joiner.public_key);
    base::ByteView const before = base::ByteView(plain).first(plain.size() - signature.size());
    if (!verify(opened.joiner.public_key, hash({base::as_bytes("covey joiner"), head, before}),
                signature)) {
        return std::unexpected(JoinError::forged);
    }
    return opened;
}

// Seals status, body and the inviter's signature for this joiner only.
base::Bytes seal_answer(Identity const& self, Key const& key, PublicKey const& exchange,
                        base::ByteView hello, base::ByteView body) {
    base::ByteWriter plain;
    plain.raw(self.public_key());
    plain.raw(self.sign(hash({base::as_bytes("covey inviter"), hash({hello}), exchange, body})));
    plain.raw(body);
    auto const nonce = random_bytes<std::tuple_size_v<Nonce>>();
    std::size_t const rest = answer_min + plain.size();
    CHECK(rest <= join_answer_max);
    base::ByteWriter out;
    out.u8(answer_kind);
    out.u32(static_cast<std::uint32_t>(rest));
    out.raw(exchange);
    out.raw(nonce);
    base::Bytes answer = out.take();
    answer.resize(join_answer_head + rest);
    base::Bytes secret = plain.take();
    seal_box(key, nonce, {}, secret, std::span(answer).last(secret.size() + tag_size));
    wipe(secret);
    return answer;
}

base::Bytes refusal(Status status, std::int64_t seconds_ago) {
    base::ByteWriter out;
    out.u8(static_cast<std::uint8_t>(status));
    out.u64(static_cast<std::uint64_t>(seconds_ago));
    return out.take();
}
}  // namespace

std::expected<base::Bytes, JoinError> JoinDesk::on_hello(base::WallSeconds now,
                                                         base::IpAddress const& source,
                                                         base::ByteView hello) {
    base::ByteReader in(hello);
    TokenId id;
    bool const join = in.u8() == join_kind;
    get_bytes(in, id);
    if (!join || hello.size() != join_hello_size) {
        return std::unexpected(JoinError::malformed);
    }
    auto const record = ports_.find_token(id);
    if (!record) {
        return std::unexpected(JoinError::unknown);
    }
    auto const opened = TRY(open_hello(record->key, hello));
    if (!remember(hello)) {
        return std::unexpected(JoinError::replayed);
    }
    ExchangeKey const exchange;
    auto const shared = exchange.agree(opened.exchange);
    if (!shared) {
        return std::unexpected(JoinError::forged);
    }
    Key const key = answer_key(record->key, *shared, hello, exchange.public_key());
    if (record->expires <= now) {
        return seal_answer(self_, key, exchange.public_key(), hello,
                           refusal(Status::expired, now.value - record->expires.value));
    }
    if (record->uses_left == 0) {
        return seal_answer(self_, key, exchange.public_key(), hello, refusal(Status::used_up, 0));
    }
    Welcome welcome = ports_.welcome();
    welcome.seen_as = source;
    base::ByteWriter body;
    body.u8(static_cast<std::uint8_t>(Status::welcome));
    put_welcome(welcome, body);
    base::Bytes secret = body.take();
    base::Bytes answer = seal_answer(self_, key, exchange.public_key(), hello, secret);
    wipe(secret);
    ports_.on_joined(id, opened.joiner);
    return answer;
}

bool JoinDesk::remember(base::ByteView hello) {
    Digest const digest = hash({hello});
    if (std::ranges::find(answered_, digest) != answered_.end()) {
        return false;
    }
    if (answered_.size() >= remembered_max) {
        answered_.pop_front();
    }
    answered_.push_back(digest);
    return true;
}

JoinAttempt::JoinAttempt(Identity const& self, Token const& token, std::string_view name)
    : token_(token), key_(key_of(token)) {
    base::ByteWriter head;
    head.u8(join_kind);
    head.raw(token.id);
    name = name.substr(0, join_name_max);
    std::array<std::byte, join_name_max> padded{};
    std::ranges::copy(base::as_bytes(name), padded.begin());
    base::ByteWriter plain;
    plain.raw(self.public_key());
    plain.raw(exchange_.public_key());
    plain.u8(static_cast<std::uint8_t>(name.size()));
    plain.raw(padded);
    plain.raw(self.sign(hash({base::as_bytes("covey joiner"), head.view(), plain.view()})));
    auto const nonce = random_bytes<std::tuple_size_v<Nonce>>();
    base::ByteWriter out;
    out.raw(head.view());
    out.raw(nonce);
    hello_ = out.take();
    hello_.resize(join_hello_size);
    seal_box(key_, nonce, head.view(), plain.view(),
             std::span(hello_).last(plain.size() + tag_size));
}

std::expected<std::size_t, JoinError> JoinAttempt::answer_size(base::ByteView head) {
    base::ByteReader in(head);
    bool const answer = in.u8() == answer_kind;
    std::size_t const size = in.u32();
    if (!in.complete() || !answer || size < answer_min || size > join_answer_max) {
        return std::unexpected(JoinError::malformed);
    }
    return size;
}

std::expected<JoinAttempt::Outcome, JoinError> JoinAttempt::on_answer(base::ByteView answer) const {
    base::ByteReader outside(answer);
    std::size_t const size = TRY(answer_size(outside.raw(join_answer_head)));
    PublicKey member_exchange;
    Nonce nonce;
    get_bytes(outside, member_exchange);
    get_bytes(outside, nonce);
    base::ByteView const box = outside.raw(outside.remaining());
    if (answer.size() != join_answer_head + size) {
        return std::unexpected(JoinError::malformed);
    }
    auto const shared = exchange_.agree(member_exchange);
    if (!shared) {
        return std::unexpected(JoinError::forged);
    }
    base::Bytes plain(box.size() - tag_size);
    if (!open_box(answer_key(key_, *shared, hello_, member_exchange), nonce, {}, box, plain)) {
        return std::unexpected(JoinError::forged);
    }
    base::ByteReader in(plain);
    PublicKey member;
    Signature signature;
    get_bytes(in, member);
    get_bytes(in, signature);
    base::ByteView const body = in.raw(in.remaining());
    if (!verify(member,
                hash({base::as_bytes("covey inviter"), hash({hello_}), member_exchange, body}),
                signature)) {
        return std::unexpected(JoinError::forged);
    }
    base::ByteReader inside(body);
    std::uint8_t const status = inside.u8();
    if (status == static_cast<std::uint8_t>(Status::welcome)) {
        auto welcome = get_welcome(inside);
        wipe(plain);
        if (!welcome || !inside.complete() || welcome->fleet.id != token_.fleet) {
            return std::unexpected(JoinError::malformed);
        }
        welcome->inviter = node_id_of(member);
        return std::move(*welcome);
    }
    auto const seconds_ago = static_cast<std::int64_t>(inside.u64());
    if (!inside.complete()) {
        return std::unexpected(JoinError::malformed);
    }
    if (status == static_cast<std::uint8_t>(Status::expired)) {
        return TokenExpired{seconds_ago};
    }
    if (status == static_cast<std::uint8_t>(Status::used_up)) {
        return TokenUsedUp{};
    }
    return std::unexpected(JoinError::malformed);
}

}  // namespace net
