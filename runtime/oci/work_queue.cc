#include "runtime/oci/work_queue.h"

#include <utility>

namespace runtime {

WorkQueue::WorkQueue(std::size_t threads) {
    for (std::size_t count = 0; count < threads; ++count) {
        threads_.emplace_back([this](std::stop_token const& stop) { run(stop); });
    }
}

WorkQueue::~WorkQueue() {
    close();
}

void WorkQueue::close() {
    {
        std::lock_guard const lock(mutex_);
        closed_ = true;
        waiting_.clear();
    }
    for (std::jthread& thread : threads_) {
        thread.request_stop();
    }
    threads_.clear();
}

void WorkQueue::add(std::function<void()> work) {
    {
        std::lock_guard const lock(mutex_);
        if (closed_) {
            return;
        }
        waiting_.push_back(std::move(work));
    }
    ready_.notify_one();
}

void WorkQueue::run(std::stop_token const& stop) {
    for (;;) {
        std::function<void()> work;
        {
            std::unique_lock lock(mutex_);
            if (!ready_.wait(lock, stop, [this] { return !waiting_.empty(); }) ||
                stop.stop_requested()) {
                return;
            }
            work = std::move(waiting_.front());
            waiting_.pop_front();
        }
        work();
    }
}

}  // namespace runtime
