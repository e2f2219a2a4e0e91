#pragma once

#include <expected>
#include <span>

#include <netinet/in.h>
#include <sys/socket.h>

#include "base/address.h"
#include "base/bytes.h"
#include "base/descriptor.h"
#include "base/result.h"
#include "base/time.h"
#include "lb/table.h"

namespace lb {

// An address as the socket calls want it.
struct RawAddress {
    explicit RawAddress(base::SocketAddress const& address);
    RawAddress() = default;

    [[nodiscard]] sockaddr const* get() const {
        return reinterpret_cast<sockaddr const*>(&storage);
    }

    [[nodiscard]] sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }

    [[nodiscard]] base::SocketAddress value() const;

    sockaddr_storage storage{};
    socklen_t size = sizeof(sockaddr_storage);
};

// A bound socket, listening if it is TCP. The address need not exist yet, "::" means every IPv4
// address too, and a published port may be bound beside the same port of virtual addresses. UDP
// sockets tell where each datagram went to.
[[nodiscard]] base::Result<base::Descriptor> open_frontend(Protocol protocol,
                                                           base::SocketAddress const& listen);

// A non-blocking TCP socket whose connect has begun, or the errno value of why not.
[[nodiscard]] std::expected<base::Descriptor, int> begin_connect(base::SocketAddress const& peer);
// 0 when it is connected, else why it failed.
[[nodiscard]] int connect_result(int fd);

// Small writes go at once, and a peer that vanished is noticed while nothing is sent.
void tune_client(int fd);
void tune_backend(int fd);
// How long sent data may stay unacknowledged; 0: as long as the kernel tries.
void set_user_timeout(int fd, base::Duration timeout);
// Closing will reset the connection instead of ending it in order.
void reset_on_close(int fd);

// A UDP socket that sends to and receives from `peer` only.
[[nodiscard]] std::expected<base::Descriptor, int> connect_datagram(
    base::SocketAddress const& peer);

// A datagram from a client and the address of this host that it was sent to, from which the reply
// has to come.
struct Datagram {
    base::SocketAddress client;
    base::IpAddress local;
    std::size_t size{};
};

// Reads into `buffer`; an errno value when there is none.
[[nodiscard]] std::expected<Datagram, int> receive_datagram(int fd, std::span<std::byte> buffer);
// False when it could not be sent.
bool send_reply(int fd, Datagram const& to, base::ByteView bytes);

}  // namespace lb
