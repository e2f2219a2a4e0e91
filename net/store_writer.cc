#include "net/store_writer.h"

#include <algorithm>
#include <iterator>
#include <memory>
#include <utility>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

namespace net {

namespace {
// `later` on top of `into`: its locals replace, its vector is at least as high.
void merge(crdt::Batch later, crdt::Batch& into) {
    std::ranges::move(later.entries, std::back_inserter(into.entries));
    for (auto const& [origin, sequence] : later.version.origins()) {
        into.version.raise(origin, sequence);
    }
    for (auto& [name, value] : later.locals) {
        into.locals.insert_or_assign(name, std::move(value));
    }
}
}  // namespace

StoreWriter::StoreWriter(boost::asio::io_context& io, crdt::Store& store, Done done)
    : io_(io),
      store_(store),
      done_(std::make_shared<Done>(std::move(done))),
      thread_([this] { run(); }) {}

StoreWriter::~StoreWriter() {
    {
        std::lock_guard const lock(mutex_);
        stopping_ = true;
    }
    changed_.notify_one();
    thread_.join();
}

bool StoreWriter::submit(std::uint64_t sequence, crdt::Batch batch) {
    {
        std::lock_guard const lock(mutex_);
        if (queue_.size() >= queue_max) {
            return false;
        }
        queue_.push_back({.sequence = sequence, .batch = std::move(batch)});
    }
    changed_.notify_one();
    return true;
}

void StoreWriter::run() {
    for (;;) {
        std::deque<Job> jobs;
        {
            std::unique_lock lock(mutex_);
            changed_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
            if (queue_.empty()) {
                return;
            }
            auto const count = static_cast<std::ptrdiff_t>(std::min(queue_.size(), merge_max));
            std::move(queue_.begin(), queue_.begin() + count, std::back_inserter(jobs));
            queue_.erase(queue_.begin(), queue_.begin() + count);
        }
        write(std::move(jobs));
    }
}

void StoreWriter::write(std::deque<Job> jobs) {
    std::vector<std::uint64_t> sequences;
    crdt::Batch merged;
    for (Job& job : jobs) {
        sequences.push_back(job.sequence);
        merge(std::move(job.batch), merged);
    }
    base::Result<void> const result = store_.write(merged);
    std::weak_ptr<Done> const done = done_;
    boost::asio::post(io_, [done, sequences, result] {
        auto const call = done.lock();
        for (std::size_t i = 0; call && i < sequences.size(); ++i) {
            (*call)(sequences[i], result);
        }
    });
}

}  // namespace net
