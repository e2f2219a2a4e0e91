#include "net/transport.h"

#include <algorithm>
#include <future>
#include <numeric>
#include <optional>

#include <boost/asio/ip/tcp.hpp>
#include <catch2/catch.hpp>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/text.h"
#include "net/clock.h"
#include "net/handshake.h"
#include "net/join_client.h"
#include "tests/unit/net/transports.h"

using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;
using net::Channel;
using support::closed_door;
using support::Fleet;
using support::Host;
using support::loopback;
using support::run_until;
using support::text;

namespace {
// A socket of somebody who is no member.
class Stranger {
public:
    Stranger(int type, base::SocketAddress const& to) : descriptor_(::socket(AF_INET, type, 0)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(to.port);
        address.sin_addr.s_addr = htonl(to.ip.v4_value());
        REQUIRE(::connect(descriptor_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    }

    Stranger(Stranger const&) = delete;
    Stranger& operator=(Stranger const&) = delete;

    ~Stranger() { ::close(descriptor_); }

    void send(base::ByteView bytes) {
        static_cast<void>(::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL));
    }

    // Bytes that came back.
    std::size_t answer() {
        std::array<char, 4096> buffer{};
        ssize_t const size = ::recv(descriptor_, buffer.data(), buffer.size(), MSG_DONTWAIT);
        return size > 0 ? static_cast<std::size_t>(size) : 0;
    }

    bool closed() {
        pollfd polled{.fd = descriptor_, .events = POLLIN | POLLRDHUP, .revents = 0};
        ::poll(&polled, 1, 0);
        return (polled.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
    }

private:
    int descriptor_;
};

base::Bytes pattern(std::size_t size) {
    base::Bytes bytes(size);
    for (std::size_t i = 0; i < size; ++i) {
        bytes[i] = static_cast<std::byte>(i * 2654435761U >> 13);
    }
    return bytes;
}
}  // namespace

TEST_CASE("a datagram arrives with its sender and where it came from") {
    Fleet fleet;
    Host alice(fleet.io, fleet.keys);
    Host bob(fleet.io, fleet.keys);
    alice.send(bob, Channel::datagram, text("hello"));
    REQUIRE(run_until(fleet.io, [&] { return !bob.heard.empty(); }));
    CHECK(bob.heard[0].from == alice.id);
    CHECK(bob.heard[0].source == alice.address());
    CHECK(bob.heard[0].channel == Channel::datagram);
    CHECK(bob.heard[0].bytes == text("hello"));
    CHECK(alice.transport->counters().datagrams_out == 1);
    CHECK(bob.transport->counters().datagrams_in == 1);
}

TEST_CASE("stream messages arrive in order, from the address the sender listens on") {
    Fleet fleet;
    Host alice(fleet.io, fleet.keys);
    Host bob(fleet.io, fleet.keys);
    base::Bytes const big = pattern(net::message_max);
    alice.send(bob, Channel::stream, text("first"));
    alice.send(bob, Channel::stream, big);
    alice.send(bob, Channel::stream, text(""));
    alice.send(bob, Channel::stream, text("last"));
    REQUIRE(run_until(fleet.io, [&] { return bob.heard.size() == 4; }));
    CHECK(bob.heard[0].bytes == text("first"));
    CHECK(bob.heard[0].from == alice.id);
    CHECK(bob.heard[0].source == alice.address());
    CHECK(bob.heard[0].channel == Channel::stream);
    CHECK(bob.heard[1].bytes == big);
    CHECK(bob.heard[2].bytes.empty());
    CHECK(bob.heard[3].bytes == text("last"));
    CHECK(alice.unreachable.empty());
}

TEST_CASE("three hosts talk to each other both ways") {
    Fleet fleet;
    Host hosts[] = {Host(fleet.io, fleet.keys), Host(fleet.io, fleet.keys),
                    Host(fleet.io, fleet.keys)};
    for (Host& from : hosts) {
        for (Host const& to : hosts) {
            if (&from != &to) {
                from.send(to, Channel::stream, text("s"));
                from.send(to, Channel::datagram, text("d"));
            }
        }
    }
    REQUIRE(run_until(fleet.io, [&] {
        return std::ranges::all_of(hosts, [](Host const& host) { return host.heard.size() == 4; });
    }));
    for (Host const& host : hosts) {
        CHECK(host.unreachable.empty());
    }
}

TEST_CASE("an answer can be sent from within the message callback's source") {
    Fleet fleet;
    Host alice(fleet.io, fleet.keys);
    Host bob(fleet.io, fleet.keys);
    alice.send(bob, Channel::stream, text("ping"));
    REQUIRE(run_until(fleet.io, [&] { return !bob.heard.empty(); }));
    bob.transport->send(bob.heard[0].source, Channel::stream, text("pong"));
    REQUIRE(run_until(fleet.io, [&] { return !alice.heard.empty(); }));
    CHECK(alice.heard[0].bytes == text("pong"));
}

TEST_CASE("a peer that nobody listens for is reported once, and what was queued is lost") {
    Fleet fleet;
    Host alice(fleet.io, fleet.keys);
    base::SocketAddress gone;
    {
        Host const bob(fleet.io, fleet.keys);
        gone = bob.address();
    }
    alice.transport->send(gone, Channel::stream, text("a"));
    alice.transport->send(gone, Channel::stream, text("b"));
    CHECK(alice.unreachable.empty());  // never from within send()
    REQUIRE(run_until(fleet.io, [&] { return !alice.unreachable.empty(); }));
    CHECK(alice.unreachable == std::vector{gone});
    CHECK(alice.why == std::vector{net::Unreachable::refused});
    CHECK(alice.transport->counters().messages_unsent == 2);
    alice.transport->send(gone, Channel::stream, text("c"));
    REQUIRE(run_until(fleet.io, [&] { return alice.unreachable.size() == 2; }));
}

TEST_CASE("a connection that is reset once it is open tells nothing of the host") {
    Fleet fleet;
    Host alice(fleet.io, fleet.keys);
    namespace asio = boost::asio;
    asio::ip::tcp::acceptor acceptor(fleet.io, {asio::ip::address_v4::loopback(), 0});
    asio::ip::tcp::socket accepted(fleet.io);
    acceptor.async_accept(accepted, [&](auto const& error) {
        REQUIRE_FALSE(error);
        // Closing it now resets it, as the kernel does for a process that is killed.
        accepted.set_option(asio::socket_base::linger(true, 0));
        accepted.close();
    });
    base::SocketAddress const peer{loopback, acceptor.local_endpoint().port()};
    alice.transport->send(peer, Channel::stream, text("hello"));
    REQUIRE(run_until(fleet.io, [&] { return !alice.unreachable.empty(); }));
    CHECK(alice.unreachable == std::vector{peer});
    CHECK(alice.why == std::vector{net::Unreachable::silent});
}

TEST_CASE("a restarted peer is reached again, by datagram and by stream") {
    Fleet fleet;
    Host alice(fleet.io, fleet.keys);
    auto const identity = net::Identity::generate();
    auto bob = std::make_unique<Host>(fleet.io, fleet.keys, net::TransportOptions{}, closed_door(),
                                      1, identity);
    net::TransportOptions same_port{.port = bob->transport->port()};
    alice.send(*bob, Channel::stream, text("before"));
    bob->send(alice, Channel::datagram, text("before"));
    REQUIRE(run_until(fleet.io, [&] { return !bob->heard.empty() && !alice.heard.empty(); }));
    bob.reset();
    bob = std::make_unique<Host>(fleet.io, fleet.keys, same_port, closed_door(), 2, identity);
    bob->send(alice, Channel::datagram, text("again"));
    bob->send(alice, Channel::stream, text("again"));
    REQUIRE(run_until(fleet.io, [&] { return alice.heard.size() == 3; }));
    // The old connection may break under the first message; the next one opens a new stream.
    REQUIRE(run_until(fleet.io, [&] {
        if (bob->heard.empty()) {
            alice.send(*bob, Channel::stream, text("after"));
        }
        return !bob->heard.empty();
    }));
    CHECK(bob->heard[0].bytes == text("after"));
}

TEST_CASE("an idle stream is closed by its sender and opened again when needed") {
    Fleet fleet;
    net::TransportOptions const quick{.idle_timeout = base::milliseconds(50)};
    Host alice(fleet.io, fleet.keys, quick);
    Host bob(fleet.io, fleet.keys);
    for (std::size_t round = 1; round <= 2; ++round) {
        alice.send(bob, Channel::stream, text("x"));
        REQUIRE(run_until(fleet.io, [&] { return bob.heard.size() == round; }));
        REQUIRE(run_until(fleet.io, [&] {
            return alice.transport->counters().outgoing_open == 0 &&
                   bob.transport->counters().incoming_open == 0;
        }));
    }
    CHECK(alice.unreachable.empty());
    CHECK(bob.transport->counters().streams_broken == 0);
}

TEST_CASE("random bytes get no answer, over UDP or TCP") {
    Fleet fleet;
    Host host(fleet.io, fleet.keys);
    Host other(fleet.io, fleet.keys);
    for (std::size_t const size :
         {std::size_t{1}, std::size_t{20}, net::Sealer::overhead, net::hello_size, net::reply_size,
          net::join_hello_size, std::size_t{1400}}) {
        for (int first : {-1, 0xc1, 0xc2, 0xc3, 0xc4}) {
            INFO("size " << size << " first byte " << first);
            base::Bytes garbage(size);
            net::fill_random(garbage);
            if (first >= 0) {
                garbage[0] = static_cast<std::byte>(first);
            }
            Stranger udp(SOCK_DGRAM, host.address());
            Stranger tcp(SOCK_STREAM, host.address());
            udp.send(garbage);
            tcp.send(garbage);
            std::size_t const heard = host.heard.size();
            other.send(host, Channel::stream, text("still there"));
            REQUIRE(run_until(fleet.io, [&] { return host.heard.size() > heard; }));
            CHECK(udp.answer() == 0);
            CHECK(tcp.answer() == 0);
        }
    }
    CHECK(host.transport->counters().datagrams_in == 35);
    auto const dropped = host.transport->counters().dropped;
    CHECK(std::accumulate(dropped.begin(), dropped.end(), std::uint64_t{0}) >= 35);
    CHECK(host.transport->counters().joins_refused > 0);
}

TEST_CASE("a member of another fleet is not heard and is told nothing") {
    Fleet fleet;
    Host host(fleet.io, fleet.keys);
    Host stranger(fleet.io, support::one_key());
    stranger.send(host, Channel::datagram, text("hello"));
    stranger.send(host, Channel::stream, text("hello"));
    REQUIRE(run_until(fleet.io, [&] { return stranger.unreachable.size() == 1; }));
    CHECK(stranger.why == std::vector{net::Unreachable::silent});
    CHECK(host.heard.empty());
    CHECK(host.transport->counters().handshakes_failed == 1);
    CHECK(host.transport->counters().dropped[static_cast<std::size_t>(net::Drop::unknown_key)] ==
          2);
}

TEST_CASE("a recorded hello gets no answer") {
    Fleet fleet;
    Host host(fleet.io, fleet.keys);
    auto const identity = net::Identity::generate();
    net::Sealer sealer = support::sealer_of(identity, fleet.keys);
    net::ClientHandshake const handshake(identity, sealer, 1);
    Stranger first(SOCK_STREAM, host.address());
    first.send(handshake.hello());
    std::size_t answered = 0;
    REQUIRE(run_until(fleet.io, [&] { return (answered += first.answer()) > 0; }));
    CHECK(answered == net::reply_size);
    Stranger second(SOCK_STREAM, host.address());
    second.send(handshake.hello());
    REQUIRE(run_until(fleet.io, [&] { return second.closed(); }));
    CHECK(second.answer() == 0);
    CHECK(host.transport->counters().handshakes_failed == 1);
}

TEST_CASE("a connection that says nothing is closed after the handshake timeout") {
    Fleet fleet;
    Host host(fleet.io, fleet.keys, {.handshake_timeout = base::milliseconds(50)});
    Stranger silent(SOCK_STREAM, host.address());
    REQUIRE(run_until(fleet.io, [&] { return silent.closed(); }));
    CHECK(silent.answer() == 0);
}

TEST_CASE("silent connections cannot keep members out") {
    Fleet fleet;
    Host host(fleet.io, fleet.keys);
    Host member(fleet.io, fleet.keys);
    std::vector<std::unique_ptr<Stranger>> crowd;
    for (std::size_t i = 0; i < net::half_open_max + 20; ++i) {
        crowd.push_back(std::make_unique<Stranger>(SOCK_STREAM, host.address()));
    }
    member.send(host, Channel::stream, text("let me in"));
    REQUIRE(run_until(fleet.io, [&] { return host.heard.size() == 1; }));
    CHECK(host.transport->counters().connections_refused >= 20);
}

TEST_CASE("what does not fit is counted as unsent") {
    Fleet fleet;
    Host alice(fleet.io, fleet.keys);
    Host bob(fleet.io, fleet.keys);
    alice.send(bob, Channel::datagram, base::Bytes(net::datagram_max + 1));
    CHECK(alice.transport->counters().datagrams_unsent == 1);
    alice.send(bob, Channel::stream, base::Bytes(net::message_max + 1));
    CHECK(alice.transport->counters().messages_unsent == 1);
    for (int i = 0; i < 6; ++i) {
        alice.send(bob, Channel::stream, base::Bytes(1 << 20));
    }
    CHECK(alice.transport->counters().messages_unsent == 3);
    REQUIRE(run_until(fleet.io, [&] { return bob.heard.size() == 4; }));
    alice.send(bob, Channel::stream, text("room again"));
    REQUIRE(run_until(fleet.io, [&] { return bob.heard.size() == 5; }));
}

TEST_CASE("a port in use and a foreign address are one clear line") {
    Fleet fleet;
    Host const host(fleet.io, fleet.keys);
    auto const identity = net::Identity::generate();
    auto const open = [&](net::TransportOptions const& options) {
        return net::Transport::open(
            fleet.io,
            {.identity = identity, .sealer = support::sealer_of(identity, fleet.keys), .join = {}},
            options, {});
    };
    auto const taken = open({.bind = loopback, .port = host.transport->port()});
    REQUIRE_FALSE(taken);
    CHECK_THAT(taken.error().message,
               StartsWith(base::concat("TCP port ", host.transport->port(), " is in use: ")));
    auto const foreign = open({.bind = *base::parse_ip("192.0.2.1"), .port = 0});
    REQUIRE_FALSE(foreign);
    CHECK(foreign.error().message ==
          "cannot listen on 192.0.2.1: it is not an address of this host");
}

TEST_CASE("UDP in use is named as such") {
    Fleet fleet;
    // An address of its own: a stranger may use the same TCP port on the usual one.
    base::IpAddress const own = base::IpAddress::v4(0x7f00004d);
    int const udp = ::socket(AF_INET, SOCK_DGRAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(own.v4_value());
    socklen_t size = sizeof address;
    REQUIRE(::bind(udp, reinterpret_cast<sockaddr*>(&address), size) == 0);
    REQUIRE(::getsockname(udp, reinterpret_cast<sockaddr*>(&address), &size) == 0);
    auto const identity = net::Identity::generate();
    auto const opened = net::Transport::open(
        fleet.io,
        {.identity = identity, .sealer = support::sealer_of(identity, fleet.keys), .join = {}},
        {.bind = own, .port = ntohs(address.sin_port)}, {});
    ::close(udp);
    REQUIRE_FALSE(opened);
    CHECK_THAT(opened.error().message, StartsWith("UDP port ") && Contains(" is in use: "));
}

TEST_CASE("a transport can go in the middle of everything") {
    Fleet fleet;
    for (int steps = 0; steps < 12; ++steps) {
        Host alice(fleet.io, fleet.keys);
        auto bob = std::make_unique<Host>(fleet.io, fleet.keys);
        alice.send(*bob, Channel::stream, pattern(300'000));
        bob->send(alice, Channel::stream, pattern(300'000));
        fleet.io.restart();
        for (int i = 0; i < steps; ++i) {
            fleet.io.run_one_for(std::chrono::milliseconds(5));
        }
        bob.reset();
        support::run_for(fleet.io, std::chrono::milliseconds(5));
    }
}

namespace {
// A member with a token desk, served by a thread while join() blocks.
struct Inviter {
    net::Fleet fleet = net::make_fleet("edge");
    net::Token token;
    std::optional<net::TokenRecord> record;
    int joined = 0;
    boost::asio::io_context io;
    std::unique_ptr<Host> host;

    Inviter() {
        net::JoinDesk::Ports ports{
            .find_token = [this](net::TokenId const& id) -> std::optional<net::TokenRecord> {
                if (record && record->id == id) {
                    return record;
                }
                return std::nullopt;
            },
            .welcome =
                [this] {
                    return net::Welcome{.fleet = fleet,
                                        .members = {{host->id, host->address()}},
                                        .inviter = {},
                                        .seen_as = {}};
                },
            .on_joined = [this](net::TokenId const&, net::Joiner const&) { ++joined; }};
        host = std::make_unique<Host>(io, fleet.keys, net::TransportOptions{}, std::move(ports));
        token = net::make_token(fleet.id, {net::wall_now().value + 60}, {host->address()});
        record = net::record_of(token, 1);
    }

    base::Result<net::Welcome> join(net::JoinRequest const& request) {
        auto const identity = net::Identity::generate();
        auto asked = std::async(std::launch::async, [&] { return net::join(request, identity); });
        bool const answered = run_until(io, [&] {
            return asked.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
        });
        REQUIRE(answered);
        return asked.get();
    }

    base::Result<net::Welcome> join() { return join({.token = token, .peers = {}, .name = "n"}); }
};
}  // namespace

TEST_CASE("a host joins over TCP and can then speak") {
    Inviter inviter;
    auto const welcome = inviter.join();
    REQUIRE(welcome);
    CHECK(welcome->fleet == inviter.fleet);
    CHECK(welcome->inviter == inviter.host->id);
    CHECK(welcome->seen_as == loopback);
    CHECK(inviter.joined == 1);
    CHECK(inviter.host->transport->counters().joins_answered == 1);
    Host joined(inviter.io, welcome->fleet.keys);
    joined.transport->send(welcome->members.front().address, Channel::stream, text("here I am"));
    REQUIRE(run_until(inviter.io, [&] { return !inviter.host->heard.empty(); }));
}

TEST_CASE("a refused joiner is told what to do") {
    Inviter inviter;
    std::string const at = base::to_string(inviter.host->address());
    SECTION("expired") {
        inviter.record->expires = {net::wall_now().value - 185};
        CHECK(inviter.join().error().message ==
              "token expired 3 minutes ago: make a new one with `agent token create`");
    }
    SECTION("used up") {
        inviter.record->uses_left = 0;
        CHECK_THAT(inviter.join().error().message, StartsWith("token used up: "));
    }
    SECTION("unknown or revoked") {
        inviter.record.reset();
        CHECK(inviter.join().error().message ==
              "wrong fleet: the host at " + at +
                  " does not know this token (it belongs to another fleet, or the token was "
                  "revoked)");
        CHECK(inviter.host->transport->counters().joins_refused == 1);
    }
    SECTION("nobody there") {
        std::uint16_t const port = inviter.host->transport->port();
        inviter.host.reset();
        CHECK(inviter.join().error().message ==
              base::concat("no answer from ", at, ": is the agent running there and TCP port ",
                           port, " open?"));
    }
    CHECK(inviter.joined == 0);
}

TEST_CASE("a joiner tries every address before it gives up") {
    Inviter inviter;
    boost::asio::io_context other;
    base::SocketAddress dead;
    {
        Host const gone(other, inviter.fleet.keys);
        dead = gone.address();
    }
    auto const welcome = inviter.join({.token = inviter.token, .peers = {dead}, .name = "n"});
    REQUIRE(welcome);
    CHECK(welcome->asked == inviter.token.addresses.front());
}
