#pragma once

#include <map>
#include <memory>
#include <vector>

#include "lb/proxy/proxy_context.h"

namespace lb {

class TcpConnection;

// A listener and the connections that came through it.
class TcpFrontend final : public LiveFrontend {
public:
    TcpFrontend(ProxyContext& context, Frontend frontend);
    ~TcpFrontend() override;

    base::Result<void> open() override;
    void follow(Frontend frontend) override;
    void close() override;

    [[nodiscard]] bool drained() const override { return closed_ && connections_.empty(); }

    void accept_or_pause() override;

    void on_ready(int fd, std::uint32_t events) override;

    void on_deadline() override {}

    // For its connections.
    [[nodiscard]] Frontend const& frontend() const { return frontend_; }

    [[nodiscard]] bool closed() const { return closed_; }

    void ended(TcpConnection& connection);

private:
    void tell_connections();

    ProxyContext& context_;
    Frontend frontend_;
    bool closed_ = false;
    base::Descriptor listener_;
    std::map<TcpConnection*, std::unique_ptr<TcpConnection>> connections_;
};

}  // namespace lb
