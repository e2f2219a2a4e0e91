#pragma once

#include <cstdint>
#include <memory>
#include <set>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/descriptor.h"
#include "base/result.h"
#include "base/time.h"

namespace lb {

class Handler {
public:
    virtual ~Handler() = default;
    virtual void on_ready(int fd, std::uint32_t events) = 0;
    virtual void on_deadline() = 0;
};

// One thread's epoll instance, level-triggered, with one deadline a handler. What is closed or
// retired while events are handed out ends only after them, so that none reaches a wrong object.
class Poller {
public:
    [[nodiscard]] static base::Result<std::unique_ptr<Poller>> create();

    // Hands `events` (EPOLLIN, EPOLLOUT) of the descriptor to `handler`, replacing what was asked
    // before. With none, an error or hang-up is still told, once.
    void watch(int fd, std::uint32_t events, Handler& handler);
    // Stops watching and closes.
    void close(base::Descriptor descriptor);
    // Replaces the handler's deadline; instant_max: none.
    void set_deadline(Handler& handler, base::Instant deadline);
    // Takes a handler that has closed its descriptors, and destroys it later.
    void retire(std::unique_ptr<Handler> handler);

    // The time when the events handed out now were read.
    [[nodiscard]] base::Instant now() const { return now_; }

    // Waits for events or the next deadline and hands out what is due.
    void run_once();

private:
    struct Watched {
        Handler* handler{};
        std::uint32_t events{};
    };

    explicit Poller(base::Descriptor epoll);
    void read_clock();
    [[nodiscard]] int wait_ms() const;

    base::Descriptor epoll_;
    base::Instant now_{};
    std::vector<Watched> watched_;  // by descriptor
    std::set<std::pair<base::Instant, Handler*>> deadlines_;
    std::unordered_map<Handler*, base::Instant> deadline_of_;
    std::vector<base::Descriptor> closed_;
    std::vector<std::unique_ptr<Handler>> retired_;
};

}  // namespace lb
