#include "net/join.h"

#include <catch2/catch.hpp>

#include "tests/unit/net/support.h"

using net::JoinError;

namespace {
constexpr base::WallSeconds today{1'700'000'000};

base::IpAddress const source = base::IpAddress::v4(0x0a000007);

struct Door {
    net::Identity member = net::Identity::generate();
    net::Identity joiner = net::Identity::generate();
    net::Fleet fleet = net::make_fleet("edge");
    net::Token token = net::make_token(fleet.id, {today.value + 3600},
                                       {*base::parse_socket_address("10.0.0.1:7700", 0)});
    net::TokenRecord record = net::record_of(token, 1);
    std::vector<std::string> joined;
    net::JoinDesk desk{
        member,
        {.find_token = [this](net::TokenId const& id) -> std::optional<net::TokenRecord> {
             if (id == record.id) {
                 return record;
             }
             return std::nullopt;
         },
         .welcome =
             [this] {
                 return net::Welcome{.fleet = fleet,
                                     .members = {{member.id(), address}},
                                     .inviter = {},
                                     .seen_as = {}};
             },
         .on_joined =
             [this](net::TokenId const&, net::Joiner const& who) {
                 joined.push_back(who.name + ' ' + base::to_string(who.id));
             }}};
    base::SocketAddress address = *base::parse_socket_address("10.0.0.1:7700", 0);
    net::JoinAttempt attempt{joiner, token, "web-7"};

    std::expected<base::Bytes, JoinError> knock() {
        return desk.on_hello(today, source, attempt.hello());
    }
};
}  // namespace

TEST_CASE("a joiner with a good token is welcomed") {
    Door door;
    auto const answer = door.knock();
    REQUIRE(answer);
    CHECK(base::as_text(*answer).find(base::as_text(door.fleet.keys.primary().key.view())) ==
          std::string_view::npos);
    auto const outcome = door.attempt.on_answer(*answer);
    REQUIRE(outcome);
    auto const& welcome = std::get<net::Welcome>(*outcome);
    CHECK(welcome.fleet == door.fleet);
    CHECK(welcome.members == std::vector<net::MemberAddress>{{door.member.id(), door.address}});
    CHECK(welcome.inviter == door.member.id());
    CHECK(welcome.seen_as == source);
    CHECK(door.joined == std::vector<std::string>{"web-7 " + base::to_string(door.joiner.id())});
}

TEST_CASE("a joiner whose token has ended is told why") {
    Door door;
    SECTION("expired") {
        door.record.expires = {today.value - 200};
        auto const outcome = door.attempt.on_answer(door.knock().value());
        REQUIRE(outcome);
        CHECK(std::get<net::TokenExpired>(*outcome).seconds_ago == 200);
    }
    SECTION("used up") {
        door.record.uses_left = 0;
        auto const outcome = door.attempt.on_answer(door.knock().value());
        REQUIRE(outcome);
        CHECK(std::holds_alternative<net::TokenUsedUp>(*outcome));
    }
    CHECK(door.joined.empty());
}

TEST_CASE("a member whose clock is wrong by years judges tokens by it and nothing else") {
    constexpr base::WallSeconds in_1970{1000};
    constexpr base::WallSeconds in_2099{4'070'908'800};

    struct Moment {
        char const* what;
        base::WallSeconds now;
        bool welcomed;
    };

    for (Moment const& moment : {Moment{"1970", in_1970, true}, Moment{"2099", in_2099, false}}) {
        INFO(moment.what);
        Door door;
        auto const answer = door.desk.on_hello(moment.now, source, door.attempt.hello());
        REQUIRE(answer);
        auto const outcome = door.attempt.on_answer(*answer);
        REQUIRE(outcome);
        CHECK(std::holds_alternative<net::Welcome>(*outcome) == moment.welcomed);
        // A step of its clock later the same desk takes the next joiner as ever.
        net::JoinAttempt const next(net::Identity::generate(), door.token, "web-8");
        auto const later = door.desk.on_hello(today, source, next.hello());
        REQUIRE(later);
        CHECK(std::holds_alternative<net::Welcome>(*next.on_answer(*later)));
    }
}

TEST_CASE("a clock that steps back does not open the desk to what it has answered") {
    Door door;
    REQUIRE(door.knock());
    base::WallSeconds const years_ago{today.value - 300'000'000};
    CHECK(door.desk.on_hello(years_ago, source, door.attempt.hello()).error() ==
          JoinError::replayed);
}

TEST_CASE("an unknown token, a wrong secret or a repeated hello gets no answer") {
    Door door;
    SECTION("unknown") {
        net::Token const other = net::make_token(door.fleet.id, today, door.token.addresses);
        net::JoinAttempt const attempt(door.joiner, other, "x");
        CHECK(door.desk.on_hello(today, source, attempt.hello()).error() == JoinError::unknown);
    }
    SECTION("wrong secret under a known id") {
        net::Token guessed = door.token;
        guessed.secret = net::random_key();
        net::JoinAttempt const attempt(door.joiner, guessed, "x");
        CHECK(door.desk.on_hello(today, source, attempt.hello()).error() == JoinError::forged);
    }
    SECTION("repeated") {
        REQUIRE(door.knock());
        CHECK(door.knock().error() == JoinError::replayed);
        CHECK(door.joined.size() == 1);
    }
}

TEST_CASE("no changed or shortened message of the join is accepted") {
    Door door;
    base::Bytes hello = door.attempt.hello();
    for (std::size_t at = 0; at < hello.size(); ++at) {
        INFO("hello byte " << at);
        hello[at] ^= std::byte{4};
        CHECK_FALSE(door.desk.on_hello(today, source, hello));
        CHECK_FALSE(door.desk.on_hello(today, source, base::ByteView(hello).first(at)));
        hello[at] ^= std::byte{4};
    }
    CHECK(door.joined.empty());
    base::Bytes answer = door.knock().value();
    for (std::size_t at = 0; at < answer.size(); ++at) {
        INFO("answer byte " << at);
        answer[at] ^= std::byte{4};
        CHECK_FALSE(door.attempt.on_answer(answer));
        CHECK_FALSE(door.attempt.on_answer(base::ByteView(answer).first(at)));
        answer[at] ^= std::byte{4};
    }
    CHECK(door.attempt.on_answer(answer));
}

TEST_CASE("an answer to one attempt does not serve another") {
    Door door;
    base::Bytes const answer = door.knock().value();
    net::JoinAttempt const other(door.joiner, door.token, "web-7");
    CHECK(other.on_answer(answer).error() == JoinError::forged);
}

TEST_CASE("a welcome to another fleet than the token's is refused") {
    Door door;
    door.fleet = net::make_fleet("other");
    CHECK(door.attempt.on_answer(door.knock().value()).error() == JoinError::malformed);
}

TEST_CASE("names and member lists are cut to their bounds") {
    Door door;
    for (int i = 0; i < 200; ++i) {
        door.fleet.name += "long";
    }
    net::JoinAttempt const attempt(door.joiner, door.token, std::string(500, 'n'));
    auto const answer = door.desk.on_hello(today, source, attempt.hello());
    REQUIRE(answer);
    CHECK(door.joined.front().starts_with(std::string(63, 'n') + ' '));
    auto const outcome = attempt.on_answer(*answer);
    REQUIRE(outcome);
    CHECK(std::get<net::Welcome>(*outcome).fleet.name.size() == net::fleet_name_max);
}
