#include "dns/server/server.h"

#include <set>

#include <catch2/catch.hpp>
#include <sys/resource.h>

#include "base/text.h"
#include "peer.h"
#include "reading.h"

using namespace dns;

namespace {

base::SocketAddress const any_port{base::IpAddress::v4(0x7f000001), 0};

std::string const local = "web.shop.covey.internal";

std::shared_ptr<Zone const> make_example(std::uint32_t endpoints) {
    ZoneData data;
    ServiceRecord web{.project = "shop", .name = "web", .vip = {}, .ports = {}, .endpoints = {}};
    for (std::uint32_t slot = 1; slot <= endpoints; ++slot) {
        web.endpoints.push_back({slot, base::IpAddress::v4(0x0a800000 + slot)});
    }
    data.services = {web};
    data.projects = {{any_port.ip, "shop"}};
    return make_zone(data);
}

struct Setup {
    explicit Setup(std::vector<base::SocketAddress> upstreams = {},
                   base::Duration upstream_timeout = base::seconds(30),
                   base::Duration idle_timeout = base::seconds(30)) {
        auto started = Server::start({.listen = {any_port},
                                      .upstreams = std::move(upstreams),
                                      .upstream_timeout = upstream_timeout,
                                      .idle_timeout = idle_timeout});
        REQUIRE(started.has_value());
        server = *std::move(started);
        server->set_zone(make_example(3));
        address = server->addresses().front();
    }

    Reading ask_udp(Asking const& asking) {
        client.send(address, ask(asking));
        return read(client.receive());
    }

    std::unique_ptr<Server> server;
    base::SocketAddress address;
    UdpPeer client;
};

// What an upstream says to a query that it got.
base::Bytes response_to(base::Bytes query, std::uint16_t flags = 0) {
    query[2] |= static_cast<std::byte>((flag::response | flags) >> 8);
    query[3] |= static_cast<std::byte>((flag::recursion_available | flags) & 0xff);
    return query;
}

// A loopback address that refuses: it was free a moment ago, and nobody listens on it.
base::SocketAddress refusing() {
    return UdpPeer().address();
}

}  // namespace

TEST_CASE("server: names of ours over UDP and TCP") {
    Setup setup;
    CHECK(setup.ask_udp({.name = local}).answers.size() == 3);
    CHECK(setup.ask_udp({.name = "web"}).answers.size() == 3);
    CHECK(setup.ask_udp({.name = "nope"}).rcode == 3);
    TcpPeer tcp(setup.address);
    tcp.send(ask({.name = local}));
    CHECK(read(tcp.receive()).answers.size() == 3);
    CHECK(setup.server->counters().forwarded == 0);
}

TEST_CASE("server: the addresses rotate from query to query") {
    Setup setup;
    std::set<std::string> firsts;
    for (int query = 0; query < 3; ++query) {
        firsts.insert(setup.ask_udp({.name = local}).answers.front());
    }
    CHECK(firsts.size() == 3);
}

TEST_CASE("server: until a zone is set every query fails softly") {
    auto server = Server::start({.listen = {any_port}, .upstreams = {}});
    REQUIRE(server.has_value());
    UdpPeer client;
    client.send((*server)->addresses().front(), ask({.name = local}));
    CHECK(read(client.receive()).rcode == 2);
}

TEST_CASE("server: a new zone serves the next query") {
    Setup setup;
    setup.server->set_zone(make_example(5));
    CHECK(setup.ask_udp({.name = local}).answers.size() == 5);
}

TEST_CASE("server: a cut answer comes whole over TCP") {
    Setup setup;
    setup.server->set_zone(make_example(200));
    Reading const cut = setup.ask_udp({.name = local});
    CHECK((cut.flags & flag::truncated) != 0);
    TcpPeer tcp(setup.address);
    tcp.send(ask({.name = local}));
    CHECK(read(tcp.receive()).answers.size() == 200);
}

TEST_CASE("server: what is no query gets no answer") {
    Setup setup;
    setup.client.send(setup.address, response_to(ask({.name = local})));
    setup.client.send(setup.address, base::to_bytes("short"));
    setup.client.send(setup.address, {});
    // The next answer is to the next query.
    CHECK(setup.ask_udp({.name = local, .id = 77}).id == 77);
    TcpPeer tcp(setup.address);
    tcp.send(response_to(ask({.name = local})));
    CHECK(tcp.closed());
    TcpPeer empty(setup.address);
    empty.send({});
    CHECK(empty.closed());
}

TEST_CASE("server: many queries on one connection") {
    Setup setup;
    TcpPeer tcp(setup.address);
    base::Bytes all;
    constexpr std::uint16_t queries = 500;
    for (std::uint16_t id = 0; id < queries; ++id) {
        append_frame(all, ask({.name = local, .id = id}));
    }
    tcp.send_raw(all);
    tcp.end();
    std::set<std::uint16_t> ids;
    for (std::uint16_t count = 0; count < queries; ++count) {
        ids.insert(read(tcp.receive()).id);
    }
    CHECK(ids.size() == queries);
    CHECK(tcp.closed());
}

TEST_CASE("server: a slow client delays nobody else") {
    Setup setup;
    TcpPeer slow(setup.address);
    base::Bytes framed;
    append_frame(framed, ask({.name = local}));
    slow.send_raw(base::ByteView(framed).first(5));
    TcpPeer fast(setup.address);
    fast.send(ask({.name = local}));
    CHECK(read(fast.receive()).answers.size() == 3);
    CHECK(setup.ask_udp({.name = local}).answers.size() == 3);
    slow.send_raw(base::ByteView(framed).subspan(5));
    CHECK(read(slow.receive()).answers.size() == 3);
}

TEST_CASE("server: a client that never reads is held to its bound") {
    Setup setup;
    setup.server->set_zone(make_example(3000));
    TcpPeer deaf(setup.address);
    base::Bytes all;
    constexpr int queries = 400;  // 48 kB of answer each
    for (int count = 0; count < queries; ++count) {
        append_frame(all, ask({.name = local}));
    }
    deaf.send_raw(all);
    // Turns enough for the server to accept, to read, and to file its counters.
    for (int turn = 0; turn < 5; ++turn) {
        CHECK(setup.ask_udp({.name = local}).rcode == 0);
    }
    CHECK(setup.server->counters().queries < queries);
    // It gets everything once it reads.
    for (int count = 0; count < queries; ++count) {
        REQUIRE(read(deaf.receive()).answers.size() == 3000);
    }
}

TEST_CASE("server: an idle client is closed") {
    Setup setup({}, base::seconds(30), base::milliseconds(60));
    TcpPeer idle(setup.address);
    CHECK(idle.closed());
    TcpPeer half(setup.address);
    half.send_raw(base::to_bytes("x"));
    CHECK(half.closed());
}

TEST_CASE("server: one client too many costs the longest idle one its connection") {
    Setup setup;
    std::vector<TcpPeer> clients;
    for (std::size_t count = 0; count <= tcp_clients_max; ++count) {
        clients.emplace_back(setup.address);
        clients.back().send(ask({.name = local}));
        CHECK(read(clients.back().receive()).rcode == 0);
    }
    CHECK(clients.front().closed());
    clients[1].send(ask({.name = local}));
    CHECK(read(clients[1].receive()).rcode == 0);
    CHECK(setup.server->counters().clients_evicted == 1);
}

TEST_CASE("server: binding errors say what to do") {
    Setup setup;
    auto const taken = setup.server->listen(setup.address);
    REQUIRE_FALSE(taken.has_value());
    CHECK_THAT(taken.error().message, Catch::Contains(to_string(setup.address)) &&
                                          Catch::Contains("another DNS server holds it"));
    auto const absent = setup.server->listen({base::IpAddress::v4(0xc0000201), 0});
    REQUIRE_FALSE(absent.has_value());
    CHECK_THAT(absent.error().message, Catch::Contains("no interface of this host has"));
    CHECK(setup.ask_udp({.name = local}).rcode == 0);
}

TEST_CASE("server: an address that appears later") {
    Setup setup;
    REQUIRE(setup.server->listen(any_port).has_value());
    auto const addresses = setup.server->addresses();
    REQUIRE(addresses.size() == 2);
    CHECK(addresses[0] != addresses[1]);
    setup.client.send(addresses[1], ask({.name = local}));
    CHECK(read(setup.client.receive()).answers.size() == 3);
    CHECK(setup.client.sender() == addresses[1]);
}

TEST_CASE("forwarder: a question of others goes upstream under an id of its own") {
    UdpPeer upstream;
    Setup setup({upstream.address()});
    std::set<std::uint16_t> ids;
    std::set<std::uint16_t> ports;
    for (std::uint16_t id = 0; id < 8; ++id) {
        setup.client.send(setup.address, ask({.name = "eXample.org", .payload = 1400, .id = id}));
        base::Bytes const got = upstream.receive();
        auto const query = parse_query(got);
        REQUIRE(query);
        CHECK(query->edns->payload == 1400);
        ids.insert(query->id);
        ports.insert(upstream.sender().port);
        upstream.send(upstream.sender(), response_to(got));
        Reading const answer = read(setup.client.receive());
        CHECK(answer.id == id);
        CHECK(answer.question == "eXample.org. A");
    }
    CHECK(ids.size() > 4);
    CHECK(ports.size() > 4);
    CHECK(setup.server->counters().forwarded == 8);
    CHECK(setup.server->counters().forwards_failed == 0);
}

TEST_CASE("forwarder: a client's own resolvers are asked instead, one after the other") {
    UdpPeer usual;
    UdpPeer own;
    Setup setup({usual.address()});
    ZoneData data;
    data.resolvers = {{any_port.ip, {refusing(), own.address()}}};
    setup.server->set_zone(make_zone(data));
    for (int query = 0; query < 2; ++query) {
        setup.client.send(setup.address, ask({.name = "example.org"}));
        base::Bytes const got = own.receive();
        own.send(own.sender(), response_to(got));
        CHECK(read(setup.client.receive()).rcode == 0);
    }
    // Which of them answered says nothing about the host's.
    setup.server->set_zone(make_example(1));
    setup.client.send(setup.address, ask({.name = "example.org"}));
    base::Bytes const got = usual.receive();
    usual.send(usual.sender(), response_to(got));
    CHECK(read(setup.client.receive()).rcode == 0);
}

TEST_CASE("a client asks for no more resolvers than the bound") {
    ZoneData data;
    data.resolvers[any_port.ip].resize(resolvers_max + 1);
    CHECK(resolvers_of(*make_zone(data), any_port.ip).size() == resolvers_max);
    CHECK(resolvers_of(*make_zone(data), base::IpAddress::v4(1)).empty());
}

TEST_CASE("forwarder: only the answer to the question counts") {
    UdpPeer upstream;
    UdpPeer stranger;
    Setup setup({upstream.address()});
    setup.client.send(setup.address, ask({.name = "example.org"}));
    base::Bytes const got = upstream.receive();
    auto const forged = [&](std::size_t at) {
        base::Bytes message = response_to(got, 3);
        message[at] ^= std::byte{1};
        return message;
    };
    stranger.send(upstream.sender(), response_to(got, 3));
    upstream.send(upstream.sender(), forged(1));                // id
    upstream.send(upstream.sender(), forged(header_size + 1));  // name
    upstream.send(upstream.sender(), got);                      // no response
    upstream.send(upstream.sender(), base::to_bytes("?"));
    upstream.send(upstream.sender(), response_to(got));
    CHECK(read(setup.client.receive()).rcode == 0);
    // The turn's counters are filed after its answers.
    CHECK(setup.ask_udp({.name = local}).rcode == 0);
    CHECK(setup.server->counters().responses_rejected == 4);
}

TEST_CASE("forwarder: an upstream that refuses the connection is passed over") {
    UdpPeer second;
    Setup setup({refusing(), second.address()});
    setup.client.send(setup.address, ask({.name = "example.org"}));
    base::Bytes const got = second.receive();
    second.send(second.sender(), response_to(got));
    CHECK(read(setup.client.receive()).rcode == 0);
}

TEST_CASE(
    "forwarder: a silent upstream is passed over after a while, and asked later the next time") {
    UdpPeer silent;
    UdpPeer second;
    Setup setup({silent.address(), second.address()}, base::milliseconds(60));
    for (int query = 0; query < 2; ++query) {
        setup.client.send(setup.address, ask({.name = "example.org"}));
        base::Bytes const got = second.receive();
        second.send(second.sender(), response_to(got));
        CHECK(read(setup.client.receive()).rcode == 0);
    }
    // Only the first query met it: what it got next is what the test sent itself.
    (void)silent.receive();
    second.send(silent.address(), base::to_bytes("mark"));
    CHECK(base::as_text(silent.receive()) == "mark");
}

TEST_CASE("forwarder: an upstream that cannot help is passed over, the last one's word stands") {
    UdpPeer first;
    UdpPeer second;
    Setup setup({first.address(), second.address()});
    for (std::uint16_t const rcode : std::vector<std::uint16_t>{2, 4, 5}) {
        setup.client.send(setup.address, ask({.name = "example.org"}));
        base::Bytes got = first.receive();
        first.send(first.sender(), response_to(got, rcode));
        got = second.receive();
        second.send(second.sender(), response_to(got, 5));
        CHECK(read(setup.client.receive()).rcode == 5);
        // The second one is the first asked now.
        setup.client.send(setup.address, ask({.name = "example.org"}));
        got = second.receive();
        second.send(second.sender(), response_to(got, 2));
        got = first.receive();
        first.send(first.sender(), response_to(got, 3));
        CHECK(read(setup.client.receive()).rcode == 3);
    }
}

TEST_CASE("forwarder: SERVFAIL when none answers, or none is known") {
    UdpPeer silent;
    Setup setup({refusing(), silent.address()}, base::milliseconds(60));
    CHECK(setup.ask_udp({.name = "example.org"}).rcode == 2);
    TcpPeer tcp(setup.address);
    tcp.send(ask({.name = "example.org"}));
    CHECK(read(tcp.receive()).rcode == 2);

    Setup lonely;
    Reading const failed = lonely.ask_udp({.name = "Example.org", .id = 9});
    CHECK(failed.rcode == 2);
    CHECK(failed.id == 9);
    CHECK(failed.question == "Example.org. A");
}

TEST_CASE("forwarder: a cut answer is passed on, and the client's TCP goes upstream by TCP") {
    UdpPeer upstream;
    Setup setup({upstream.address()});
    setup.client.send(setup.address, ask({.name = "example.org"}));
    base::Bytes const got = upstream.receive();
    upstream.send(upstream.sender(), response_to(got, flag::truncated));
    CHECK((read(setup.client.receive()).flags & flag::truncated) != 0);

    TcpListener listener;
    Setup stream({listener.address()});
    TcpPeer client(stream.address);
    client.send(ask({.name = "a.example.org", .id = 1}));
    TcpPeer first = listener.accept();
    client.send(ask({.name = "b.example.org", .id = 2}));
    TcpPeer second = listener.accept();
    base::Bytes const query = first.receive();
    base::Bytes const other = second.receive();
    // The later question may be answered first, and a wrong answer is waited out.
    second.send(response_to(other));
    CHECK(read(client.receive()).question == "b.example.org. A");
    first.send(response_to(other));
    base::Bytes framed;
    append_frame(framed, response_to(query));
    first.send_raw(base::ByteView(framed).first(7));
    first.send_raw(base::ByteView(framed).subspan(7));
    Reading const answer = read(client.receive());
    CHECK(answer.question == "a.example.org. A");
    CHECK(answer.id == 1);
}

TEST_CASE("forwarder: a client that sends no more still gets its answer") {
    TcpListener listener;
    Setup setup({listener.address()});
    TcpPeer client(setup.address);
    client.send(ask({.name = "example.org"}));
    client.end();
    TcpPeer upstream = listener.accept();
    base::Bytes const query = upstream.receive();
    // By now the server has seen the end.
    CHECK(setup.ask_udp({.name = local}).rcode == 0);
    upstream.send(response_to(query));
    CHECK(read(client.receive()).rcode == 0);
    CHECK(client.closed());
}

TEST_CASE("forwarder: a connection that an upstream ends is a failure") {
    TcpListener listener;
    Setup setup({listener.address()});
    TcpPeer client(setup.address);
    client.send(ask({.name = "example.org"}));
    listener.accept().end();
    CHECK(read(client.receive()).rcode == 2);
}

TEST_CASE("forwarder: questions under way are bounded") {
    rlimit limit{};
    REQUIRE(::getrlimit(RLIMIT_NOFILE, &limit) == 0);
    limit.rlim_cur = std::min<rlim_t>(limit.rlim_max, 4096);
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &limit) == 0);
    UdpPeer upstream;
    Setup setup({upstream.address()});
    for (std::size_t count = 0; count < forwards_max; ++count) {
        setup.client.send(setup.address, ask({.name = "example.org", .id = 1}));
        // One at a time, so that no socket buffer overflows.
        (void)upstream.receive();
    }
    CHECK(setup.ask_udp({.name = "example.org", .id = 2}).rcode == 2);
    // Names of ours are answered all the same.
    CHECK(setup.ask_udp({.name = local, .id = 3}).rcode == 0);
    CHECK(setup.server->counters().forwards_refused == 1);
    CHECK(setup.server->counters().forwarded == forwards_max);
}
