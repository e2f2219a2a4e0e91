#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "base/result.h"
#include "base/time.h"
#include "runtime/system/file.h"

namespace runtime {

// One thread that notices the end of shims and sends the signals that are due later.
class Watcher {
public:
    using OnEnd = std::function<void(std::string const& id)>;

    [[nodiscard]] static base::Result<std::unique_ptr<Watcher>> create(OnEnd on_end);
    ~Watcher();

    struct Watched {
        std::string id;
        base::Descriptor shim;
        base::Descriptor container;  // who gets the signals; empty if it has ended already
        int stop_signal{};
    };

    // From now on stop() reaches the container; its end is reported after arm().
    void add(Watched watched);
    // `on_end` is called once, from the watcher's thread, when the shim has ended.
    void arm(std::string const& id);
    // Sends the stop signal now and SIGKILL after `grace`. Of an unknown id: nothing to do, it has
    // ended.
    void stop(std::string const& id, base::Duration grace);
    // `on_end` is not called any more once it has returned.
    void close();

private:
    using Clock = std::chrono::steady_clock;

    struct Entry {
        Watched watched;
        std::optional<Clock::time_point> kill_at{};
    };

    using Entries = std::map<std::uint64_t, Entry>;

    explicit Watcher(OnEnd on_end) : on_end_(std::move(on_end)) {}

    void run();
    void wake() const;
    [[nodiscard]] int send_due_signals();
    void end(std::uint64_t key);
    [[nodiscard]] Entries::iterator find(std::string const& id);

    OnEnd on_end_;
    base::Descriptor epoll_;
    base::Descriptor event_;
    std::mutex mutex_;
    bool stopping_ = false;
    Entries entries_;             // by the key given to epoll
    std::uint64_t next_key_ = 1;  // 0 is the event descriptor
    std::thread thread_;
};

}  // namespace runtime
