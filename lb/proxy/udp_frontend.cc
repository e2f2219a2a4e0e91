#include "lb/proxy/udp_frontend.h"

#include <algorithm>
#include <cerrno>
#include <utility>
#include <vector>

#include <sys/epoll.h>
#include <sys/socket.h>

#include "base/hash.h"

namespace lb {

namespace {

// The other sockets get their turn after this many datagrams.
constexpr int datagrams_max = 64;

}  // namespace

class UdpSession final : public Handler {
public:
    UdpSession(ProxyContext& context, UdpFrontend& owner, Datagram const& first)
        : context_(context), owner_(owner), client_(first) {
        ++context_.counters.sessions;
        base::ByteWriter key;
        key.raw(std::as_bytes(std::span(first.client.ip.bytes)));
        key.u16(first.client.port);
        flow_ = base::stable_hash(key.view());
        touch();
        context_.poller.set_deadline(*this, active_ + context_.config.udp_idle);
    }

    [[nodiscard]] Datagram const& client() const { return client_; }

    [[nodiscard]] base::SocketAddress const& backend() const { return backend_; }

    // False when no backend took it.
    bool forward(base::ByteView bytes) {
        touch();
        // One that refuses tells it at the send after.
        for (std::size_t attempt = 0; attempt < 2; ++attempt) {
            if (!socket_ && !choose()) {
                return false;
            }
            if (::send(socket_.get(), bytes.data(), bytes.size(), MSG_DONTWAIT) >= 0) {
                return true;
            }
            if (errno == EAGAIN || errno == EMSGSIZE) {
                return false;
            }
            choose_another();
        }
        return false;
    }

    void on_ready(int fd, std::uint32_t) override {
        for (int count = 0; count < datagrams_max; ++count) {
            auto const size = ::recv(fd, context_.scratch.data(), context_.scratch.size(), 0);
            if (size < 0) {
                if (errno != EAGAIN && errno != EINTR) {
                    choose_another();
                }
                return;
            }
            touch();
            owner_.reply(client_,
                         base::ByteView(context_.scratch).first(static_cast<std::size_t>(size)));
        }
    }

    void on_deadline() override {
        base::Instant const end = active_ + context_.config.udp_idle;
        if (context_.poller.now() < end) {
            context_.poller.set_deadline(*this, end);
        } else {
            owner_.ended(*this);
        }
    }

    void close() { context_.poller.close(std::move(socket_)); }

private:
    void touch() { active_ = context_.poller.now(); }

    void choose_another() {
        ++passed_over_;
        close();
    }

    // The backend after those that refused, in the order of this client.
    bool choose() {
        auto const& backends = owner_.frontend().backends;
        if (backends.empty()) {
            return false;
        }
        auto const ranked = order(owner_.frontend(), flow_);
        backend_ = backends[ranked[passed_over_ % ranked.size()]].address;
        auto socket = connect_datagram(backend_);
        if (!socket) {
            ++passed_over_;
            return false;
        }
        socket_ = std::move(*socket);
        context_.poller.watch(socket_.get(), EPOLLIN, *this);
        return true;
    }

    ProxyContext& context_;
    UdpFrontend& owner_;
    Datagram client_;
    std::uint64_t flow_{};
    std::size_t passed_over_{};
    base::SocketAddress backend_;
    base::Descriptor socket_;
    base::Instant active_{};
};

UdpFrontend::UdpFrontend(ProxyContext& context, Frontend frontend)
    : context_(context), frontend_(std::move(frontend)) {}

UdpFrontend::~UdpFrontend() = default;

base::Result<void> UdpFrontend::open() {
    if (!socket_ && !closed_) {
        socket_ = TRY(open_frontend(Protocol::udp, frontend_.listen));
        context_.poller.watch(socket_.get(), EPOLLIN, *this);
    }
    return {};
}

void UdpFrontend::follow(Frontend frontend) {
    frontend_ = std::move(frontend);
    std::vector<UdpSession*> lost;
    for (auto const& [client, session] : sessions_) {
        bool const listed = std::ranges::find(frontend_.backends, session->backend(),
                                              &Backend::address) != frontend_.backends.end();
        if (!listed) {
            lost.push_back(session.get());
        }
    }
    for (UdpSession* const session : lost) {
        ended(*session);
    }
}

void UdpFrontend::close() {
    closed_ = true;
    context_.poller.close(std::move(socket_));
    while (!sessions_.empty()) {
        ended(*sessions_.begin()->second);
    }
}

UdpSession* UdpFrontend::session_of(Datagram const& datagram) {
    Client const client{datagram.client, datagram.local};
    if (auto const entry = sessions_.find(client); entry != sessions_.end()) {
        return entry->second.get();
    }
    if (frontend_.backends.empty() || context_.counters.sessions >= context_.config.sessions_max) {
        return nullptr;
    }
    auto session = std::make_unique<UdpSession>(context_, *this, datagram);
    return sessions_.emplace(client, std::move(session)).first->second.get();
}

void UdpFrontend::on_ready(int fd, std::uint32_t) {
    for (int count = 0; count < datagrams_max; ++count) {
        auto const datagram = receive_datagram(fd, context_.scratch);
        if (!datagram) {
            return;
        }
        UdpSession* const session = session_of(*datagram);
        bool const carried =
            session != nullptr &&
            session->forward(base::ByteView(context_.scratch).first(datagram->size));
        ++(carried ? context_.counters.datagrams : context_.counters.dropped);
    }
}

void UdpFrontend::reply(Datagram const& to, base::ByteView bytes) {
    bool const carried = send_reply(socket_.get(), to, bytes);
    ++(carried ? context_.counters.datagrams : context_.counters.dropped);
}

void UdpFrontend::ended(UdpSession& session) {
    --context_.counters.sessions;
    session.close();
    auto const entry = sessions_.find({session.client().client, session.client().local});
    context_.poller.retire(std::move(entry->second));
    sessions_.erase(entry);
}

}  // namespace lb
