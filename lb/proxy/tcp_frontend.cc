#include "lb/proxy/tcp_frontend.h"

#include <cerrno>
#include <utility>

#include <sys/epoll.h>
#include <sys/socket.h>

#include "lb/proxy/sockets.h"
#include "lb/proxy/tcp_connection.h"

namespace lb {

namespace {

// The other sockets get their turn after this many new connections.
constexpr int accept_max = 64;

}  // namespace

TcpFrontend::TcpFrontend(ProxyContext& context, Frontend frontend)
    : context_(context), frontend_(std::move(frontend)) {}

TcpFrontend::~TcpFrontend() = default;

base::Result<void> TcpFrontend::open() {
    if (!listener_ && !closed_) {
        listener_ = TRY(open_frontend(Protocol::tcp, frontend_.listen));
        accept_or_pause();
    }
    return {};
}

void TcpFrontend::follow(Frontend frontend) {
    frontend_ = std::move(frontend);
    closed_ = false;
    tell_connections();
}

void TcpFrontend::close() {
    closed_ = true;
    frontend_.backends.clear();
    context_.poller.close(std::move(listener_));
    tell_connections();
}

void TcpFrontend::tell_connections() {
    // Any of them may end now.
    std::vector<TcpConnection*> present;
    for (auto const& [connection, owned] : connections_) {
        present.push_back(connection);
    }
    for (TcpConnection* const connection : present) {
        connection->follow();
    }
}

void TcpFrontend::accept_or_pause() {
    if (listener_) {
        context_.poller.watch(listener_.get(), context_.accept_paused ? 0U : std::uint32_t{EPOLLIN},
                              *this);
    }
}

void TcpFrontend::on_ready(int fd, std::uint32_t) {
    for (int count = 0; count < accept_max && !context_.accept_paused; ++count) {
        if (context_.counters.active >= context_.config.connections_max) {
            context_.accept_paused = true;
            context_.resume_below = context_.config.connections_max;
            return;
        }
        base::Descriptor client(::accept4(fd, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
        if (!client) {
            // Out of descriptors or memory: the client stays in the queue until something ends.
            context_.accept_paused =
                errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM;
            context_.resume_below = context_.counters.active;
            return;
        }
        ++context_.counters.accepted;
        auto owned = std::make_unique<TcpConnection>(context_, *this, std::move(client));
        TcpConnection& connection = *owned;
        connections_.emplace(&connection, std::move(owned));
        connection.begin();
    }
}

void TcpFrontend::ended(TcpConnection& connection) {
    auto const entry = connections_.find(&connection);
    context_.poller.retire(std::move(entry->second));
    connections_.erase(entry);
}

}  // namespace lb
