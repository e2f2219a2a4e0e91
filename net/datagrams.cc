// Datagrams: one UDP socket for all peers.

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <optional>
#include <span>

#include <linux/errqueue.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "net/transport_state.h"

namespace net {

namespace {
using asio::ip::udp;

constexpr int receive_buffer_bytes = 4 << 20;
constexpr int datagrams_per_turn = 64;  // before other work gets its turn
constexpr int returned_per_turn = 64;
constexpr int send_tries = 3;

void enlarge_receive_buffer(udp::socket& socket) {
    // FORCE passes the limit of the system and needs CAP_NET_ADMIN; less is slower, not wrong.
    int const size = receive_buffer_bytes;
    if (::setsockopt(socket.native_handle(), SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size) != 0) {
        ::setsockopt(socket.native_handle(), SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    }
}

void set(udp::socket& socket, int level, int option, int value) {
    // A kernel that does not know it tells less about peers that are gone, no more.
    ::setsockopt(socket.native_handle(), level, option, &value, sizeof value);
}

// Linux then keeps what ICMP says about datagrams that came back in a queue beside the socket.
// PROBE: every datagram leaves with "don't fragment", and only the MTU of the interface bounds it.
// Gossip finds out by padded pings what a path carries (RFC 8899), and what ICMP claims about a
// path, forged or outdated, must not stop datagrams that would arrive.
void ask_for_errors(udp::socket& socket, bool v4_only) {
    set(socket, IPPROTO_IP, IP_RECVERR, 1);
    set(socket, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_PROBE);
    if (!v4_only) {
        set(socket, IPPROTO_IPV6, IPV6_RECVERR, 1);
        set(socket, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_PROBE);
    }
}

// A datagram that came back, or did not leave.
struct Returned {
    base::SocketAddress to;
    base::IpAddress told_by;  // who sent the ICMP message
    sock_extended_err error{};
};

base::SocketAddress to_address(sockaddr_storage const& from) {
    if (from.ss_family == AF_INET) {
        sockaddr_in v4{};
        std::memcpy(&v4, &from, sizeof v4);
        return {base::IpAddress::v4(ntohl(v4.sin_addr.s_addr)), ntohs(v4.sin_port)};
    }
    sockaddr_in6 v6{};
    std::memcpy(&v6, &from, sizeof v6);
    base::SocketAddress address{.ip = {}, .port = ntohs(v6.sin6_port)};
    std::memcpy(address.ip.bytes.data(), &v6.sin6_addr, address.ip.bytes.size());
    return address;
}

void read_control(msghdr& message, Returned& returned) {
    for (cmsghdr* each = CMSG_FIRSTHDR(&message); each != nullptr;
         each = CMSG_NXTHDR(&message, each)) {
        bool const about_error =
            (each->cmsg_level == IPPROTO_IP && each->cmsg_type == IP_RECVERR) ||
            (each->cmsg_level == IPPROTO_IPV6 && each->cmsg_type == IPV6_RECVERR);
        if (!about_error || each->cmsg_len < CMSG_LEN(sizeof returned.error)) {
            continue;
        }
        std::memcpy(&returned.error, CMSG_DATA(each), sizeof returned.error);
        sockaddr_storage told_by{};
        std::size_t const rest = each->cmsg_len - CMSG_LEN(sizeof returned.error);
        std::memcpy(&told_by, CMSG_DATA(each) + sizeof returned.error,
                    std::min(rest, sizeof told_by));
        returned.told_by = to_address(told_by).ip;
    }
}

std::optional<Returned> next_returned(udp::socket& socket) {
    sockaddr_storage to{};
    alignas(cmsghdr) std::array<std::byte, 256> control{};
    msghdr message{};
    message.msg_name = &to;
    message.msg_namelen = sizeof to;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    if (::recvmsg(socket.native_handle(), &message, MSG_ERRQUEUE | MSG_DONTWAIT) < 0) {
        return std::nullopt;
    }
    Returned returned{.to = to_address(to), .told_by = {}};
    read_control(message, returned);
    return returned;
}

void on_returned(TransportState& state, Returned const& returned) {
    auto const origin = returned.error.ee_origin;
    if (origin != SO_EE_ORIGIN_ICMP && origin != SO_EE_ORIGIN_ICMP6) {
        return;  // of this host: send() was told
    }
    if (returned.error.ee_errno == EMSGSIZE) {
        ++state.counters.datagrams_too_large;
    } else if (returned.error.ee_errno == ECONNREFUSED && returned.told_by == returned.to.ip) {
        ++state.counters.datagrams_refused;
        state.events.on_unreachable(returned.to, Unreachable::refused);
    } else {
        // A router or firewall that answers for a host does not know whether it lives.
        ++state.counters.datagrams_returned;
    }
}

// They take room from what is received until they are read.
void read_returned(TransportState& state) {
    for (int count = 0; count < returned_per_turn && !state.stopped; ++count) {
        auto const returned = next_returned(state.datagrams);
        if (!returned) {
            break;
        }
        on_returned(state, *returned);
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
    ask_for_errors(state.datagrams, state.options.bind.is_v4());
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
    // That another datagram came back is told once by the next call, which then does nothing else.
    for (int attempt = 0; attempt < send_tries; ++attempt) {
        state.datagrams.send_to(asio::buffer(packet.data(), packet.size()),
                                udp::endpoint(ip, to.port), 0, error);
        if (!error || error == asio::error::would_block) {
            break;
        }
    }
    ++(error ? state.counters.datagrams_unsent : state.counters.datagrams_out);
    if (error == asio::error::message_size) {
        ++state.counters.datagrams_too_large;
    }
}

asio::awaitable<void> receive_datagrams(std::shared_ptr<TransportState> state) {
    base::Bytes buffer(Sealer::packet_max);
    while (!state->stopped) {
        co_await state->datagrams.async_wait(udp::socket::wait_read, await_tuple);
        read_returned(*state);
        for (int count = 0; count < datagrams_per_turn && !state->stopped; ++count) {
            udp::endpoint source;
            boost::system::error_code failed;
            std::size_t const size = state->datagrams.receive_from(
                asio::buffer(buffer.data(), buffer.size()), source, 0, failed);
            if (failed == asio::error::would_block) {
                break;
            }
            if (!failed) {
                on_datagram(*state, source, std::span(buffer).first(size));
            }
        }
    }
}

}  // namespace net
