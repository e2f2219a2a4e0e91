#include "dns/server/server.h"

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <mutex>
#include <thread>

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/text.h"
#include "dns/message.h"
#include "dns/server/forwarder.h"
#include "dns/server/socket.h"
#include "dns/server/tcp_clients.h"

namespace dns {

namespace {

constexpr int events_max = 64;
// What one socket may take of a turn, so that none starves the others.
constexpr int datagrams_per_turn = 64;
constexpr int accepts_per_turn = 16;
constexpr base::Duration sweep_interval = base::milliseconds(50);

// An epoll token is a source and, below it, an id of that source's own.
enum class Source : std::uint64_t { wake, udp, tcp, client, upstream };
constexpr unsigned source_shift = 56;

constexpr std::uint64_t token(Source source, std::uint64_t id = 0) {
    return (static_cast<std::uint64_t>(source) << source_shift) | id;
}

constexpr std::uint64_t id_mask = (std::uint64_t{1} << source_shift) - 1;

base::Instant monotonic_now() {
    return base::Instant(std::chrono::steady_clock::now().time_since_epoch());
}

base::Result<void> watch(int epoll, int fd, std::uint64_t data) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = data;
    if (::epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0) {
        return base::fail_errno(errno, "DNS server: epoll_ctl");
    }
    return {};
}

Fd open_null() {
    return Fd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
}

}  // namespace

class Server::Loop {
public:
    Loop(ServerConfig const& config, Fd epoll, Fd wake)
        : epoll_(std::move(epoll)),
          wake_(std::move(wake)),
          reserve_(open_null()),
          clients_(epoll_.get(), token(Source::client), config.idle_timeout, counters_),
          forwarder_(epoll_.get(), token(Source::upstream), config, counters_),
          buffer_(message_max) {}

    ~Loop();

    void run_thread() {
        thread_ = std::thread([this] { run(); });
    }

    base::Result<void> listen(base::SocketAddress const& address);

    void set_zone(std::shared_ptr<Zone const> zone) {
        std::scoped_lock const lock(mutex_);
        shared_zone_ = std::move(zone);
    }

    std::vector<base::SocketAddress> addresses() const;

    ServerCounters counters() const {
        std::scoped_lock const lock(mutex_);
        return shared_counters_;
    }

private:
    void run();
    bool begin_turn();
    void end_turn();
    void dispatch(epoll_event const& event);
    void on_datagrams(std::uint64_t id);
    void on_connections(std::uint64_t id);
    int listener_fd(std::uint64_t id, Transport transport) const;
    void on_query(Client const& client, base::Bytes query);
    void deliver(Client const& client, base::ByteView message);
    void drop(Client const& client);
    void work_off();
    void sweep();

    Fd epoll_;
    Fd wake_;
    Fd reserve_;  // given up for a moment to get rid of a connection when descriptors run out
    ServerCounters counters_;
    TcpClients clients_;
    Forwarder forwarder_;
    std::shared_ptr<Zone const> zone_;
    std::uint32_t rotation_ = 0;
    base::Instant now_;
    base::Instant next_sweep_;
    std::vector<TcpClients::Question> questions_;
    std::vector<Forwarder::Done> done_;
    base::Bytes buffer_;

    mutable std::mutex mutex_;  // of what follows
    std::shared_ptr<Zone const> shared_zone_;
    ServerCounters shared_counters_;
    std::vector<Listeners> listeners_;  // only grows; its index is the id
    bool stopping_ = false;

    std::thread thread_;
};

Server::Loop::~Loop() {
    {
        std::scoped_lock const lock(mutex_);
        stopping_ = true;
    }
    std::uint64_t const one = 1;
    (void)!::write(wake_.get(), &one, sizeof one);
    if (thread_.joinable()) {
        thread_.join();
    }
}

base::Result<void> Server::Loop::listen(base::SocketAddress const& address) {
    Listeners bound = TRY(bind_listeners(address));
    std::scoped_lock const lock(mutex_);
    std::uint64_t const id = listeners_.size();
    TRY_VOID(watch(epoll_.get(), bound.udp.get(), token(Source::udp, id)));
    TRY_VOID(watch(epoll_.get(), bound.tcp.get(), token(Source::tcp, id)));
    listeners_.push_back(std::move(bound));
    return {};
}

std::vector<base::SocketAddress> Server::Loop::addresses() const {
    std::scoped_lock const lock(mutex_);
    std::vector<base::SocketAddress> addresses;
    for (Listeners const& bound : listeners_) {
        addresses.push_back(bound.address);
    }
    return addresses;
}

void Server::Loop::run() {
    // Signals are for the thread that waits for them.
    sigset_t all;
    sigfillset(&all);
    (void)::pthread_sigmask(SIG_BLOCK, &all, nullptr);
    std::array<epoll_event, events_max> events;
    int ready = 0;
    while (begin_turn()) {
        for (int at = 0; at < ready; ++at) {
            dispatch(events[static_cast<std::size_t>(at)]);
        }
        sweep();
        end_turn();
        bool const idle = clients_.idle() && forwarder_.idle();
        auto const pause = std::chrono::duration_cast<base::milliseconds>(sweep_interval);
        ready = ::epoll_wait(epoll_.get(), events.data(), events_max,
                             idle ? -1 : static_cast<int>(pause.count()));
    }
}

// False when the thread is to end.
bool Server::Loop::begin_turn() {
    now_ = monotonic_now();
    std::scoped_lock const lock(mutex_);
    zone_ = shared_zone_;
    return !stopping_;
}

void Server::Loop::end_turn() {
    std::scoped_lock const lock(mutex_);
    shared_counters_ = counters_;
}

void Server::Loop::dispatch(epoll_event const& event) {
    std::uint64_t const id = event.data.u64 & id_mask;
    switch (static_cast<Source>(event.data.u64 >> source_shift)) {
        case Source::wake:
            break;  // begin_turn() sees why
        case Source::udp:
            on_datagrams(id);
            break;
        case Source::tcp:
            on_connections(id);
            break;
        case Source::client:
            clients_.on_event(now_, id, event.events, questions_);
            break;
        case Source::upstream:
            forwarder_.on_event(now_, id, done_);
            break;
    }
    work_off();
}

int Server::Loop::listener_fd(std::uint64_t id, Transport transport) const {
    std::scoped_lock const lock(mutex_);
    // The event of a socket that listen() gave up again.
    if (id >= listeners_.size()) {
        return -1;
    }
    Listeners const& bound = listeners_[id];
    return (transport == Transport::udp ? bound.udp : bound.tcp).get();
}

void Server::Loop::on_datagrams(std::uint64_t id) {
    int const fd = listener_fd(id, Transport::udp);
    for (int count = 0; count < datagrams_per_turn; ++count) {
        RawAddress from;
        ssize_t const size =
            ::recvfrom(fd, buffer_.data(), buffer_.size(), 0, from.get(), &from.size);
        if (size < 0) {
            return;
        }
        on_query({Transport::udp, id, from_raw(from)},
                 base::Bytes(buffer_.begin(), buffer_.begin() + size));
    }
}

void Server::Loop::on_connections(std::uint64_t id) {
    int const fd = listener_fd(id, Transport::tcp);
    for (int count = 0; count < accepts_per_turn; ++count) {
        RawAddress from;
        Fd accepted(::accept4(fd, from.get(), &from.size, SOCK_NONBLOCK | SOCK_CLOEXEC));
        if (accepted.open()) {
            clients_.add(now_, std::move(accepted), from_raw(from));
            continue;
        }
        if (errno != EMFILE && errno != ENFILE) {
            return;
        }
        // Left in the queue, the connection would wake this loop for ever.
        reserve_.close();
        Fd(::accept4(fd, nullptr, nullptr, SOCK_CLOEXEC)).close();
        reserve_ = open_null();
        (void)clients_.evict();
    }
}

void Server::Loop::on_query(Client const& client, base::Bytes query) {
    ++counters_.queries;
    if (!zone_) {
        auto const failure = parse_query(query) ? servfail(query) : base::Bytes{};
        if (failure.empty()) {
            drop(client);
        } else {
            deliver(client, failure);
        }
        return;
    }
    Answer const got = answer(*zone_, query, client.transport, client.address.ip, rotation_++);
    switch (got.kind) {
        case Answer::Kind::reply:
            deliver(client, got.message);
            break;
        case Answer::Kind::forward:
            forwarder_.ask(now_, client,
                           {std::move(query), resolvers_of(*zone_, client.address.ip)}, done_);
            break;
        case Answer::Kind::drop:
            drop(client);
            break;
    }
}

void Server::Loop::deliver(Client const& client, base::ByteView message) {
    if (client.transport == Transport::tcp) {
        clients_.send(now_, client.id, message, questions_);
        return;
    }
    RawAddress const to = to_raw(client.address);
    // A full socket buffer loses the answer, as the network may; the client asks again.
    (void)::sendto(listener_fd(client.id, Transport::udp), message.data(), message.size(),
                   MSG_NOSIGNAL, to.get(), to.size);
}

void Server::Loop::drop(Client const& client) {
    ++counters_.dropped;
    if (client.transport == Transport::tcp) {
        clients_.close(client.id);
    }
}

// Questions may bring answers, and an answer may let its connection bring more questions.
void Server::Loop::work_off() {
    while (!questions_.empty() || !done_.empty()) {
        auto const questions = std::exchange(questions_, {});
        for (TcpClients::Question const& question : questions) {
            on_query(question.client, question.message);
        }
        auto const done = std::exchange(done_, {});
        for (Forwarder::Done const& entry : done) {
            deliver(entry.client, entry.message);
        }
    }
}

void Server::Loop::sweep() {
    if (now_ < next_sweep_) {
        return;
    }
    next_sweep_ = now_ + sweep_interval;
    clients_.on_sweep(now_);
    forwarder_.on_sweep(now_, done_);
    work_off();
}

base::Result<std::unique_ptr<Server>> Server::start(ServerConfig config) {
    Fd epoll(::epoll_create1(EPOLL_CLOEXEC));
    Fd wake(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!epoll.open() || !wake.open()) {
        return base::fail_errno(errno, "DNS server: epoll_create1 or eventfd");
    }
    TRY_VOID(watch(epoll.get(), wake.get(), token(Source::wake)));
    auto loop = std::make_unique<Loop>(config, std::move(epoll), std::move(wake));
    for (base::SocketAddress const& address : config.listen) {
        TRY_VOID(loop->listen(address));
    }
    loop->run_thread();
    return std::unique_ptr<Server>(new Server(std::move(loop)));
}

Server::Server(std::unique_ptr<Loop> loop) : loop_(std::move(loop)) {}

Server::~Server() = default;

void Server::set_zone(std::shared_ptr<Zone const> zone) {
    loop_->set_zone(std::move(zone));
}

base::Result<void> Server::listen(base::SocketAddress const& address) {
    return loop_->listen(address);
}

std::vector<base::SocketAddress> Server::addresses() const {
    return loop_->addresses();
}

ServerCounters Server::counters() const {
    return loop_->counters();
}

}  // namespace dns
