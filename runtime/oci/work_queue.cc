#include "runtime/oci/work_queue.h"

#include <algorithm>
#include <system_error>
#include <utility>

namespace runtime {

WorkQueue::WorkQueue(std::size_t threads_max)
    : threads_max_(std::max<std::size_t>(threads_max, 1)) {
    start_thread();
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
        if (waiting_.size() > idle_ && threads_.size() < threads_max_) {
            try {
                start_thread();
            } catch (std::system_error const&) {
                // The system has no more threads: the work waits for one of those there are.
            }
        }
    }
    ready_.notify_one();
}

void WorkQueue::start_thread() {
    threads_.emplace_back([this](std::stop_token const& stop) { run(stop); });
}

void WorkQueue::run(std::stop_token const& stop) {
    for (;;) {
        std::function<void()> work;
        {
            std::unique_lock lock(mutex_);
            ++idle_;
            bool const found = ready_.wait(lock, stop, [this] { return !waiting_.empty(); });
            --idle_;
            if (!found || stop.stop_requested()) {
                return;
            }
            work = std::move(waiting_.front());
            waiting_.pop_front();
        }
        work();
    }
}

}  // namespace runtime
