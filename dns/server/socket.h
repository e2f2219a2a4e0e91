#pragma once

#include <cstdint>
#include <optional>
#include <utility>

#include <sys/socket.h>

#include "base/address.h"
#include "base/bytes.h"
#include "base/result.h"
#include "dns/zone.h"

namespace dns {

// Owns a file descriptor.
class Fd {
public:
    Fd() = default;

    explicit Fd(int fd) : fd_(fd) {}

    Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

    Fd& operator=(Fd&& other) noexcept {
        std::swap(fd_, other.fd_);
        return *this;
    }

    ~Fd();

    [[nodiscard]] int get() const { return fd_; }

    [[nodiscard]] bool open() const { return fd_ >= 0; }

    void close() { *this = Fd(); }

private:
    int fd_ = -1;
};

// Where an answer goes.
struct Client {
    Transport transport{};
    std::uint64_t id{};  // of the UDP listener, or of the TCP connection
    base::SocketAddress address;
};

struct RawAddress {
    sockaddr_storage storage{};
    socklen_t size = sizeof(sockaddr_storage);

    [[nodiscard]] sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }

    [[nodiscard]] sockaddr const* get() const {
        return reinterpret_cast<sockaddr const*>(&storage);
    }
};

[[nodiscard]] RawAddress to_raw(base::SocketAddress const& address);
[[nodiscard]] base::SocketAddress from_raw(RawAddress const& raw);

// A UDP and a TCP socket on one address and port, not blocking.
struct Listeners {
    Fd udp;
    Fd tcp;
    base::SocketAddress address;
};

[[nodiscard]] base::Result<Listeners> bind_listeners(base::SocketAddress const& address);

// A socket that connects without blocking; not open if that failed at once.
[[nodiscard]] Fd connect_to(base::SocketAddress const& address, Transport transport);

// Whether errno tells only that now is not the time.
[[nodiscard]] bool would_block();

// Cuts a TCP stream into messages, each behind its length (RFC 1035, 4.2.2). Holds at most one
// message's bytes more than what is appended at a time, if next() is called until it gives none.
class Frames {
public:
    void append(base::ByteView bytes) { buffer_.insert(buffer_.end(), bytes.begin(), bytes.end()); }

    [[nodiscard]] std::optional<base::Bytes> next();

private:
    base::Bytes buffer_;
};

void append_frame(base::Bytes& out, base::ByteView message);

}  // namespace dns
