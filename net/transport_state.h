#pragma once

#include <deque>
#include <list>
#include <map>
#include <memory>
#include <span>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/udp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "net/transport.h"

// The inside of Transport: its sockets, and the coroutines that serve them. A coroutine holds the
// state, so that it can unwind after the Transport is gone; it must look at `stopped` after every
// co_await before it touches anything but its own socket.
namespace net {

namespace asio = boost::asio;

inline constexpr auto await_tuple = asio::as_tuple(asio::use_awaitable);

// A connection somebody made to us.
struct Incoming {
    explicit Incoming(asio::ip::tcp::socket socket_) : socket(std::move(socket_)) {}

    asio::ip::tcp::socket socket;
    base::Instant deadline{};
    bool member = false;  // false: half open
};

// A connection to a peer, or the attempt to make one.
struct Outgoing {
    Outgoing(asio::io_context& io, base::SocketAddress const& peer_)
        : peer(peer_), socket(io), wake(io, asio::steady_timer::time_point::max()) {}

    base::SocketAddress peer;
    asio::ip::tcp::socket socket;
    asio::steady_timer wake;  // cancelled when there is something to do
    base::Instant deadline{};
    std::deque<base::Bytes> queue;
    std::size_t queued_bytes = 0;
    bool idle = false;
    bool refused = false;  // nobody listens at the peer
    bool closed = false;   // it takes no more messages
    bool broken = false;   // by the peer or the network
    bool ended = false;    // by the peer
};

struct TransportState {
    TransportState(asio::io_context& io_, TransportSelf self, TransportOptions const& options_,
                   TransportEvents events_)
        : io(io_),
          options(options_),
          events(std::move(events_)),
          identity(std::move(self.identity)),
          sealer(std::move(self.sealer)),
          desk(identity, std::move(self.join)),
          datagrams(io_),
          listener(io_),
          sweep_timer(io_) {}

    asio::io_context& io;
    TransportOptions options;
    TransportEvents events;
    Identity identity;
    Sealer sealer;
    JoinDesk desk;
    asio::ip::udp::socket datagrams;
    asio::ip::tcp::acceptor listener;
    asio::steady_timer sweep_timer;
    std::list<std::shared_ptr<Incoming>> incoming;  // the oldest first
    std::map<base::SocketAddress, std::shared_ptr<Outgoing>> outgoing;
    TransportCounters counters;
    std::uint16_t port = 0;
    bool stopped = false;
};

// Runs a coroutine on its own; an exception that leaves it (memory ran out) is logged.
void spawn(asio::io_context& io, asio::awaitable<void> work);

[[nodiscard]] asio::ip::address to_asio(base::IpAddress const& ip);
[[nodiscard]] base::IpAddress from_asio(asio::ip::address const& address);

// Closes the sockets that are past their deadline.
asio::awaitable<void> sweep(std::shared_ptr<TransportState> state);

// --- datagrams.cc
// The options of the socket, once it is bound.
[[nodiscard]] base::Result<void> prepare_datagrams(TransportState& state);
void send_datagram(TransportState& state, base::SocketAddress const& to, base::ByteView bytes);
asio::awaitable<void> receive_datagrams(std::shared_ptr<TransportState> state);

// --- incoming.cc
asio::awaitable<void> accept_connections(std::shared_ptr<TransportState> state);
// All of the bytes, or false.
asio::awaitable<bool> read(asio::ip::tcp::socket& socket, std::span<std::byte> out);
asio::awaitable<bool> write(asio::ip::tcp::socket& socket, base::ByteView bytes);

// --- outgoing.cc
void enqueue(std::shared_ptr<TransportState> const& state, base::SocketAddress const& to,
             base::Bytes message);
void close(Outgoing& link);

}  // namespace net
