#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

#include "base/result.h"
#include "base/time.h"
#include "crdt/store.h"

namespace boost::asio {
class io_context;
}  // namespace boost::asio

namespace net {

// Writes batches to the store on a thread of its own, in the order they were given. Batches that
// wait while one is written are merged and written as one (group commit), so a slow disk costs
// delay, not throughput. What could not be written is tried again every retry_after, together with
// what came since: nothing newer ever overtakes it, and nothing is lost while the process lives.
class StoreWriter {
public:
    // Batches that wait; more are merged into the last, so that a disk which stands still costs
    // memory for each key only once.
    static constexpr std::size_t queue_max = 4096;
    static constexpr std::size_t merge_max = 256;  // batches in one write

    static constexpr base::Duration retry_after = base::seconds(1);

    // Called from io_context::run(), for each batch in order: with an error when it could not be
    // written, and once without when it is on the disk.
    using Done = std::function<void(std::uint64_t sequence, base::Result<void> const& result)>;

    // The store is used by this thread only until the writer is destroyed.
    StoreWriter(boost::asio::io_context& io, crdt::Store& store, Done done);
    // Writes what waits, then ends the thread. Completions not yet called are dropped.
    ~StoreWriter();

    StoreWriter(StoreWriter const&) = delete;
    StoreWriter& operator=(StoreWriter const&) = delete;

    void submit(std::uint64_t sequence, crdt::Batch batch);

private:
    struct Job {
        std::vector<std::uint64_t> sequences;
        crdt::Batch batch;
    };

    void run();
    void write(std::deque<Job> jobs);
    void report(std::vector<std::uint64_t> sequences, base::Result<void> const& result);

    boost::asio::io_context& io_;
    crdt::Store& store_;
    std::shared_ptr<Done> done_;  // a completion that outlives the writer finds it expired
    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<Job> queue_;
    bool stopping_ = false;
    Job failed_;          // of the writing thread alone: what waits to be tried again
    std::thread thread_;  // the last member: it uses the others
};

}  // namespace net
