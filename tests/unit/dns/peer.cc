#include "peer.h"

#include <catch2/catch.hpp>
#include <sys/time.h>

namespace dns {

namespace {

Fd blocking(int type) {
    Fd fd(::socket(AF_INET, type | SOCK_CLOEXEC, 0));
    timeval const limit{10, 0};
    REQUIRE(::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) == 0);
    return fd;
}

base::SocketAddress bind_loopback(Fd const& fd) {
    RawAddress raw = to_raw({base::IpAddress::v4(0x7f000001), 0});
    REQUIRE(::bind(fd.get(), raw.get(), raw.size) == 0);
    REQUIRE(::getsockname(fd.get(), raw.get(), &raw.size) == 0);
    return from_raw(raw);
}

}  // namespace

UdpPeer::UdpPeer() : fd_(blocking(SOCK_DGRAM)), address_(bind_loopback(fd_)) {}

void UdpPeer::send(base::SocketAddress const& to, base::ByteView message) {
    RawAddress const raw = to_raw(to);
    REQUIRE(::sendto(fd_.get(), message.data(), message.size(), 0, raw.get(), raw.size) ==
            static_cast<ssize_t>(message.size()));
}

base::Bytes UdpPeer::receive() {
    base::Bytes buffer(65536);
    RawAddress raw;
    ssize_t const size =
        ::recvfrom(fd_.get(), buffer.data(), buffer.size(), 0, raw.get(), &raw.size);
    REQUIRE(size >= 0);
    sender_ = from_raw(raw);
    buffer.resize(static_cast<std::size_t>(size));
    return buffer;
}

TcpPeer::TcpPeer(base::SocketAddress const& server) : fd_(blocking(SOCK_STREAM)) {
    RawAddress const raw = to_raw(server);
    REQUIRE(::connect(fd_.get(), raw.get(), raw.size) == 0);
}

TcpPeer::TcpPeer(Fd fd) : fd_(std::move(fd)) {}

void TcpPeer::send(base::ByteView message) {
    base::Bytes framed;
    append_frame(framed, message);
    send_raw(framed);
}

void TcpPeer::send_raw(base::ByteView bytes) {
    REQUIRE(::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
            static_cast<ssize_t>(bytes.size()));
}

void TcpPeer::end() {
    REQUIRE(::shutdown(fd_.get(), SHUT_WR) == 0);
}

base::Bytes TcpPeer::receive() {
    for (;;) {
        if (auto message = frames_.next()) {
            return *std::move(message);
        }
        base::Bytes buffer(65536);
        ssize_t const size = ::recv(fd_.get(), buffer.data(), buffer.size(), 0);
        REQUIRE(size > 0);
        frames_.append(base::ByteView(buffer).first(static_cast<std::size_t>(size)));
    }
}

bool TcpPeer::closed() {
    std::byte byte{};
    ssize_t const size = ::recv(fd_.get(), &byte, 1, 0);
    return size == 0 || (size < 0 && errno == ECONNRESET);
}

TcpListener::TcpListener() : fd_(blocking(SOCK_STREAM)), address_(bind_loopback(fd_)) {
    REQUIRE(::listen(fd_.get(), 16) == 0);
}

TcpPeer TcpListener::accept() {
    Fd fd(::accept(fd_.get(), nullptr, nullptr));
    REQUIRE(fd.open());
    timeval const limit{10, 0};
    REQUIRE(::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) == 0);
    return TcpPeer(std::move(fd));
}

}  // namespace dns
