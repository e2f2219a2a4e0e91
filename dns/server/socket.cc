#include "dns/server/socket.h"

#include <cerrno>
#include <cstring>

#include <netinet/in.h>
#include <unistd.h>

#include "base/text.h"
#include "dns/message.h"

namespace dns {

namespace {

constexpr int backlog = 128;
constexpr int port_attempts_max = 16;

std::unexpected<base::Error> bind_error(int error, base::SocketAddress const& address,
                                        std::string_view protocol) {
    std::string_view advice;
    if (error == EADDRINUSE) {
        advice = "; another DNS server holds it: stop that one, or listen on another address";
    } else if (error == EACCES || error == EPERM) {
        advice = "; a port below 1024 needs root or CAP_NET_BIND_SERVICE";
    } else if (error == EADDRNOTAVAIL) {
        advice = "; no interface of this host has the address";
    }
    auto failure = base::fail_errno(
        error, base::concat("cannot answer DNS on ", to_string(address), '/', protocol));
    failure.error().message += advice;
    return failure;
}

void enable(int fd, int level, int option) {
    int const on = 1;
    (void)::setsockopt(fd, level, option, &on, sizeof on);
}

Fd open_socket(base::SocketAddress const& address, int type) {
    Fd fd(
        ::socket(address.ip.is_v4() ? AF_INET : AF_INET6, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!address.ip.is_v4()) {
        enable(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY);
    }
    return fd;
}

// 0 or errno.
int bind_socket(Fd const& fd, base::SocketAddress const& address) {
    RawAddress const raw = to_raw(address);
    return !fd.open() || ::bind(fd.get(), raw.get(), raw.size) != 0 ? errno : 0;
}

}  // namespace

Fd::~Fd() {
    if (fd_ >= 0) {
        ::close(fd_);
    }
}

RawAddress to_raw(base::SocketAddress const& address) {
    RawAddress raw;
    if (address.ip.is_v4()) {
        sockaddr_in in{};
        in.sin_family = AF_INET;
        in.sin_port = htons(address.port);
        in.sin_addr.s_addr = htonl(address.ip.v4_value());
        raw.size = sizeof in;
        std::memcpy(&raw.storage, &in, sizeof in);
    } else {
        sockaddr_in6 in{};
        in.sin6_family = AF_INET6;
        in.sin6_port = htons(address.port);
        std::memcpy(&in.sin6_addr, address.ip.bytes.data(), address.ip.bytes.size());
        raw.size = sizeof in;
        std::memcpy(&raw.storage, &in, sizeof in);
    }
    return raw;
}

base::SocketAddress from_raw(RawAddress const& raw) {
    base::SocketAddress address;
    if (raw.storage.ss_family == AF_INET) {
        sockaddr_in in{};
        std::memcpy(&in, &raw.storage, sizeof in);
        address.ip = base::IpAddress::v4(ntohl(in.sin_addr.s_addr));
        address.port = ntohs(in.sin_port);
    } else {
        sockaddr_in6 in{};
        std::memcpy(&in, &raw.storage, sizeof in);
        std::memcpy(address.ip.bytes.data(), &in.sin6_addr, address.ip.bytes.size());
        address.port = ntohs(in.sin6_port);
    }
    return address;
}

base::Result<Listeners> bind_listeners(base::SocketAddress const& address) {
    // A port that the kernel chose for UDP can be taken for TCP: choose again.
    for (int attempt = 1;; ++attempt) {
        Listeners bound{open_socket(address, SOCK_DGRAM), open_socket(address, SOCK_STREAM),
                        address};
        if (int const error = bind_socket(bound.udp, address); error != 0) {
            return bind_error(error, address, "udp");
        }
        RawAddress raw;
        (void)::getsockname(bound.udp.get(), raw.get(), &raw.size);
        bound.address.port = from_raw(raw).port;
        // Connections of the agent before may still be in TIME_WAIT.
        enable(bound.tcp.get(), SOL_SOCKET, SO_REUSEADDR);
        int error = bind_socket(bound.tcp, bound.address);
        if (error == 0 && ::listen(bound.tcp.get(), backlog) != 0) {
            error = errno;
        }
        if (error == 0) {
            return bound;
        }
        if (address.port != 0 || error != EADDRINUSE || attempt == port_attempts_max) {
            return bind_error(error, bound.address, "tcp");
        }
    }
}

Fd connect_to(base::SocketAddress const& address, Transport transport) {
    Fd fd = open_socket(address, transport == Transport::udp ? SOCK_DGRAM : SOCK_STREAM);
    RawAddress const raw = to_raw(address);
    if (fd.open() && ::connect(fd.get(), raw.get(), raw.size) != 0 && errno != EINPROGRESS) {
        fd.close();
    }
    return fd;
}

bool would_block() {
    return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
}

std::optional<base::Bytes> Frames::next() {
    base::ByteReader reader(buffer_);
    std::size_t const size = reader.u16();
    base::ByteView const message = reader.raw(size);
    if (reader.failed()) {
        return std::nullopt;
    }
    base::Bytes copy(message.begin(), message.end());
    buffer_.erase(buffer_.begin(), buffer_.begin() + static_cast<std::ptrdiff_t>(2 + size));
    return copy;
}

void append_frame(base::Bytes& out, base::ByteView message) {
    base::ByteWriter writer;
    writer.u16(static_cast<std::uint16_t>(message.size()));
    writer.raw(message);
    out.insert(out.end(), writer.view().begin(), writer.view().end());
}

}  // namespace dns
