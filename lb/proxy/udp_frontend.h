#pragma once

#include <compare>
#include <map>
#include <memory>

#include "lb/proxy/proxy_context.h"
#include "lb/proxy/sockets.h"

namespace lb {

class UdpSession;

// A UDP socket and a session for each client that sent to it: the client's datagrams go to one
// backend, and its answers come back from the address that the client sent to.
class UdpFrontend final : public LiveFrontend {
public:
    UdpFrontend(ProxyContext& context, Frontend frontend);
    ~UdpFrontend() override;

    base::Result<void> open() override;
    void follow(Frontend frontend) override;
    void close() override;

    [[nodiscard]] bool drained() const override { return closed_; }

    void accept_or_pause() override {}

    void on_ready(int fd, std::uint32_t events) override;

    void on_deadline() override {}

    // For its sessions.
    [[nodiscard]] Frontend const& frontend() const { return frontend_; }

    void reply(Datagram const& to, base::ByteView bytes);
    void ended(UdpSession& session);

private:
    struct Client {
        base::SocketAddress address;
        base::IpAddress local;
        friend auto operator<=>(Client const&, Client const&) = default;
    };

    // The session of the datagram's client, made if there is room; else null.
    UdpSession* session_of(Datagram const& datagram);

    ProxyContext& context_;
    Frontend frontend_;
    bool closed_ = false;
    base::Descriptor socket_;
    std::map<Client, std::unique_ptr<UdpSession>> sessions_;
};

}  // namespace lb
