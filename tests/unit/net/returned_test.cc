// Datagrams that come back: what ICMP says of them, and that nothing else suffers from it.
#include <algorithm>
#include <cstring>
#include <functional>
#include <future>
#include <span>

#include <catch2/catch.hpp>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <netinet/udp.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "base/descriptor.h"
#include "tests/unit/net/transports.h"

using net::Channel;
using net::Unreachable;
using support::Fleet;
using support::Host;
using support::loopback;
using support::run_until;
using support::text;

namespace {

// Where somebody has listened, and nobody does any more.
base::SocketAddress closed_port(Fleet& fleet, net::TransportOptions const& options = {}) {
    Host const gone(fleet.io, fleet.keys, options);
    return gone.address();
}

std::uint16_t checksum(base::ByteView bytes) {
    std::uint32_t sum = 0;
    for (std::size_t at = 0; at + 1 < bytes.size(); at += 2) {
        std::uint16_t word = 0;
        std::memcpy(&word, bytes.data() + at, sizeof word);
        sum += word;
    }
    sum = (sum >> 16) + (sum & 0xffff);
    return static_cast<std::uint16_t>(~(sum + (sum >> 16)));
}

// Says by ICMP, as `source`, that a datagram between two ports came back.
class IcmpSender {
public:
    explicit IcmpSender(base::IpAddress const& source)
        : socket_(::socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMP)) {
        sockaddr_in const from = address(source);
        REQUIRE(::bind(socket_.get(), reinterpret_cast<sockaddr const*>(&from), sizeof from) == 0);
    }

    void send(std::uint8_t code, base::SocketAddress const& from, base::SocketAddress const& to) {
        struct {
            icmphdr head{};
            iphdr ip{};
            udphdr udp{};
        } packet;

        packet.head.type = ICMP_DEST_UNREACH;
        packet.head.code = code;
        packet.head.un.frag.mtu = htons(600);
        packet.ip.version = 4;
        packet.ip.ihl = 5;
        packet.ip.protocol = IPPROTO_UDP;
        packet.ip.saddr = htonl(from.ip.v4_value());
        packet.ip.daddr = htonl(to.ip.v4_value());
        packet.udp.source = htons(from.port);
        packet.udp.dest = htons(to.port);
        packet.head.checksum = checksum(std::as_bytes(std::span(&packet, 1)));
        sockaddr_in const receiver = address(from.ip);
        REQUIRE(::sendto(socket_.get(), &packet, sizeof packet, 0,
                         reinterpret_cast<sockaddr const*>(&receiver),
                         sizeof receiver) == sizeof packet);
    }

private:
    static sockaddr_in address(base::IpAddress const& ip) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(ip.v4_value());
        return address;
    }

    base::Descriptor socket_;
};

bool has_ipv6() {
    base::Descriptor const socket(::socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    sockaddr_in6 address{};
    address.sin6_family = AF_INET6;
    address.sin6_addr = in6addr_loopback;
    return socket &&
           ::bind(socket.get(), reinterpret_cast<sockaddr const*>(&address), sizeof address) == 0;
}

// Runs in a thread with a network of its own, whose loopback has this MTU. Needs CAP_SYS_ADMIN.
void in_own_network(int mtu, std::function<void()> const& what) {
    auto run = std::async(std::launch::async, [&] {
        if (::unshare(CLONE_NEWNET) != 0) {
            WARN("not run: it needs CAP_SYS_ADMIN");
            return;
        }
        base::Descriptor const socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
        ifreq request{};
        std::memcpy(request.ifr_name, "lo", 3);
        request.ifr_mtu = mtu;
        REQUIRE(::ioctl(socket.get(), SIOCSIFMTU, &request) == 0);
        request.ifr_flags = IFF_UP | IFF_LOOPBACK | IFF_RUNNING;
        REQUIRE(::ioctl(socket.get(), SIOCSIFFLAGS, &request) == 0);
        what();
    });
    run.get();
}

}  // namespace

TEST_CASE("a host on which nobody listens refuses datagrams") {
    Fleet fleet;
    Host alice(fleet.io, fleet.keys);
    base::SocketAddress const gone = closed_port(fleet);
    alice.transport->send(gone, Channel::datagram, text("hello"));
    CHECK(alice.unreachable.empty());  // never from within send()
    REQUIRE(run_until(fleet.io, [&] { return !alice.unreachable.empty(); }));
    CHECK(alice.unreachable == std::vector{gone});
    CHECK(alice.why == std::vector{Unreachable::refused});
    CHECK(alice.transport->counters().datagrams_refused == 1);
    CHECK(alice.transport->counters().datagrams_unsent == 0);
}

TEST_CASE("a socket for both families is told of either") {
    if (!has_ipv6()) {
        WARN("not run: no IPv6 here");
        return;
    }
    Fleet fleet;
    net::TransportOptions const both{.bind = *base::parse_ip("::")};
    net::TransportOptions const v6{.bind = *base::parse_ip("::1")};
    Host alice(fleet.io, fleet.keys, both);
    for (base::SocketAddress const gone : {closed_port(fleet), closed_port(fleet, v6)}) {
        CAPTURE(base::to_string(gone));
        alice.unreachable.clear();
        alice.transport->send(gone, Channel::datagram, text("hello"));
        REQUIRE(run_until(fleet.io, [&] { return !alice.unreachable.empty(); }));
        CHECK(alice.unreachable == std::vector{gone});
        CHECK(alice.why.back() == Unreachable::refused);
    }
}

TEST_CASE("datagrams that came back keep no other from being sent or received") {
    Fleet fleet;
    Host alice(fleet.io, fleet.keys);
    Host bob(fleet.io, fleet.keys);
    base::SocketAddress const gone = closed_port(fleet);
    // Far more than are read in one turn; nothing is read before all are sent.
    constexpr std::size_t count = 300;
    for (std::size_t i = 0; i < count; ++i) {
        alice.transport->send(gone, Channel::datagram, text("lost"));
        alice.send(bob, Channel::datagram, text("there"));
        bob.send(alice, Channel::datagram, text("back"));
    }
    CHECK(alice.transport->counters().datagrams_unsent == 0);
    REQUIRE(run_until(fleet.io,
                      [&] { return bob.heard.size() == count && alice.heard.size() == count; }));
    REQUIRE(run_until(fleet.io, [&] { return alice.unreachable.size() == count; }));
    CHECK(std::ranges::count(alice.unreachable, gone) == count);
}

TEST_CASE("a socket with nothing to tell lets its thread sleep") {
    Fleet fleet;
    Host alice(fleet.io, fleet.keys);
    alice.transport->send(closed_port(fleet), Channel::datagram, text("hello"));
    REQUIRE(run_until(fleet.io, [&] { return !alice.unreachable.empty(); }));
    fleet.io.restart();
    // The sweep of connections alone, four times a second.
    CHECK(fleet.io.run_for(std::chrono::milliseconds(300)) < 20);
}

TEST_CASE("a datagram larger than the interface carries is lost alone") {
    in_own_network(1500, [] {
        Fleet fleet;
        Host alice(fleet.io, fleet.keys);
        Host bob(fleet.io, fleet.keys);
        alice.send(bob, Channel::datagram, base::Bytes(1500));
        CHECK(alice.transport->counters().datagrams_too_large == 1);
        CHECK(alice.transport->counters().datagrams_unsent == 1);
        alice.send(bob, Channel::datagram, base::Bytes(1400));
        REQUIRE(run_until(fleet.io, [&] { return !bob.heard.empty(); }));
        CHECK(bob.heard.front().bytes.size() == 1400);
        CHECK(alice.transport->counters().datagrams_unsent == 1);
        // What the kernel keeps of it is read, and counted once.
        fleet.io.restart();
        CHECK(fleet.io.run_for(std::chrono::milliseconds(300)) < 20);
        CHECK(alice.transport->counters().datagrams_too_large == 1);
        CHECK(alice.unreachable.empty());
    });
}

TEST_CASE("what a router says of a host is not the host's own word") {
    in_own_network(65536, [] {
        IcmpSender router(base::IpAddress::v4(0x7f000002));
        IcmpSender host(loopback);
        Fleet fleet;
        Host alice(fleet.io, fleet.keys);
        Host bob(fleet.io, fleet.keys);
        auto const counters = [&] { return alice.transport->counters(); };
        router.send(ICMP_PORT_UNREACH, alice.address(), bob.address());
        REQUIRE(run_until(fleet.io, [&] { return counters().datagrams_returned == 1; }));
        host.send(ICMP_HOST_UNREACH, alice.address(), bob.address());
        REQUIRE(run_until(fleet.io, [&] { return counters().datagrams_returned == 2; }));
        CHECK(alice.unreachable.empty());
        host.send(ICMP_PORT_UNREACH, alice.address(), bob.address());
        REQUIRE(run_until(fleet.io, [&] { return !alice.unreachable.empty(); }));
        CHECK(alice.unreachable == std::vector{bob.address()});
    });
}

TEST_CASE("what is said of the path is counted and not believed") {
    in_own_network(65536, [] {
        IcmpSender router(base::IpAddress::v4(0x7f000002));
        Fleet fleet;
        Host alice(fleet.io, fleet.keys);
        Host bob(fleet.io, fleet.keys);
        router.send(ICMP_FRAG_NEEDED, alice.address(), bob.address());
        REQUIRE(run_until(fleet.io,
                          [&] { return alice.transport->counters().datagrams_too_large == 1; }));
        alice.send(bob, Channel::datagram, base::Bytes(8000));
        REQUIRE(run_until(fleet.io, [&] { return !bob.heard.empty(); }));
        CHECK(alice.transport->counters().datagrams_unsent == 0);
        CHECK(alice.unreachable.empty());
    });
}
