#include "net/transport.h"

#include <cerrno>
#include <exception>
#include <utility>

#include <boost/asio/ip/v6_only.hpp>
#include <sys/socket.h>

#include "base/check.h"
#include "base/log.h"
#include "base/text.h"
#include "net/clock.h"
#include "net/transport_state.h"

namespace net {

namespace {
using asio::ip::tcp;
using asio::ip::udp;

constexpr auto sweep_interval = base::milliseconds(250);
constexpr int free_port_tries = 16;

std::unexpected<base::Error> fail_bind(std::string_view protocol, base::SocketAddress const& at,
                                       boost::system::error_code const& error) {
    if (error == asio::error::address_in_use) {
        return base::fail(base::concat(protocol, " port ", at.port,
                                       " is in use: stop what uses it (another agent?) or give "
                                       "another --port"));
    }
    if (error.value() == EADDRNOTAVAIL) {
        return base::fail(base::concat("cannot listen on ", base::to_string(at.ip),
                                       ": it is not an address of this host"));
    }
    return base::fail(base::concat("cannot listen on ", protocol, ' ', base::to_string(at), ": ",
                                   error.message()));
}

template <class Socket>
boost::system::error_code bind_to(Socket& socket,
                                  typename Socket::protocol_type::endpoint const& endpoint) {
    boost::system::error_code error;
    boost::system::error_code ignored;
    socket.close(ignored);
    socket.open(endpoint.protocol(), error);
    if (error) {
        return error;
    }
    if (endpoint.protocol().family() == AF_INET6) {
        socket.set_option(asio::ip::v6_only(false), ignored);
    }
    if constexpr (std::is_same_v<Socket, tcp::acceptor>) {
        socket.set_option(tcp::acceptor::reuse_address(true), ignored);
    }
    socket.bind(endpoint, error);
    return error;
}

// Binds TCP and UDP to one port number.
base::Result<void> bind_both(TransportState& state) {
    auto const ip = to_asio(state.options.bind);
    int const tries = state.options.port == 0 ? free_port_tries : 1;
    for (int attempt = 1;; ++attempt) {
        base::SocketAddress at{.ip = state.options.bind, .port = state.options.port};
        if (auto const error = bind_to(state.listener, tcp::endpoint(ip, at.port))) {
            return fail_bind("TCP", at, error);
        }
        // Listening, not binding, is what tells of another listener when addresses are reused.
        boost::system::error_code error;
        state.listener.listen(asio::socket_base::max_listen_connections, error);
        if (error) {
            return fail_bind("TCP", at, error);
        }
        at.port = state.listener.local_endpoint(error).port();
        auto const udp_error = bind_to(state.datagrams, udp::endpoint(ip, at.port));
        if (!udp_error) {
            state.port = at.port;
            return {};
        }
        if (attempt == tries) {
            return fail_bind("UDP", at, udp_error);
        }
    }
}

}  // namespace

base::Result<std::unique_ptr<Transport>> Transport::open(asio::io_context& io, TransportSelf self,
                                                         TransportOptions const& options,
                                                         TransportEvents events) {
    auto state = std::make_shared<TransportState>(io, std::move(self), options, std::move(events));
    TRY_VOID(bind_both(*state));
    TRY_VOID(prepare_datagrams(*state));
    spawn(io, receive_datagrams(state));
    spawn(io, accept_connections(state));
    spawn(io, sweep(state));
    return std::unique_ptr<Transport>(new Transport(std::move(state)));
}

Transport::Transport(std::shared_ptr<TransportState> state) : state_(std::move(state)) {}

Transport::~Transport() {
    state_->stopped = true;
    state_->events = {};
    boost::system::error_code ignored;
    state_->datagrams.close(ignored);
    state_->listener.close(ignored);
    state_->sweep_timer.cancel();
    for (auto const& link : state_->incoming) {
        link->socket.close(ignored);
    }
    for (auto const& [peer, link] : state_->outgoing) {
        close(*link);
    }
}

void Transport::send(base::SocketAddress to, Channel channel, base::Bytes bytes) {
    switch (channel) {
        case Channel::datagram:
            send_datagram(*state_, to, bytes);
            break;
        case Channel::stream:
            enqueue(state_, to, std::move(bytes));
            break;
    }
}

std::uint16_t Transport::port() const {
    return state_->port;
}

TransportCounters Transport::counters() const {
    TransportCounters counters = state_->counters;
    counters.dropped = state_->sealer.drops();
    counters.incoming_open = state_->incoming.size();
    counters.outgoing_open = state_->outgoing.size();
    return counters;
}

void spawn(asio::io_context& io, asio::awaitable<void> work) {
    asio::co_spawn(io, std::move(work), [](std::exception_ptr const& thrown) {
        if (!thrown) {
            return;
        }
        try {
            std::rethrow_exception(thrown);
        } catch (std::exception const& exception) {
            base::log(base::LogLevel::error, "net", exception.what());
        }
    });
}

asio::ip::address to_asio(base::IpAddress const& ip) {
    if (ip.is_v4()) {
        return asio::ip::address_v4(ip.v4_value());
    }
    return asio::ip::address_v6(ip.bytes);
}

base::IpAddress from_asio(asio::ip::address const& address) {
    if (address.is_v4()) {
        return base::IpAddress::v4(address.to_v4().to_uint());
    }
    return {.bytes = address.to_v6().to_bytes()};
}

asio::awaitable<void> sweep(std::shared_ptr<TransportState> state) {
    while (!state->stopped) {
        state->sweep_timer.expires_after(sweep_interval);
        co_await state->sweep_timer.async_wait(await_tuple);
        base::Instant const time = now();
        boost::system::error_code ignored;
        for (auto const& link : state->incoming) {
            if (link->deadline <= time) {
                link->socket.close(ignored);
            }
        }
        for (auto const& [peer, link] : state->outgoing) {
            if (link->deadline <= time) {
                close(*link);
            }
        }
    }
}

}  // namespace net
