#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <stop_token>
#include <thread>
#include <vector>

namespace runtime {

// A few threads that run what they are given, first come, first served. Its length is bounded by
// who fills it: the supervisor has at most one action and one probe per container under way, and
// each ends once.
class WorkQueue {
public:
    explicit WorkQueue(std::size_t threads);
    ~WorkQueue();
    WorkQueue(WorkQueue const&) = delete;
    WorkQueue& operator=(WorkQueue const&) = delete;

    void add(std::function<void()> work);
    // Waits for what has begun, drops what has not and what is added later. The destructor does
    // the same.
    void close();

private:
    void run(std::stop_token const& stop);

    std::mutex mutex_;
    std::condition_variable_any ready_;
    bool closed_ = false;
    std::deque<std::function<void()>> waiting_;
    std::vector<std::jthread> threads_;
};

}  // namespace runtime
