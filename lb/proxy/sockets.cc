#include "lb/proxy/sockets.h"

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>

#include <arpa/inet.h>
#include <netinet/tcp.h>

#include "base/text.h"

namespace lb {

namespace {

constexpr int flags = SOCK_NONBLOCK | SOCK_CLOEXEC;

void set_option(int fd, int level, int option, int value) {
    ::setsockopt(fd, level, option, &value, sizeof value);
}

void set_keepalive(int fd, int idle_seconds, int interval_seconds, int count) {
    set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
    set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, idle_seconds);
    set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, interval_seconds);
    set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, count);
}

// A control message with room for its payload.
template <class Payload>
struct Control {
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(Payload))> bytes{};
};

}  // namespace

RawAddress::RawAddress(base::SocketAddress const& address) {
    if (address.ip.is_v4()) {
        sockaddr_in v4{};
        v4.sin_family = AF_INET;
        v4.sin_port = htons(address.port);
        v4.sin_addr.s_addr = htonl(address.ip.v4_value());
        size = sizeof v4;
        std::memcpy(&storage, &v4, size);
    } else {
        sockaddr_in6 v6{};
        v6.sin6_family = AF_INET6;
        v6.sin6_port = htons(address.port);
        std::memcpy(&v6.sin6_addr, address.ip.bytes.data(), address.ip.bytes.size());
        size = sizeof v6;
        std::memcpy(&storage, &v6, size);
    }
}

base::SocketAddress RawAddress::value() const {
    if (storage.ss_family == AF_INET) {
        sockaddr_in v4;
        std::memcpy(&v4, &storage, sizeof v4);
        return {base::IpAddress::v4(ntohl(v4.sin_addr.s_addr)), ntohs(v4.sin_port)};
    }
    sockaddr_in6 v6;
    std::memcpy(&v6, &storage, sizeof v6);
    base::SocketAddress out{.ip = {}, .port = ntohs(v6.sin6_port)};
    std::memcpy(out.ip.bytes.data(), &v6.sin6_addr, out.ip.bytes.size());
    return out;
}

base::Result<base::Descriptor> open_frontend(Protocol protocol, base::SocketAddress const& listen) {
    int const type = protocol == Protocol::tcp ? SOCK_STREAM : SOCK_DGRAM;
    RawAddress address(listen);
    base::Descriptor socket(::socket(address.storage.ss_family, type | flags, 0));
    if (!socket && errno == EAFNOSUPPORT && listen.ip.is_unspecified()) {
        // A kernel without IPv6.
        address = RawAddress({base::IpAddress::v4(0), listen.port});
        socket = base::Descriptor(::socket(AF_INET, type | flags, 0));
    }
    std::string const what = base::concat("listen on ", base::to_string(listen),
                                          protocol == Protocol::tcp ? "/tcp" : "/udp");
    if (!socket) {
        return base::fail_errno(errno, what);
    }
    // Without REUSEPORT, port 80 of every address and of a virtual one exclude each other.
    set_option(socket.get(), SOL_SOCKET, SO_REUSEPORT, 1);
    if (protocol == Protocol::tcp) {
        set_option(socket.get(), SOL_SOCKET, SO_REUSEADDR, 1);
    }
    if (address.storage.ss_family == AF_INET) {
        set_option(socket.get(), IPPROTO_IP, IP_FREEBIND, 1);
        set_option(socket.get(), IPPROTO_IP, IP_PKTINFO, 1);
    } else {
        set_option(socket.get(), IPPROTO_IPV6, IPV6_FREEBIND, 1);
        set_option(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, 0);
        set_option(socket.get(), IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
    }
    if (::bind(socket.get(), address.get(), address.size) != 0 ||
        (protocol == Protocol::tcp && ::listen(socket.get(), SOMAXCONN) != 0)) {
        return base::fail_errno(errno, what);
    }
    return socket;
}

std::expected<base::Descriptor, int> begin_connect(base::SocketAddress const& peer) {
    RawAddress const address(peer);
    base::Descriptor socket(::socket(address.storage.ss_family, SOCK_STREAM | flags, 0));
    if (!socket ||
        (::connect(socket.get(), address.get(), address.size) != 0 && errno != EINPROGRESS)) {
        return std::unexpected(errno);
    }
    return socket;
}

int connect_result(int fd) {
    int error = 0;
    socklen_t size = sizeof error;
    ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
    return error;
}

void tune_client(int fd) {
    set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    set_keepalive(fd, 60, 10, 6);
}

void tune_backend(int fd) {
    set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    set_keepalive(fd, 10, 3, 4);
}

void set_user_timeout(int fd, base::Duration timeout) {
    auto const ms = std::chrono::duration_cast<std::chrono::milliseconds>(timeout).count();
    set_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, static_cast<int>(ms));
}

void reset_on_close(int fd) {
    linger const now{.l_onoff = 1, .l_linger = 0};
    ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

std::expected<base::Descriptor, int> connect_datagram(base::SocketAddress const& peer) {
    RawAddress const address(peer);
    base::Descriptor socket(::socket(address.storage.ss_family, SOCK_DGRAM | flags, 0));
    if (!socket || ::connect(socket.get(), address.get(), address.size) != 0) {
        return std::unexpected(errno);
    }
    return socket;
}

std::expected<Datagram, int> receive_datagram(int fd, std::span<std::byte> buffer) {
    RawAddress client;
    iovec data{.iov_base = buffer.data(), .iov_len = buffer.size()};
    Control<in6_pktinfo> control;
    msghdr message{};
    message.msg_name = client.get();
    message.msg_namelen = client.size;
    message.msg_iov = &data;
    message.msg_iovlen = 1;
    message.msg_control = control.bytes.data();
    message.msg_controllen = control.bytes.size();
    auto const size = ::recvmsg(fd, &message, 0);
    if (size < 0) {
        return std::unexpected(errno);
    }
    Datagram out{.client = client.value(), .local = {}, .size = static_cast<std::size_t>(size)};
    for (cmsghdr* head = CMSG_FIRSTHDR(&message); head != nullptr;
         head = CMSG_NXTHDR(&message, head)) {
        if (head->cmsg_level == IPPROTO_IP && head->cmsg_type == IP_PKTINFO) {
            in_pktinfo info;
            std::memcpy(&info, CMSG_DATA(head), sizeof info);
            out.local = base::IpAddress::v4(ntohl(info.ipi_addr.s_addr));
        } else if (head->cmsg_level == IPPROTO_IPV6 && head->cmsg_type == IPV6_PKTINFO) {
            in6_pktinfo info;
            std::memcpy(&info, CMSG_DATA(head), sizeof info);
            std::memcpy(out.local.bytes.data(), &info.ipi6_addr, out.local.bytes.size());
        }
    }
    return out;
}

bool send_reply(int fd, Datagram const& to, base::ByteView bytes) {
    int domain = 0;
    socklen_t domain_size = sizeof domain;
    ::getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &domain_size);
    RawAddress client(to.client);
    iovec data{.iov_base = const_cast<std::byte*>(bytes.data()), .iov_len = bytes.size()};
    Control<in6_pktinfo> control;
    msghdr message{};
    message.msg_iov = &data;
    message.msg_iovlen = 1;
    message.msg_control = control.bytes.data();
    message.msg_controllen = control.bytes.size();
    cmsghdr* const head = CMSG_FIRSTHDR(&message);
    sockaddr_in6 mapped{};
    if (domain == AF_INET) {
        in_pktinfo info{};
        info.ipi_spec_dst.s_addr = htonl(to.local.v4_value());
        head->cmsg_level = IPPROTO_IP;
        head->cmsg_type = IP_PKTINFO;
        head->cmsg_len = CMSG_LEN(sizeof info);
        std::memcpy(CMSG_DATA(head), &info, sizeof info);
        message.msg_controllen = CMSG_SPACE(sizeof info);
        message.msg_name = client.get();
        message.msg_namelen = client.size;
    } else {
        in6_pktinfo info{};
        std::memcpy(&info.ipi6_addr, to.local.bytes.data(), to.local.bytes.size());
        head->cmsg_level = IPPROTO_IPV6;
        head->cmsg_type = IPV6_PKTINFO;
        head->cmsg_len = CMSG_LEN(sizeof info);
        std::memcpy(CMSG_DATA(head), &info, sizeof info);
        mapped.sin6_family = AF_INET6;
        mapped.sin6_port = htons(to.client.port);
        std::memcpy(&mapped.sin6_addr, to.client.ip.bytes.data(), to.client.ip.bytes.size());
        message.msg_name = &mapped;
        message.msg_namelen = sizeof mapped;
    }
    return ::sendmsg(fd, &message, MSG_DONTWAIT) >= 0;
}

}  // namespace lb
