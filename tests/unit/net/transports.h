#pragma once

#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>

#include "net/transport.h"
#include "tests/unit/net/support.h"

namespace support {

inline base::IpAddress const loopback = base::IpAddress::v4(0x7f000001);

struct Received {
    base::NodeId from;
    base::SocketAddress source;
    net::Channel channel{};
    base::Bytes bytes;
};

// A door at which no token is known.
inline net::JoinDesk::Ports closed_door() {
    return {.find_token = [](net::TokenId const&) { return std::nullopt; },
            .welcome = [] { return net::Welcome{net::make_fleet(""), {}, {}, {}}; },
            .on_joined = [](net::TokenId const&, net::Joiner const&) {}};
}

// A member on loopback that keeps what it hears.
struct Host {
    Host(boost::asio::io_context& io, net::KeyRing const& keys, net::TransportOptions options = {},
         net::JoinDesk::Ports join = closed_door(), std::uint64_t boot = 1,
         net::Identity const& identity = net::Identity::generate())
        : id(identity.id()) {
        if (options.bind == base::IpAddress::v4(0)) {
            options.bind = loopback;
        }
        if (options.port == net::default_port) {
            options.port = 0;
        }
        ip = options.bind.is_unspecified() ? loopback : options.bind;
        net::TransportEvents events;
        events.on_message = [this](base::NodeId from, base::SocketAddress source,
                                   net::Channel channel, base::ByteView bytes) {
            heard.push_back({from, source, channel, base::Bytes(bytes.begin(), bytes.end())});
        };
        events.on_unreachable = [this](base::SocketAddress to, net::Unreachable reason) {
            unreachable.push_back(to);
            why.push_back(reason);
        };
        auto opened = net::Transport::open(
            io,
            {.identity = identity,
             .sealer = net::Sealer(keys, identity.id(), net::first_counter(boot)),
             .join = std::move(join)},
            options, std::move(events));
        REQUIRE(opened);
        transport = std::move(*opened);
    }

    [[nodiscard]] base::SocketAddress address() const { return {ip, transport->port()}; }

    void send(Host const& to, net::Channel channel, base::Bytes bytes) {
        transport->send(to.address(), channel, std::move(bytes));
    }

    base::NodeId id;
    base::IpAddress ip;
    std::vector<Received> heard;
    std::vector<base::SocketAddress> unreachable;
    std::vector<net::Unreachable> why;
    std::unique_ptr<net::Transport> transport;
};

struct Fleet {
    boost::asio::io_context io;
    net::KeyRing keys = one_key();
};

}  // namespace support
