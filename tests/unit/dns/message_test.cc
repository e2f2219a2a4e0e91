#include "dns/message.h"

#include <catch2/catch.hpp>

#include "base/random.h"
#include "base/text.h"
#include "dns/name.h"
#include "reading.h"

using namespace dns;

namespace {

base::Bytes bytes(std::string_view hex) {
    std::string digits;
    for (char const c : hex) {
        if (c != ' ') {
            digits += c;
        }
    }
    auto const parsed = base::unhex(digits);
    REQUIRE(parsed);
    return *parsed;
}

Fault fault_of(std::string_view hex) {
    auto const message = bytes(hex);
    auto const query = parse_query(message);
    REQUIRE_FALSE(query);
    return query.error();
}

}  // namespace

TEST_CASE("a query parses") {
    auto const message = bytes("1234 0100 0001 0000 0000 0000 03576542 0473686f70 00 0001 0001");
    auto const query = parse_query(message);
    REQUIRE(query);
    CHECK(query->id == 0x1234);
    CHECK(query->name == name_from_text("web.shop"));
    CHECK(query->question.size() == 14);
    CHECK(query->type == 1);
    CHECK(query->klass == 1);
    CHECK_FALSE(query->edns);
}

TEST_CASE("an OPT record is found among others, unknown options are ignored") {
    auto const message = bytes(
        "1234 0100 0001 0000 0000 0002 00 0001 0001"
        "c00c 0010 0001 00000000 0002 0161"                // TXT, owned by a compressed name
        "00 0029 1000 00008000 0008 000a 0004 01020304");  // a cookie
    auto const query = parse_query(message);
    REQUIRE(query);
    REQUIRE(query->edns);
    CHECK(query->edns->payload == 4096);
    CHECK(query->edns->version == 0);
    CHECK(query->edns->dnssec_ok);
}

TEST_CASE("what does not parse says why") {
    CHECK(fault_of("") == Fault::not_a_query);
    CHECK(fault_of("1234 0100 0001 0000 0000 00") == Fault::not_a_query);
    // A response; also with garbage behind.
    CHECK(fault_of("1234 8100 0001 0000 0000 0000 00 0001 0001") == Fault::not_a_query);
    CHECK(fault_of("1234 8100 0001 0000 0000 0000 ff") == Fault::not_a_query);
    // STATUS, NOTIFY, UPDATE, 15.
    CHECK(fault_of("1234 1000 0001 0000 0000 0000 00 0001 0001") == Fault::unknown_opcode);
    CHECK(fault_of("1234 2000 0001 0000 0000 0000 00 0001 0001") == Fault::unknown_opcode);
    CHECK(fault_of("1234 2800 0001 0000 0000 0000 00 0001 0001") == Fault::unknown_opcode);
    CHECK(fault_of("1234 7800 0000 0000 0000 0000") == Fault::unknown_opcode);
    // No question, and two.
    CHECK(fault_of("1234 0100 0000 0000 0000 0000") == Fault::malformed);
    CHECK(fault_of("1234 0100 0002 0000 0000 0000 00 0001 0001 00 0001 0001") == Fault::malformed);
    // Cut in the name, in the type, in the class.
    CHECK(fault_of("1234 0100 0001 0000 0000 0000 0361") == Fault::malformed);
    CHECK(fault_of("1234 0100 0001 0000 0000 0000 0161 00 00") == Fault::malformed);
    CHECK(fault_of("1234 0100 0001 0000 0000 0000 0161 00 0001 00") == Fault::malformed);
    // A pointer, to itself or elsewhere, and the two label types that never were.
    CHECK(fault_of("1234 0100 0001 0000 0000 0000 c00c 0001 0001") == Fault::malformed);
    CHECK(fault_of("1234 0100 0001 0000 0000 0000 0161 c000 0001 0001") == Fault::malformed);
    CHECK(fault_of("1234 0100 0001 0000 0000 0000 4161 00 0001 0001") == Fault::malformed);
    CHECK(fault_of("1234 0100 0001 0000 0000 0000 8161 00 0001 0001") == Fault::malformed);
    // Fewer records than announced, data longer than the message, OPT twice, OPT with a name, OPT
    // as an answer.
    CHECK(fault_of("1234 0100 0001 0000 0000 0001 00 0001 0001") == Fault::malformed);
    CHECK(fault_of("1234 0100 0001 0000 0000 0001 00 0001 0001 00 0029 0200 00000000 0001") ==
          Fault::malformed);
    CHECK(fault_of("1234 0100 0001 0000 0000 0002 00 0001 0001 00 0029 0200 00000000 0000"
                   "00 0029 0200 00000000 0000") == Fault::malformed);
    CHECK(fault_of("1234 0100 0001 0000 0000 0001 00 0001 0001 0161 00 0029 0200 00000000 0000") ==
          Fault::malformed);
    CHECK(fault_of("1234 0100 0001 0001 0000 0000 00 0001 0001 00 0029 0200 00000000 0000") ==
          Fault::malformed);
}

TEST_CASE("a question's name has at most 255 bytes") {
    Asking asking;
    std::string const label(62, 'a');
    asking.name = label + "." + label + "." + label + "." + label + ".b";
    CHECK(parse_query(ask(asking)));
    asking.name += "b";
    auto const query = parse_query(ask(asking));
    REQUIRE_FALSE(query);
    CHECK(query.error() == Fault::malformed);
}

TEST_CASE("a question's label has at most 63 bytes, even if as many follow") {
    for (std::size_t const size : {63U, 64U, 128U, 192U, 200U}) {
        CHECK(parse_query(ask({.name = std::string(size, 'a')})).has_value() == (size == 63));
    }
}

TEST_CASE("every cut of a message is survived") {
    auto const whole = ask({.name = "_http._tcp.web.shop.covey.internal", .payload = 1232});
    for (std::size_t size = 0; size < whole.size(); ++size) {
        CHECK_FALSE(parse_query(base::ByteView(whole).first(size)));
    }
    CHECK(parse_query(whole));
}

TEST_CASE("responses are matched by id, direction and question") {
    auto query = ask({.name = "Example.org"});
    auto const question = base::ByteView(query).subspan(header_size);
    base::Bytes response = query;
    response[2] |= std::byte{0x80};
    CHECK(is_response_to(response, 0x1234, question));
    CHECK_FALSE(is_response_to(response, 0x1235, question));
    CHECK_FALSE(is_response_to(query, 0x1234, question));
    CHECK_FALSE(
        is_response_to(base::ByteView(response).first(response.size() - 1), 0x1234, question));
    base::Bytes other_case = response;
    other_case[13] = std::byte{'e'};
    CHECK(is_response_to(other_case, 0x1234, question));
    base::Bytes other = response;
    other[13] = std::byte{'f'};
    CHECK_FALSE(is_response_to(other, 0x1234, question));
    base::Bytes none = response;
    none[5] = std::byte{0};
    CHECK_FALSE(is_response_to(none, 0x1234, question));
}
