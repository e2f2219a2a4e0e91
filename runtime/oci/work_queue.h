#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <stop_token>
#include <thread>
#include <vector>

namespace runtime {

// Threads that run what they are given, first come, first served. One is made when work would have
// to wait, up to a bound, and stays. The length of the queue is bounded by who fills it: the
// supervisor has at most one action and one probe per container under way, and each ends once.
class WorkQueue {
public:
    explicit WorkQueue(std::size_t threads_max);
    ~WorkQueue();
    WorkQueue(WorkQueue const&) = delete;
    WorkQueue& operator=(WorkQueue const&) = delete;

    void add(std::function<void()> work);
    // Waits for what has begun, drops what has not and what is added later. The destructor does
    // the same.
    void close();

private:
    void start_thread();
    void run(std::stop_token const& stop);

    std::size_t threads_max_;
    std::mutex mutex_;
    std::condition_variable_any ready_;
    bool closed_ = false;
    std::deque<std::function<void()>> waiting_;
    std::size_t idle_ = 0;  // threads that wait for work
    std::vector<std::jthread> threads_;
};

}  // namespace runtime
