#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/check.h"
#include "net/fleet.h"
#include "net/join.h"
#include "net/token.h"

// Token text, token records, and the messages of a join.
extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
    base::ByteView const input = std::as_bytes(std::span(data, size));
    static_cast<void>(net::parse_token(base::as_text(input)));
    static_cast<void>(net::parse_token("covey1." + net::base64url(input)));
    if (auto const record = net::decode_token_record(input)) {
        CHECK(net::decode_token_record(net::encode(*record)) == record);
    }
    base::ByteReader keys(input);
    static_cast<void>(net::get_keys(keys));

    static net::Identity const self{net::Key{}};
    static net::Fleet const fleet = net::make_fleet("");
    static net::Token const token = net::make_token(fleet.id, {100}, {{base::IpAddress::v4(1), 1}});
    static net::JoinDesk desk(
        self, {.find_token = [](net::TokenId const&) { return net::record_of(token, 1); },
               .welcome =
                   [] {
                       return net::Welcome{
                           .fleet = fleet, .members = {}, .inviter = {}, .seen_as = {}};
                   },
               .on_joined = [](net::TokenId const&, net::Joiner const&) {}});
    static_cast<void>(desk.on_hello({1}, {}, input));
    static net::JoinAttempt const attempt(self, token, "fuzz");
    static_cast<void>(attempt.on_answer(input));
    return 0;
}
