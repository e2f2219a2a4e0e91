#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <stop_token>
#include <thread>
#include <vector>

namespace runtime {

// A few threads that run what they are given, first come, first served. The destructor waits for
// what has begun and drops what has not. Its length is bounded by who fills it: the supervisor has
// at most one action and one probe per container under way.
class WorkQueue {
public:
    explicit WorkQueue(std::size_t threads);
    ~WorkQueue();
    WorkQueue(WorkQueue const&) = delete;
    WorkQueue& operator=(WorkQueue const&) = delete;

    void add(std::function<void()> work);

private:
    void run(std::stop_token const& stop);

    std::mutex mutex_;
    std::condition_variable_any ready_;
    std::deque<std::function<void()>> waiting_;
    std::vector<std::jthread> threads_;
};

}  // namespace runtime
