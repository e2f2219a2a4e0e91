#include "dns/name.h"

#include <catch2/catch.hpp>

using namespace dns;
using namespace std::string_literals;

TEST_CASE("names become wire form in lower case") {
    CHECK(name_from_text("Web.Shop") == "\3web\4shop\0"s);
    CHECK(name_from_text("web.shop.") == "\3web\4shop\0"s);
    CHECK(name_under("3", "\3web\0"s) == "\0013\3web\0"s);
}

TEST_CASE("what is no name is none") {
    CHECK_FALSE(name_from_text(""));
    CHECK_FALSE(name_from_text("."));
    CHECK_FALSE(name_from_text("a..b"));
    CHECK_FALSE(name_from_text(".a"));
    CHECK(name_from_text(std::string(63, 'a')));
    CHECK_FALSE(name_from_text(std::string(64, 'a')));
    std::string const label = std::string(62, 'a') + ".";
    CHECK(name_from_text(label + label + label + label + "b")->size() == 255);
    CHECK_FALSE(name_from_text(label + label + label + label + "bb"));
}

TEST_CASE("labels come off the front") {
    CHECK(first_label("\3web\4shop\0"s) == "web");
    CHECK(parent("\3web\4shop\0"s) == "\4shop\0"s);
    CHECK(parent("\0"s) == "\0"s);
    CHECK(label_count("\3web\4shop\0"s) == 2);
    CHECK(label_count("\0"s) == 0);
}

TEST_CASE("addresses have reverse names") {
    CHECK(reverse_name(*base::parse_ip("10.128.3.4")) == name_from_text("4.3.128.10.in-addr.arpa"));
    CHECK(reverse_name(*base::parse_ip("fd00::1:2")) ==
          name_from_text("2.0.0.0.1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.d.f."
                         "ip6.arpa"));
}
