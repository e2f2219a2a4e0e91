#include "sockets.h"

#include <cerrno>

#include <catch2/catch.hpp>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lb/proxy/sockets.h"

namespace test {

namespace {

constexpr int deadline_ms = 5000;

bool wait_for(int fd, short events, int timeout_ms = deadline_ms) {
    pollfd entry{.fd = fd, .events = events, .revents = 0};
    return ::poll(&entry, 1, timeout_ms) == 1;
}

Socket bind_socket(int type, base::SocketAddress const& address) {
    lb::RawAddress raw(address);
    Socket out{base::Descriptor(::socket(raw.storage.ss_family, type | SOCK_CLOEXEC, 0)), {}};
    int const one = 1;
    if (type == SOCK_STREAM) {
        ::setsockopt(out.fd.get(), SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    }
    REQUIRE(::bind(out.fd.get(), raw.get(), raw.size) == 0);
    REQUIRE(::getsockname(out.fd.get(), raw.get(), &raw.size) == 0);
    out.address = raw.value();
    return out;
}

}  // namespace

base::SocketAddress free_address() {
    static std::uint32_t serial = 0;
    auto const process = static_cast<std::uint32_t>(::getpid()) & 0x7fff;
    base::IpAddress const ip = base::IpAddress::v4(0x7f800000 + (process << 8) + (++serial & 0xff));
    // Free for both protocols on every address, as some tests listen on all.
    for (;;) {
        Socket const stream = bind_socket(SOCK_STREAM, {base::IpAddress{}, 0});
        lb::RawAddress const same({base::IpAddress{}, stream.address.port});
        base::Descriptor const datagram(::socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0));
        if (::bind(datagram.get(), same.get(), same.size) == 0) {
            return {ip, stream.address.port};
        }
    }
}

Socket listen_tcp(base::SocketAddress const& address, int backlog) {
    Socket out = bind_socket(SOCK_STREAM, address);
    REQUIRE(::listen(out.fd.get(), backlog) == 0);
    return out;
}

Socket bind_udp(base::SocketAddress const& address) {
    return bind_socket(SOCK_DGRAM, address);
}

SilentListener::SilentListener() : listener(listen_tcp(free_address(), 0)) {
    auto filling = dial(listener.address);
    REQUIRE(filling);
    filler = std::move(*filling);
}

std::optional<base::Descriptor> dial(base::SocketAddress const& address) {
    lb::RawAddress const raw(address);
    base::Descriptor socket(
        ::socket(raw.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (::connect(socket.get(), raw.get(), raw.size) != 0 && errno != EINPROGRESS) {
        return std::nullopt;
    }
    if (!wait_for(socket.get(), POLLOUT) || lb::connect_result(socket.get()) != 0) {
        return std::nullopt;
    }
    return socket;
}

base::Descriptor dial_udp(base::SocketAddress const& address) {
    auto socket = lb::connect_datagram(address);
    REQUIRE(socket);
    return std::move(*socket);
}

base::Descriptor accept_on(Socket const& listener) {
    REQUIRE(wait_for(listener.fd.get(), POLLIN));
    base::Descriptor socket(
        ::accept4(listener.fd.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    REQUIRE(socket);
    return socket;
}

bool readable_now(int fd) {
    return wait_for(fd, POLLIN, 0);
}

void send_text(int fd, std::string_view text) {
    while (!text.empty()) {
        REQUIRE(wait_for(fd, POLLOUT));
        auto const size = ::send(fd, text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        REQUIRE(size > 0);
        text.remove_prefix(static_cast<std::size_t>(size));
    }
}

std::string receive_text(int fd, std::size_t size) {
    std::string out;
    while (out.size() < size && wait_for(fd, POLLIN)) {
        char buffer[65536];
        auto const got =
            ::recv(fd, buffer, std::min(sizeof buffer, size - out.size()), MSG_DONTWAIT);
        if (got <= 0) {
            break;
        }
        out.append(buffer, static_cast<std::size_t>(got));
    }
    return out;
}

std::string receive_datagram(int fd) {
    REQUIRE(wait_for(fd, POLLIN));
    char buffer[65536];
    auto const got = ::recv(fd, buffer, sizeof buffer, MSG_DONTWAIT);
    return got < 0 ? std::string("error") : std::string(buffer, static_cast<std::size_t>(got));
}

Ending ending_of(int fd) {
    while (wait_for(fd, POLLIN)) {
        char buffer[65536];
        auto const got = ::recv(fd, buffer, sizeof buffer, MSG_DONTWAIT);
        if (got == 0) {
            return Ending::in_order;
        }
        if (got < 0 && errno != EAGAIN) {
            return Ending::reset;
        }
    }
    return Ending::still_open;
}

bool becomes_true(std::function<bool()> const& condition) {
    auto const end = std::chrono::steady_clock::now() + std::chrono::milliseconds(deadline_ms);
    while (!condition()) {
        if (std::chrono::steady_clock::now() > end) {
            return false;
        }
        ::poll(nullptr, 0, 1);
    }
    return true;
}

}  // namespace test
