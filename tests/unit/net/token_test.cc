#include "net/token.h"

#include <catch2/catch.hpp>

#include "base/text.h"
#include "net/fleet.h"

namespace {
net::Token a_token() {
    return net::make_token(net::make_fleet("").id, {2'000'000'000},
                           {*base::parse_socket_address("10.0.0.1:7700", 0),
                            *base::parse_socket_address("[fd00::1]:7701", 0)});
}
}  // namespace

TEST_CASE("a token survives its text, with white space around it") {
    net::Token const token = a_token();
    std::string const text = net::to_string(token);
    CHECK(text.starts_with("covey1."));
    CHECK(text.find_first_not_of("covey1.ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                 "0123456789-_") == std::string::npos);
    auto const parsed = net::parse_token("  " + text + "\n");
    REQUIRE(parsed);
    CHECK(*parsed == token);
}

TEST_CASE("what is not a token is told from a damaged one") {
    CHECK(net::parse_token("").error().message == "not a join token: it should begin with covey1.");
    CHECK(net::parse_token("SWMTKN-1-abc").error().message ==
          "not a join token: it should begin with covey1.");
    std::string const damaged =
        "the join token is damaged (a character is missing or wrong): copy it again";
    std::string const text = net::to_string(a_token());
    for (std::size_t at = 7; at < text.size(); ++at) {
        INFO(at);
        std::string changed = text;
        changed[at] = changed[at] == 'A' ? 'B' : 'A';
        auto const parsed = net::parse_token(changed);
        REQUIRE_FALSE(parsed);
        CHECK(parsed.error().message == damaged);
        CHECK_FALSE(net::parse_token(text.substr(0, at)));
    }
    CHECK(net::parse_token("covey1.").error().message == damaged);
    CHECK(net::parse_token("covey1.!!!").error().message == damaged);
    CHECK(net::parse_token("covey1." + std::string(100'000, 'A')).error().message == damaged);
    CHECK(net::parse_token(text + "AAAA").error().message == damaged);
}

TEST_CASE("a token keeps its first eight addresses") {
    std::vector<base::SocketAddress> const many(20, *base::parse_socket_address("10.0.0.1", 1));
    net::Token const token = net::make_token({}, {1}, many);
    CHECK(token.addresses.size() == net::token_addresses_max);
    CHECK(net::parse_token(net::to_string(token)));
}

TEST_CASE("a token record survives its encoding and holds no secret of the text") {
    net::Token const token = a_token();
    net::TokenRecord const record = net::record_of(token, 3);
    base::Bytes const bytes = net::encode(record);
    CHECK(net::decode_token_record(bytes) == record);
    CHECK(base::as_text(bytes).find(base::as_text(token.secret.view())) == std::string_view::npos);
    for (std::size_t size = 0; size < bytes.size(); ++size) {
        CHECK_FALSE(net::decode_token_record(base::ByteView(bytes).first(size)));
    }
}

TEST_CASE("a token id survives its text") {
    net::TokenId const id = a_token().id;
    CHECK(net::to_string(id).size() == 16);
    CHECK(net::parse_token_id(net::to_string(id)) == id);
    CHECK_FALSE(net::parse_token_id("12"));
    CHECK_FALSE(net::parse_token_id("xx34567890123456"));
}
