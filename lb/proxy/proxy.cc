#include "lb/proxy/proxy.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <map>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/log.h"
#include "base/text.h"
#include "lb/proxy/proxy_context.h"
#include "lb/proxy/tcp_frontend.h"
#include "lb/proxy/udp_frontend.h"

namespace lb {

namespace {

// What the rest of the agent needs for itself.
constexpr std::size_t descriptors_reserved = 256;

// A connection has two descriptors, three while it is raced; a session has one.
void limit_to_descriptors(ProxyConfig& config) {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) {
        return;
    }
    std::size_t const free =
        std::max<std::size_t>(limit.rlim_cur, 2 * descriptors_reserved) - descriptors_reserved;
    config.connections_max = std::min(config.connections_max, free / 4);
    config.sessions_max = std::min(config.sessions_max, free / 4);
}

std::uint64_t random_seed() {
    std::uint64_t seed = 0;
    // It only spreads flows, so an early kernel's refusal does not matter.
    [[maybe_unused]] auto const size = ::getrandom(&seed, sizeof seed, GRND_NONBLOCK);
    return seed;
}

}  // namespace

// The thread. Only the part under the mutex and the counters are shared with the others.
class Proxy::Loop final : public Handler {
public:
    Loop(ProxyConfig config, std::unique_ptr<Poller> poller, base::Descriptor wake)
        : config_(config),
          poller_(std::move(poller)),
          context_{.poller = *poller_,
                   .config = config_,
                   .counters = counters_,
                   .random = base::Prng(random_seed())},
          wake_(std::move(wake)) {}

    ~Loop() override;

    base::Result<void> start();
    void set_table(std::shared_ptr<Table const> table);
    [[nodiscard]] ProxyStats stats() const;
    [[nodiscard]] std::vector<ProxyProblem> problems() const;

    void on_ready(int fd, std::uint32_t events) override;
    void on_deadline() override;

private:
    using Key = std::pair<Protocol, base::SocketAddress>;

    struct Entry {
        std::unique_ptr<LiveFrontend> live;
        std::string service;
        std::string problem;  // empty: it is open or closed for good
    };

    void run();
    void wake();
    void follow(std::shared_ptr<Table const> next);
    void add(Frontend const& frontend);
    void open(Key const& key, Entry& entry);
    void open_all();
    void resume_accepting();
    void set_accepting();
    void drop_drained();

    ProxyConfig config_;
    ProxyCounters counters_{};
    std::unique_ptr<Poller> poller_;
    ProxyContext context_;
    base::Descriptor wake_;
    std::map<Key, Entry> entries_;
    std::shared_ptr<Table const> table_ = std::make_shared<Table const>();
    std::thread thread_;
    std::atomic<bool> stopping_ = false;

    mutable std::mutex mutex_;
    std::shared_ptr<Table const> next_table_;
    std::vector<ProxyProblem> problems_;
};

Proxy::Loop::~Loop() {
    if (thread_.joinable()) {
        stopping_ = true;
        wake();
        thread_.join();
    }
}

base::Result<void> Proxy::Loop::start() {
    try {
        thread_ = std::thread([this] { run(); });
    } catch (std::system_error const& error) {
        return base::fail(base::concat("start the proxy's thread: ", error.what()));
    }
    return {};
}

void Proxy::Loop::wake() {
    std::uint64_t const one = 1;
    [[maybe_unused]] auto const written = ::write(wake_.get(), &one, sizeof one);
}

void Proxy::Loop::set_table(std::shared_ptr<Table const> table) {
    {
        std::scoped_lock const lock(mutex_);
        next_table_ = std::move(table);
    }
    wake();
}

ProxyStats Proxy::Loop::stats() const {
    return {.generation = counters_.generation,
            .accepted = counters_.accepted,
            .connected = counters_.connected,
            .retried = counters_.retried,
            .failed = counters_.failed,
            .active = counters_.active,
            .waiting = counters_.waiting,
            .sessions = counters_.sessions,
            .datagrams = counters_.datagrams,
            .dropped = counters_.dropped,
            .bind_failures = counters_.bind_failures};
}

std::vector<ProxyProblem> Proxy::Loop::problems() const {
    std::scoped_lock const lock(mutex_);
    return problems_;
}

void Proxy::Loop::run() {
    poller_->watch(wake_.get(), EPOLLIN, *this);
    poller_->set_deadline(*this, poller_->now() + config_.bind_retry);
    while (!stopping_) {
        bool const was_paused = context_.accept_paused;
        poller_->run_once();
        if (context_.accept_paused && !was_paused) {
            set_accepting();
        }
        if (context_.accept_paused && counters_.active < context_.resume_below) {
            resume_accepting();
        }
    }
}

void Proxy::Loop::resume_accepting() {
    context_.accept_paused = false;
    set_accepting();
}

void Proxy::Loop::set_accepting() {
    for (auto const& [key, entry] : entries_) {
        entry.live->accept_or_pause();
    }
}

void Proxy::Loop::on_ready(int fd, std::uint32_t) {
    std::uint64_t count = 0;
    [[maybe_unused]] auto const size = ::read(fd, &count, sizeof count);
    std::shared_ptr<Table const> next;
    {
        std::scoped_lock const lock(mutex_);
        next = std::exchange(next_table_, nullptr);
    }
    if (next) {
        follow(std::move(next));
    }
}

void Proxy::Loop::on_deadline() {
    open_all();
    drop_drained();
    // Descriptors may have come free elsewhere in the process.
    if (context_.accept_paused && counters_.active < config_.connections_max) {
        resume_accepting();
    }
    poller_->set_deadline(*this, poller_->now() + config_.bind_retry);
}

void Proxy::Loop::follow(std::shared_ptr<Table const> next) {
    Difference const steps = difference(*table_, *next);
    for (Frontend const& frontend : steps.closed) {
        Entry& entry = entries_.at({frontend.protocol, frontend.listen});
        entry.live->close();
        entry.problem.clear();
    }
    drop_drained();
    for (Frontend const& frontend : steps.opened) {
        add(frontend);
    }
    for (Frontend const& frontend : steps.changed) {
        add(frontend);
    }
    table_ = std::move(next);
    open_all();
    counters_.generation = table_->generation;
}

void Proxy::Loop::add(Frontend const& frontend) {
    Entry& entry = entries_[{frontend.protocol, frontend.listen}];
    entry.service = frontend.service;
    if (entry.live) {
        entry.live->follow(frontend);
        return;
    }
    switch (frontend.protocol) {
        case Protocol::tcp:
            entry.live = std::make_unique<TcpFrontend>(context_, frontend);
            break;
        case Protocol::udp:
            entry.live = std::make_unique<UdpFrontend>(context_, frontend);
            break;
    }
}

void Proxy::Loop::open(Key const& key, Entry& entry) {
    auto const opened = entry.live->open();
    std::string const problem = opened ? "" : opened.error().message;
    if (!problem.empty()) {
        ++counters_.bind_failures;
    }
    if (problem != entry.problem) {
        base::log(problem.empty() ? base::LogLevel::info : base::LogLevel::warning, "proxy",
                  base::concat(entry.service, ": ",
                               problem.empty() ? base::concat("listens on ",
                                                              base::to_string(key.second), " now")
                                               : problem));
    }
    entry.problem = problem;
}

void Proxy::Loop::open_all() {
    std::vector<ProxyProblem> problems;
    for (auto& [key, entry] : entries_) {
        open(key, entry);
        if (!entry.problem.empty()) {
            problems.push_back({entry.service, key.first, key.second, entry.problem});
        }
    }
    std::scoped_lock const lock(mutex_);
    problems_ = std::move(problems);
}

void Proxy::Loop::drop_drained() {
    for (auto entry = entries_.begin(); entry != entries_.end();) {
        if (entry->second.live->drained()) {
            poller_->retire(std::move(entry->second.live));
            entry = entries_.erase(entry);
        } else {
            ++entry;
        }
    }
}

base::Result<std::unique_ptr<Proxy>> Proxy::start(ProxyConfig config) {
    limit_to_descriptors(config);
    auto poller = TRY(Poller::create());
    base::Descriptor wake(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
    if (!wake) {
        return base::fail_errno(errno, "create an eventfd");
    }
    auto loop = std::make_unique<Loop>(config, std::move(poller), std::move(wake));
    TRY_VOID(loop->start());
    return std::unique_ptr<Proxy>(new Proxy(std::move(loop)));
}

Proxy::Proxy(std::unique_ptr<Loop> loop) : loop_(std::move(loop)) {}

Proxy::~Proxy() = default;

void Proxy::set_table(std::shared_ptr<Table const> table) {
    loop_->set_table(std::move(table));
}

ProxyStats Proxy::stats() const {
    return loop_->stats();
}

std::vector<ProxyProblem> Proxy::problems() const {
    return loop_->problems();
}

}  // namespace lb
