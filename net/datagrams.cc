// Datagrams: one UDP socket for all peers.

#include <span>

#include <sys/socket.h>

#include "net/transport_state.h"

namespace net {

namespace {
using asio::ip::udp;

constexpr int receive_buffer_bytes = 4 << 20;
constexpr int datagrams_per_turn = 64;  // before other work gets its turn

void enlarge_receive_buffer(udp::socket& socket) {
    // FORCE passes the limit of the system and needs CAP_NET_ADMIN; less is slower, not wrong.
    int const size = receive_buffer_bytes;
    if (::setsockopt(socket.native_handle(), SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size) != 0) {
        ::setsockopt(socket.native_handle(), SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    }
}

void on_datagram(TransportState& state, udp::endpoint const& source, base::ByteView packet) {
    ++state.counters.datagrams_in;
    auto const opened = state.sealer.open(Purpose::datagram, packet);
    if (opened) {
        state.events.on_message(opened->from,
                                {.ip = from_asio(source.address()), .port = source.port()},
                                Channel::datagram, opened->payload);
    }
}
}  // namespace

base::Result<void> prepare_datagrams(TransportState& state) {
    boost::system::error_code error;
    state.datagrams.non_blocking(true, error);
    if (error) {
        return base::fail("cannot set up the UDP socket: " + error.message());
    }
    enlarge_receive_buffer(state.datagrams);
    return {};
}

void send_datagram(TransportState& state, base::SocketAddress const& to, base::ByteView bytes) {
    bool const v4_only = state.options.bind.is_v4();
    if (bytes.size() > datagram_max || (v4_only && !to.ip.is_v4())) {
        ++state.counters.datagrams_unsent;
        return;
    }
    asio::ip::address const ip =
        v4_only ? to_asio(to.ip) : asio::ip::address(asio::ip::address_v6(to.ip.bytes));
    base::Bytes const packet = state.sealer.seal(Purpose::datagram, bytes);
    boost::system::error_code error;
    state.datagrams.send_to(asio::buffer(packet.data(), packet.size()), udp::endpoint(ip, to.port),
                            0, error);
    ++(error ? state.counters.datagrams_unsent : state.counters.datagrams_out);
}

asio::awaitable<void> receive_datagrams(std::shared_ptr<TransportState> state) {
    base::Bytes buffer(Sealer::packet_max);
    while (!state->stopped) {
        co_await state->datagrams.async_wait(udp::socket::wait_read, await_tuple);
        for (int count = 0; count < datagrams_per_turn && !state->stopped; ++count) {
            udp::endpoint source;
            boost::system::error_code failed;
            std::size_t const size = state->datagrams.receive_from(
                asio::buffer(buffer.data(), buffer.size()), source, 0, failed);
            if (failed) {
                break;
            }
            on_datagram(*state, source, std::span(buffer).first(size));
        }
    }
}

}  // namespace net
