#include "runtime/oci/watcher.h"

#include <algorithm>
#include <cerrno>

#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "runtime/system/process.h"

namespace runtime {
namespace {

constexpr int wait_max_ms = 60'000;
constexpr int events_max = 16;

}  // namespace

base::Result<std::unique_ptr<Watcher>> Watcher::create(OnEnd on_end) {
    std::unique_ptr<Watcher> watcher(new Watcher(std::move(on_end)));
    watcher->epoll_ = base::Descriptor(epoll_create1(EPOLL_CLOEXEC));
    watcher->event_ = base::Descriptor(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    epoll_event event{.events = EPOLLIN, .data = {.u64 = 0}};
    if (!watcher->epoll_ || !watcher->event_ ||
        epoll_ctl(watcher->epoll_.get(), EPOLL_CTL_ADD, watcher->event_.get(), &event) != 0) {
        return base::fail_errno(errno, "watch containers");
    }
    watcher->thread_ = std::thread([raw = watcher.get()] { raw->run(); });
    return watcher;
}

Watcher::~Watcher() {
    close();
}

void Watcher::close() {
    if (thread_.joinable()) {
        {
            std::lock_guard const lock(mutex_);
            stopping_ = true;
        }
        wake();
        thread_.join();
    }
}

void Watcher::add(Watched watched) {
    std::lock_guard const lock(mutex_);
    entries_.emplace(next_key_++, Entry{.watched = std::move(watched)});
}

void Watcher::arm(std::string const& id) {
    std::lock_guard const lock(mutex_);
    auto const at = find(id);
    if (at != entries_.end()) {
        epoll_event event{.events = EPOLLIN, .data = {.u64 = at->first}};
        epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, at->second.watched.shim.get(), &event);
    }
}

void Watcher::stop(std::string const& id, base::Duration grace) {
    {
        std::lock_guard const lock(mutex_);
        auto const at = find(id);
        if (at == entries_.end() || !at->second.watched.container) {
            return;
        }
        send_signal(at->second.watched.container, at->second.watched.stop_signal);
        at->second.kill_at = Clock::now() + grace;
    }
    wake();
}

void Watcher::run() {
    for (;;) {
        int const timeout = send_due_signals();
        epoll_event events[events_max];
        int const count = epoll_wait(epoll_.get(), events, events_max, timeout);
        for (int index = 0; index < count; ++index) {
            if (events[index].data.u64 != 0) {
                end(events[index].data.u64);
                continue;
            }
            std::uint64_t value = 0;
            static_cast<void>(read(event_.get(), &value, sizeof(value)));
            std::lock_guard const lock(mutex_);
            if (stopping_) {
                return;
            }
        }
    }
}

void Watcher::wake() const {
    std::uint64_t const one = 1;
    static_cast<void>(write(event_.get(), &one, sizeof(one)));
}

// Returns how many milliseconds from now the next one is due.
int Watcher::send_due_signals() {
    std::lock_guard const lock(mutex_);
    auto const now = Clock::now();
    auto next = now + std::chrono::milliseconds(wait_max_ms);
    for (auto& [key, entry] : entries_) {
        if (!entry.kill_at) {
            continue;
        }
        if (*entry.kill_at <= now) {
            send_signal(entry.watched.container, SIGKILL);
            entry.kill_at.reset();
        } else {
            next = std::min(next, *entry.kill_at);
        }
    }
    return static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(next - now).count());
}

void Watcher::end(std::uint64_t key) {
    std::string id;
    {
        std::lock_guard const lock(mutex_);
        auto const at = entries_.find(key);
        if (at == entries_.end()) {
            return;
        }
        id = at->second.watched.id;
        entries_.erase(at);  // closing the descriptor takes it out of epoll
    }
    on_end_(id);
}

Watcher::Entries::iterator Watcher::find(std::string const& id) {
    return std::ranges::find_if(entries_,
                                [&](auto const& entry) { return entry.second.watched.id == id; });
}

}  // namespace runtime
