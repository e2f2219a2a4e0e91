#include <algorithm>
#include <set>

#include <catch2/catch.hpp>

#include "base/text.h"
#include "dns/zone.h"
#include "reading.h"

using namespace dns;

namespace {

using Lines = std::vector<std::string>;

base::IpAddress ip(std::string_view text) {
    return *base::parse_ip(text);
}

base::IpAddress const in_shop = ip("10.128.1.9");
base::IpAddress const outside = ip("192.168.1.77");

ZoneData example() {
    ZoneData data;
    data.serial = 7;
    ServiceRecord web;
    web.project = "shop";
    web.name = "web";
    web.vip = ip("10.143.0.1");
    web.ports = {{"http", 8080, false}, {"53", 53, true}};
    web.endpoints = {{1, ip("10.128.1.2")}, {2, ip("10.128.2.2")}, {3, ip("10.128.3.2")}};
    ServiceRecord db;
    db.project = "shop";
    db.name = "db";
    db.endpoints = {{1, ip("10.128.1.3")}, {1, ip("fd00::3")}};
    ServiceRecord idle;
    idle.project = "lab";
    idle.name = "idle";
    idle.ports = {{"http", 80, false}};
    data.services = {web, db, idle};
    data.hosts = {{"edge1", ip("192.168.1.5")}, {"edge2", ip("10.128.2.1")}};
    data.projects = {{in_shop, "shop"}, {ip("10.128.1.10"), "lab"}};
    return data;
}

auto const zone = make_zone(example());

Reading dig(Asking const& asking, base::IpAddress const& client = outside,
            std::uint32_t rotation = 0, Transport transport = Transport::udp) {
    Answer const got = answer(*zone, ask(asking), transport, client, rotation);
    INFO(asking.name << " " << asking.type);
    REQUIRE(got.kind == Answer::Kind::reply);
    Reading const reading = read(got.message);
    CHECK(reading.id == asking.id);
    CHECK((reading.flags & flag::response) != 0);
    CHECK((reading.flags & flag::recursion_available) != 0);
    return reading;
}

bool forwards(Asking const& asking, base::IpAddress const& client = outside) {
    return answer(*zone, ask(asking), Transport::udp, client, 0).kind == Answer::Kind::forward;
}

std::string const soa_data =
    " SOA ns.covey.internal. hostmaster.covey.internal. 7 3600 600 86400 1";

}  // namespace

TEST_CASE("records of services, slots and hosts") {
    struct Row {
        std::string name;
        std::string type;
        Lines data;  // behind "owner type "
    };

    std::vector<Row> const rows{
        {"web.shop.covey.internal", "A", {"10.143.0.1"}},
        {"tasks.web.shop.covey.internal", "A", {"10.128.1.2", "10.128.2.2", "10.128.3.2"}},
        {"2.web.shop.covey.internal", "A", {"10.128.2.2"}},
        {"db.shop.covey.internal", "A", {"10.128.1.3"}},
        {"db.shop.covey.internal", "AAAA", {"fd00::3"}},
        {"1.db.shop.covey.internal", "AAAA", {"fd00::3"}},
        {"_http._tcp.web.shop.covey.internal",
         "SRV",
         {"0 1 8080 1.web.shop.covey.internal.", "0 1 8080 2.web.shop.covey.internal.",
          "0 1 8080 3.web.shop.covey.internal."}},
        {"_8080._tcp.web.shop.covey.internal",
         "SRV",
         {"0 1 8080 1.web.shop.covey.internal.", "0 1 8080 2.web.shop.covey.internal.",
          "0 1 8080 3.web.shop.covey.internal."}},
        {"_53._udp.web.shop.covey.internal",
         "SRV",
         {"0 1 53 1.web.shop.covey.internal.", "0 1 53 2.web.shop.covey.internal.",
          "0 1 53 3.web.shop.covey.internal."}},
        {"edge1.node.covey.internal", "A", {"192.168.1.5"}},
        {"edge2.node.covey.internal", "A", {"10.128.2.1"}},
        {"1.0.143.10.in-addr.arpa", "PTR", {"web.shop.covey.internal."}},
        {"2.2.128.10.in-addr.arpa", "PTR", {"2.web.shop.covey.internal."}},
        {"5.1.168.192.in-addr.arpa", "PTR", {"edge1.node.covey.internal."}},
        {"3.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.d.f.ip6.arpa",
         "PTR",
         {"1.db.shop.covey.internal."}},
        {"covey.internal", "NS", {"ns.covey.internal."}},
        {"128.10.in-addr.arpa", "NS", {"ns.covey.internal."}},
    };
    for (Row const& row : rows) {
        Reading const got = dig({.name = row.name, .type = row.type});
        Lines expected;
        for (std::string const& data : row.data) {
            expected.push_back(row.name + ". " + row.type + " " + data);
        }
        CHECK(got.answers == expected);
        CHECK(got.rcode == 0);
        CHECK((got.flags & flag::authoritative) != 0);
        CHECK((got.flags & flag::truncated) == 0);
        CHECK((got.flags & flag::recursion_desired) != 0);
        CHECK(got.authorities.empty());
        CHECK(std::ranges::all_of(got.ttls, [](std::uint32_t ttl) { return ttl == 1; }));
    }
}

TEST_CASE("the SOA is at the apex of every zone") {
    CHECK(dig({.name = "covey.internal", .type = "SOA"}).answers ==
          Lines{"covey.internal." + soa_data});
    CHECK(dig({.name = "143.10.in-addr.arpa", .type = "SOA"}).answers ==
          Lines{"143.10.in-addr.arpa." + soa_data});
}

TEST_CASE("SRV brings the addresses of its targets") {
    CHECK(dig({.name = "_http._tcp.web.shop.covey.internal", .type = "SRV"}).additionals ==
          Lines{"1.web.shop.covey.internal. A 10.128.1.2",
                "2.web.shop.covey.internal. A 10.128.2.2",
                "3.web.shop.covey.internal. A 10.128.3.2"});
}

TEST_CASE("a name that exists without the type has no data and an SOA") {
    std::vector<std::pair<std::string, std::string>> const questions{
        {"web.shop.covey.internal", "AAAA"},
        {"web.shop.covey.internal", "MX"},
        {"web.shop.covey.internal", "HTTPS"},
        {"web.shop.covey.internal", "SOA"},
        {"web.shop.covey.internal", "OPT"},
        {"idle.lab.covey.internal", "A"},
        {"tasks.idle.lab.covey.internal", "A"},
        {"_http._tcp.idle.lab.covey.internal", "SRV"},
        {"edge1.node.covey.internal", "AAAA"},
        {"covey.internal", "A"},
        {"ns.covey.internal", "A"},
        // Empty non-terminals.
        {"shop.covey.internal", "A"},
        {"node.covey.internal", "A"},
        {"_tcp.web.shop.covey.internal", "SRV"},
    };
    for (auto const& [name, type] : questions) {
        Reading const got = dig({.name = name, .type = type});
        CHECK(got.rcode == 0);
        CHECK(got.answers.empty());
        CHECK(got.authorities == Lines{"covey.internal." + soa_data});
        CHECK(got.ttls == std::vector<std::uint32_t>{1});
        CHECK((got.flags & flag::authoritative) != 0);
    }
    CHECK(dig({.name = "2.128.10.in-addr.arpa", .type = "PTR"}).authorities ==
          Lines{"128.10.in-addr.arpa." + soa_data});
    CHECK(dig({.name = "5.1.168.192.in-addr.arpa", .type = "A"}).authorities ==
          Lines{"5.1.168.192.in-addr.arpa." + soa_data});
    // The parent of the origin exists, for it has a child.
    CHECK(dig({.name = "internal"}).rcode == 0);
}

TEST_CASE("a name that does not exist is NXDOMAIN with an SOA") {
    for (std::string const name :
         {"nope.shop.covey.internal", "web.nope.covey.internal", "4.web.shop.covey.internal",
          "x.1.web.shop.covey.internal", "_ftp._tcp.web.shop.covey.internal",
          "_http._udp.web.shop.covey.internal", "edge9.node.covey.internal", "x.covey.internal"}) {
        for (std::string const type : {"A", "AAAA", "SRV", "ANY", "TXT"}) {
            Reading const got = dig({.name = name, .type = type});
            CHECK(got.rcode == 3);
            CHECK(got.answers.empty());
            CHECK(got.authorities == Lines{"covey.internal." + soa_data});
        }
    }
    Reading const reverse = dig({.name = "9.9.130.10.in-addr.arpa", .type = "PTR"});
    CHECK(reverse.rcode == 3);
    CHECK(reverse.authorities == Lines{"130.10.in-addr.arpa." + soa_data});
    CHECK(dig({.name = "x.5.1.168.192.in-addr.arpa", .type = "PTR"}).rcode == 3);
}

TEST_CASE("short names are completed with the client's project") {
    CHECK(dig({.name = "web"}, in_shop).answers == Lines{"web. A 10.143.0.1"});
    CHECK(dig({.name = "tasks.web"}, in_shop).answers.size() == 3);
    CHECK(dig({.name = "3.web"}, in_shop).answers == Lines{"3.web. A 10.128.3.2"});
    CHECK(dig({.name = "_http._tcp.web", .type = "SRV"}, in_shop).answers.front() ==
          "_http._tcp.web. SRV 0 1 8080 1.web.shop.covey.internal.");

    // No data and no name, said by the last label of the question.
    Reading const no_data = dig({.name = "web", .type = "AAAA"}, in_shop);
    CHECK(no_data.rcode == 0);
    CHECK(no_data.authorities == Lines{"web." + soa_data});
    Reading const missing = dig({.name = "4.web"}, in_shop);
    CHECK(missing.rcode == 3);
    CHECK(missing.authorities == Lines{"web." + soa_data});
    CHECK(dig({.name = "_ftp._tcp.web", .type = "SRV"}, in_shop).rcode == 3);

    // Another project, and no project.
    CHECK(dig({.name = "web"}, ip("10.128.1.10")).rcode == 3);
    CHECK(dig({.name = "web"}, outside).rcode == 3);
    CHECK(dig({.name = "web"}, outside).authorities == Lines{"web." + soa_data});
    CHECK(forwards({.name = "tasks.web"}, outside));
    CHECK(forwards({.name = "3.web"}, ip("10.128.1.10")));
}

TEST_CASE("only names of others are forwarded") {
    CHECK(forwards({.name = "example.org"}));
    CHECK(forwards({.name = "example.org"}, in_shop));
    CHECK(forwards({.name = "example.web"}, in_shop));
    CHECK(forwards({.name = "."}));
    CHECK(forwards({.name = "xcovey.internal"}));
    CHECK(forwards({.name = "other.internal"}));
    CHECK(forwards({.name = "9.9.9.10.in-addr.arpa", .type = "PTR"}));
    CHECK(forwards({.name = "9.9.144.10.in-addr.arpa", .type = "PTR"}));
    CHECK(forwards({.name = "6.1.168.192.in-addr.arpa", .type = "PTR"}));
    CHECK(forwards({.name = "10.in-addr.arpa", .type = "NS"}));
    CHECK(dig({.name = "printer"}).rcode == 3);
    CHECK(dig({.name = "printer"}, in_shop).rcode == 3);
}

TEST_CASE("the question is echoed in the client's letter case") {
    Reading const got = dig({.name = "WeB.sHoP.coVEy.inTERnal"});
    CHECK(got.question == "WeB.sHoP.coVEy.inTERnal. A");
    CHECK(got.answers == Lines{"WeB.sHoP.coVEy.inTERnal. A 10.143.0.1"});
    CHECK(dig({.name = "nOPe.coVEy.inTERnal"}).authorities == Lines{"coVEy.inTERnal." + soa_data});
}

TEST_CASE("the rotation turns addresses and targets") {
    std::set<std::string> firsts;
    for (std::uint32_t rotation = 0; rotation < 3; ++rotation) {
        auto const got = dig({.name = "tasks.web"}, in_shop, rotation);
        CHECK(got.answers.size() == 3);
        firsts.insert(got.answers.front());
    }
    CHECK(firsts.size() == 3);
    CHECK(dig({.name = "_http._tcp.web", .type = "SRV"}, in_shop, 1).answers.front() ==
          "_http._tcp.web. SRV 0 1 8080 2.web.shop.covey.internal.");
    CHECK(dig({.name = "tasks.web"}, in_shop, 0xffffffff).answers.size() == 3);
}

TEST_CASE("ANY gets the record of RFC 8482") {
    Reading const got = dig({.name = "web.shop.covey.internal", .type = "ANY"});
    CHECK(got.answers == Lines{"web.shop.covey.internal. HINFO " + std::string("\7RFC8482\0", 9)});
}

TEST_CASE("what is not served is refused") {
    CHECK(dig({.name = "covey.internal", .type = "AXFR"}).rcode == 5);
    CHECK(dig({.name = "web.shop.covey.internal", .type = "IXFR"}).rcode == 5);
    Asking chaos{.name = "version.bind", .type = "TXT"};
    chaos.klass = 3;
    CHECK(dig(chaos).rcode == 5);
    chaos.name = "web.shop.covey.internal";
    chaos.klass = 255;
    CHECK(dig(chaos).rcode == 5);
}

TEST_CASE("EDNS") {
    std::string const name = "web.shop.covey.internal";
    CHECK_FALSE(dig({.name = name}).edns);
    Reading const plain = dig({.name = name, .payload = 4096});
    REQUIRE(plain.edns);
    CHECK(plain.edns->payload == 1232);
    CHECK(plain.edns->version == 0);
    CHECK_FALSE(plain.edns->dnssec_ok);
    CHECK(plain.answers.size() == 1);
    CHECK(dig({.name = name, .payload = 4096, .dnssec_ok = true}).edns->dnssec_ok);

    Reading const future = dig({.name = name, .payload = 4096, .version = 100});
    CHECK(future.rcode == 16);
    CHECK(future.answers.empty());
    REQUIRE(future.edns);
    CHECK(future.edns->version == 0);
}

TEST_CASE("malformed queries, other opcodes and responses") {
    auto const kind_and_rcode = [](base::Bytes const& message) {
        Answer const got = answer(*zone, message, Transport::udp, outside, 0);
        int const rcode = got.message.empty() ? -1 : read(got.message).rcode;
        return std::pair(got.kind, rcode);
    };
    using Kind = Answer::Kind;
    auto query = ask({.name = "web.shop.covey.internal"});
    CHECK(kind_and_rcode({}) == std::pair(Kind::drop, -1));
    auto response = query;
    response[2] |= std::byte{0x80};
    CHECK(kind_and_rcode(response) == std::pair(Kind::drop, -1));
    auto notify = query;
    notify[2] |= std::byte{0x20};
    CHECK(kind_and_rcode(notify) == std::pair(Kind::reply, 4));
    CHECK(read(answer(*zone, notify, Transport::udp, outside, 0).message).flags ==
          (flag::response | 0x2000 | flag::recursion_desired | flag::recursion_available | 4));
    auto two = query;
    two[5] = std::byte{2};
    CHECK(kind_and_rcode(two) == std::pair(Kind::reply, 1));
    query.pop_back();
    CHECK(kind_and_rcode(query) == std::pair(Kind::reply, 1));
}

TEST_CASE("a UDP answer is cut at the client's size, a TCP answer is whole") {
    ZoneData data;
    ServiceRecord big{
        .project = "p", .name = "big", .vip = {}, .ports = {{"http", 80, false}}, .endpoints = {}};
    for (std::uint32_t slot = 1; slot <= 500; ++slot) {
        big.endpoints.push_back({slot, base::IpAddress::v4(0x0a800000 + slot)});
    }
    data.services = {big};
    auto const wide = make_zone(data);
    auto const size_and_reading = [&](Asking const& asking, Transport transport) {
        Answer const got = answer(*wide, ask(asking), transport, outside, 0);
        return std::pair(got.message.size(), read(got.message));
    };
    std::string const name = "big.p.covey.internal";

    struct Row {
        std::optional<std::uint16_t> payload;
        std::size_t limit;
    };

    for (auto const& [payload, limit] : std::vector<Row>{
             {{}, 512}, {0, 512}, {100, 512}, {700, 700}, {1232, 1232}, {65535, 1232}}) {
        auto const [size, got] =
            size_and_reading({.name = name, .payload = payload}, Transport::udp);
        CHECK((got.flags & flag::truncated) != 0);
        CHECK(size <= limit);
        CHECK(size + 16 > limit);
        CHECK_FALSE(got.answers.empty());
        CHECK(got.edns.has_value() == payload.has_value());
    }
    auto const [size, whole] = size_and_reading({.name = name}, Transport::tcp);
    CHECK((whole.flags & flag::truncated) == 0);
    CHECK(whole.answers.size() == 500);

    // Additional records that do not fit are left out silently.
    big.endpoints.resize(8);
    data.services = {big};
    auto const few = make_zone(data);
    Reading const srv = read(
        answer(*few, ask({.name = "_http._tcp." + name, .type = "SRV"}), Transport::udp, outside, 0)
            .message);
    CHECK((srv.flags & flag::truncated) == 0);
    CHECK(srv.answers.size() == 8);
    CHECK(srv.additionals.size() < 8);
}

TEST_CASE("records without a valid name are left out") {
    ZoneData data;
    data.services = {
        {.project = "p",
         .name = std::string(64, 'x'),
         .vip = ip("10.128.0.1"),
         .ports = {},
         .endpoints = {}},
        {.project = "", .name = "web", .vip = ip("10.128.0.2"), .ports = {}, .endpoints = {}},
        {.project = "p",
         .name = "ok",
         .vip = ip("10.128.0.3"),
         .ports = {{std::string(70, 'y'), 80, false}, {"", 81, false}},
         .endpoints = {{1, ip("10.128.0.4")}}}};
    data.hosts = {{"", ip("10.128.0.5")}, {"a..b", ip("10.128.0.6")}, {"A.b", ip("10.128.0.7")}};
    data.projects = {{in_shop, "..."}};
    auto const odd = make_zone(data);
    auto const rcode = [&](std::string const& name, std::string const& type) {
        return read(answer(*odd, ask({.name = name, .type = type}), Transport::udp, in_shop, 0)
                        .message)
            .rcode;
    };
    CHECK(rcode("ok.p.covey.internal", "A") == 0);
    CHECK(rcode("_80._tcp.ok.p.covey.internal", "SRV") == 0);
    CHECK(rcode("a.b.node.covey.internal", "A") == 0);
    CHECK(rcode("1.0.128.10.in-addr.arpa", "PTR") == 3);
    CHECK(rcode("2.0.128.10.in-addr.arpa", "PTR") == 3);
    CHECK(rcode("5.0.128.10.in-addr.arpa", "PTR") == 3);
    CHECK(rcode("ok", "A") == 3);
}

TEST_CASE("another origin") {
    CHECK(valid_origin("fleet.example.com."));
    CHECK_FALSE(valid_origin(""));
    CHECK_FALSE(valid_origin("."));
    CHECK_FALSE(valid_origin("a..b"));
    ZoneData data = example();
    data.origin = "Fleet.example.com";
    auto const other = make_zone(data);
    auto const kind = [&](std::string const& name) {
        return answer(*other, ask({.name = name}), Transport::udp, outside, 0).kind;
    };
    CHECK(kind("web.shop.fleet.example.com") == Answer::Kind::reply);
    CHECK(kind("www.example.com") == Answer::Kind::forward);
    CHECK(kind("example.com") == Answer::Kind::forward);
    CHECK(kind("web.shop.covey.internal") == Answer::Kind::forward);
}

TEST_CASE("the order of records in the data does not matter") {
    ZoneData data = example();
    std::ranges::reverse(data.services);
    std::ranges::reverse(data.hosts);
    for (ServiceRecord& service : data.services) {
        std::ranges::reverse(service.endpoints);
        std::ranges::reverse(service.ports);
    }
    auto const reversed = make_zone(data);
    for (std::string const name :
         {"tasks.web.shop.covey.internal", "_http._tcp.web.shop.covey.internal"}) {
        for (std::string const type : {"A", "SRV"}) {
            auto const query = ask({.name = name, .type = type});
            CHECK(answer(*zone, query, Transport::udp, outside, 1).message ==
                  answer(*reversed, query, Transport::udp, outside, 1).message);
        }
    }
}

TEST_CASE("SERVFAIL echoes what it can") {
    Reading const whole = read(servfail(ask({.name = "Example.org", .payload = 4096})));
    CHECK(whole.rcode == 2);
    CHECK(whole.question == "Example.org. A");
    CHECK(whole.edns);
    CHECK((whole.flags & flag::authoritative) == 0);
    auto cut = ask({.name = "example.org"});
    cut.pop_back();
    CHECK(read(servfail(cut)).rcode == 2);
    CHECK(servfail({}).empty());
}
