#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

#include "base/result.h"
#include "crdt/store.h"

namespace boost::asio {
class io_context;
}  // namespace boost::asio

namespace net {

// Writes batches to the store on a thread of its own, in the order they were given. Batches that
// wait while one is written are merged and written as one (group commit), so a slow disk costs
// delay, not throughput.
class StoreWriter {
public:
    static constexpr std::size_t queue_max = 4096;  // batches that wait
    static constexpr std::size_t merge_max = 256;   // batches in one write

    // Called from io_context::run(), once for each batch, in order.
    using Done = std::function<void(std::uint64_t sequence, base::Result<void> const& result)>;

    // The store is used by this thread only until the writer is destroyed.
    StoreWriter(boost::asio::io_context& io, crdt::Store& store, Done done);
    // Writes what waits, then ends the thread. Completions not yet called are dropped.
    ~StoreWriter();

    StoreWriter(StoreWriter const&) = delete;
    StoreWriter& operator=(StoreWriter const&) = delete;

    // False if queue_max batches wait: nothing changes, and the disk has stood still for long. The
    // caller reports it and stops taking writes.
    [[nodiscard]] bool submit(std::uint64_t sequence, crdt::Batch batch);

private:
    struct Job {
        std::uint64_t sequence{};
        crdt::Batch batch;
    };

    void run();
    void write(std::deque<Job> jobs);

    boost::asio::io_context& io_;
    crdt::Store& store_;
    std::shared_ptr<Done> done_;  // a completion that outlives the writer finds it expired
    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<Job> queue_;
    bool stopping_ = false;
    std::thread thread_;  // the last member: it uses the others
};

}  // namespace net
