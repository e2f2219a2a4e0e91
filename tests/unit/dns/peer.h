#pragma once

#include <cstddef>

#include "base/address.h"
#include "base/bytes.h"
#include "dns/server/socket.h"

namespace dns {

// A socket of the test's own on loopback. Whatever does not come within ten seconds fails the test.
class UdpPeer {
public:
    UdpPeer();

    [[nodiscard]] base::SocketAddress address() const { return address_; }

    void send(base::SocketAddress const& to, base::ByteView message);
    base::Bytes receive();

    [[nodiscard]] base::SocketAddress sender() const { return sender_; }

private:
    Fd fd_;
    base::SocketAddress address_;
    base::SocketAddress sender_;
};

class TcpPeer {
public:
    explicit TcpPeer(base::SocketAddress const& server);
    explicit TcpPeer(Fd fd);
    void send(base::ByteView message);  // behind its length
    void send_raw(base::ByteView bytes);
    void end();
    base::Bytes receive();
    // Waits until the other side closes; false if it sends something instead.
    bool closed();

private:
    Fd fd_;
    Frames frames_;
};

class TcpListener {
public:
    TcpListener();

    [[nodiscard]] base::SocketAddress address() const { return address_; }

    TcpPeer accept();

private:
    Fd fd_;
    base::SocketAddress address_;
};

}  // namespace dns
