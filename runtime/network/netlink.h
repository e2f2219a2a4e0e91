#pragma once

#include <cstdint>
#include <functional>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/descriptor.h"
#include "base/result.h"

namespace runtime::netlink {

// One netlink message under construction: nlmsghdr, a family header, attributes (RFC 3549).
// Integers are in host order, as rtnetlink has them; put_be32 is for nf_tables.
class Request {
public:
    Request(std::uint16_t type, std::uint16_t flags);

    template <class Header>
    void header(Header const& value) {
        append(&value, sizeof value);
    }

    void put(std::uint16_t type, base::ByteView value);
    void put_text(std::uint16_t type, std::string_view text);  // with a terminating zero
    void put_u32(std::uint16_t type, std::uint32_t value);
    void put_be32(std::uint16_t type, std::uint32_t value);

    // An address as four bytes in network order.
    void put_v4(std::uint16_t type, std::uint32_t address) { put_be32(type, address); }

    // Attributes put between open() and the matching close() are nested in one of `type`.
    [[nodiscard]] std::size_t open(std::uint16_t type);
    void close(std::size_t opened);

    // Fills in length and sequence number.
    [[nodiscard]] base::ByteView finish(std::uint32_t sequence);

private:
    void append(void const* data, std::size_t size);

    base::Bytes buffer_;
};

// The first attribute of `type` in a message's attribute area; empty when there is none or the area
// is malformed.
[[nodiscard]] base::ByteView attribute(base::ByteView area, std::uint16_t type);
[[nodiscard]] std::uint32_t attribute_u32(base::ByteView area, std::uint16_t type);
[[nodiscard]] std::string_view attribute_text(base::ByteView area, std::uint16_t type);

// The kernel's answer: 0 or an errno value, which the caller puts in context.
using Errno = int;

// A netlink socket of the network namespace that the calling thread is in when it opens it. For
// one thread at a time. An answer that does not come within five seconds is ETIMEDOUT.
class Socket {
public:
    // Called with the message type and what follows nlmsghdr.
    using Each = std::function<void(std::uint16_t type, base::ByteView payload)>;

    [[nodiscard]] static base::Result<Socket> open(int protocol);

    // Sends a request that changes something and waits for the acknowledgement.
    [[nodiscard]] Errno change(Request& request);
    // Sends a request for one entry, which `each` sees.
    [[nodiscard]] Errno get(Request& request, Each const& each);
    // Sends a dump request; `each` sees every entry. One that changed under way is repeated by the
    // caller on EINTR.
    [[nodiscard]] Errno dump(Request& request, Each const& each);
    // Sends messages that the kernel takes together or not at all, between the two marks of
    // nfnetlink's batches; the first error any of them met, else 0.
    [[nodiscard]] Errno batch(std::uint16_t subsystem, std::vector<Request>& requests);

private:
    explicit Socket(base::Descriptor socket) : socket_(std::move(socket)) {}

    [[nodiscard]] Errno send(base::ByteView bytes);
    // Reads one datagram into buffer_.
    [[nodiscard]] Errno receive(base::ByteView& bytes);

    base::Descriptor socket_;
    base::Bytes buffer_;
    std::uint32_t sequence_{};
};

}  // namespace runtime::netlink
