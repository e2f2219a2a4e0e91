#include "lb/proxy/poller.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>

#include <sys/epoll.h>

#include "base/check.h"

namespace lb {

namespace {

constexpr std::size_t events_max = 256;
constexpr int wait_max_ms = 60'000;

}  // namespace

base::Result<std::unique_ptr<Poller>> Poller::create() {
    base::Descriptor epoll(::epoll_create1(EPOLL_CLOEXEC));
    if (!epoll) {
        return base::fail_errno(errno, "create an epoll instance");
    }
    return std::unique_ptr<Poller>(new Poller(std::move(epoll)));
}

Poller::Poller(base::Descriptor epoll) : epoll_(std::move(epoll)) {
    read_clock();
}

void Poller::read_clock() {
    now_ = base::Instant(std::chrono::steady_clock::now().time_since_epoch());
}

void Poller::watch(int fd, std::uint32_t events, Handler& handler) {
    auto const index = static_cast<std::size_t>(fd);
    if (watched_.size() <= index) {
        watched_.resize(index + 1);
    }
    // Level-triggered, a hang-up would be told for ever to one who waits for nothing.
    std::uint32_t const asked = events == 0 ? std::uint32_t{EPOLLET} : events;
    Watched& entry = watched_[index];
    if (entry.handler == &handler && entry.events == asked) {
        return;
    }
    epoll_event event{.events = asked, .data = {.fd = fd}};
    int const operation = entry.handler == nullptr ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
    CHECK(::epoll_ctl(epoll_.get(), operation, fd, &event) == 0);
    entry = {&handler, asked};
}

void Poller::close(base::Descriptor descriptor) {
    if (!descriptor) {
        return;
    }
    auto const index = static_cast<std::size_t>(descriptor.get());
    if (index < watched_.size() && watched_[index].handler != nullptr) {
        ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, descriptor.get(), nullptr);
        watched_[index] = {};
    }
    closed_.push_back(std::move(descriptor));
}

void Poller::set_deadline(Handler& handler, base::Instant deadline) {
    if (auto const entry = deadline_of_.find(&handler); entry != deadline_of_.end()) {
        deadlines_.erase({entry->second, &handler});
        deadline_of_.erase(entry);
    }
    if (deadline != base::instant_max) {
        deadlines_.emplace(deadline, &handler);
        deadline_of_.emplace(&handler, deadline);
    }
}

void Poller::retire(std::unique_ptr<Handler> handler) {
    set_deadline(*handler, base::instant_max);
    retired_.push_back(std::move(handler));
}

int Poller::wait_ms() const {
    if (deadlines_.empty()) {
        return wait_max_ms;
    }
    auto const left =
        std::chrono::ceil<std::chrono::milliseconds>(deadlines_.begin()->first - now_);
    return static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, wait_max_ms));
}

void Poller::run_once() {
    closed_.clear();
    retired_.clear();
    read_clock();
    std::array<epoll_event, events_max> events;
    int const count = ::epoll_wait(epoll_.get(), events.data(), int{events_max}, wait_ms());
    read_clock();
    for (int at = 0; at < count; ++at) {
        epoll_event const& event = events[static_cast<std::size_t>(at)];
        if (Handler* const handler = watched_[static_cast<std::size_t>(event.data.fd)].handler) {
            handler->on_ready(event.data.fd, event.events);
        }
    }
    while (!deadlines_.empty() && deadlines_.begin()->first <= now_) {
        Handler* const handler = deadlines_.begin()->second;
        set_deadline(*handler, base::instant_max);
        handler->on_deadline();
    }
}

}  // namespace lb
