#include "net/store_writer.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

namespace net {

namespace {

// `later` on top of `into`: its entries, locals and vector replace.
void merge(crdt::Batch later, crdt::Batch& into) {
    // A key is in one of the two lists: what came last counts.
    if (!into.collected.empty()) {
        std::erase_if(into.collected, [&](std::string const& key) {
            return std::ranges::find(later.entries, key, &crdt::Entry::key) != later.entries.end();
        });
    }
    for (std::string& key : later.collected) {
        std::erase_if(into.entries, [&](crdt::Entry const& entry) { return entry.key == key; });
        into.collected.push_back(std::move(key));
    }
    std::ranges::move(later.entries, std::back_inserter(into.entries));
    into.version = std::move(later.version);  // lower, where the host has taken the state anew
    for (auto& [name, value] : later.locals) {
        into.locals.insert_or_assign(name, std::move(value));
    }
    into.durability = std::min(into.durability, later.durability);
}

// Keeps the last entry of each key.
void compact(crdt::Batch& batch) {
    std::map<std::string, crdt::Entry> last;
    for (crdt::Entry& entry : batch.entries) {
        std::string key = entry.key;
        last.insert_or_assign(std::move(key), std::move(entry));
    }
    batch.entries.clear();
    for (auto& [key, entry] : last) {
        batch.entries.push_back(std::move(entry));
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

void StoreWriter::submit(std::uint64_t sequence, crdt::Batch batch) {
    {
        std::lock_guard const lock(mutex_);
        if (queue_.size() < queue_max) {
            queue_.push_back({.sequences = {sequence}, .batch = std::move(batch)});
        } else {
            queue_.back().sequences.push_back(sequence);
            merge(std::move(batch), queue_.back().batch);
            compact(queue_.back().batch);
        }
    }
    changed_.notify_one();
}

void StoreWriter::run() {
    for (;;) {
        std::deque<Job> jobs;
        {
            std::unique_lock lock(mutex_);
            auto const wanted = [this] { return stopping_ || !queue_.empty(); };
            if (failed_.sequences.empty()) {
                changed_.wait(lock, wanted);
            } else {
                // New batches wait as well: a disk that just failed gets time.
                changed_.wait_for(lock, retry_after, [this] { return stopping_; });
            }
            if (queue_.empty() && failed_.sequences.empty()) {
                return;
            }
            auto const count = static_cast<std::ptrdiff_t>(std::min(queue_.size(), merge_max));
            std::move(queue_.begin(), queue_.begin() + count, std::back_inserter(jobs));
            queue_.erase(queue_.begin(), queue_.begin() + count);
        }
        write(std::move(jobs));
        std::lock_guard const lock(mutex_);
        if (stopping_ && !failed_.sequences.empty()) {
            return;  // tried once more; the disk is gone
        }
    }
}

void StoreWriter::write(std::deque<Job> jobs) {
    Job merged = std::exchange(
        failed_,
        {.sequences = {},
         .batch = {
             .entries = {}, .version = {}, .locals = {}, .durability = crdt::Durability::soon}});
    std::vector<std::uint64_t> fresh;
    for (Job& job : jobs) {
        fresh.insert(fresh.end(), job.sequences.begin(), job.sequences.end());
        merge(std::move(job.batch), merged.batch);
    }
    merged.sequences.insert(merged.sequences.end(), fresh.begin(), fresh.end());
    base::Result<void> const result = store_.write(merged.batch);
    if (result) {
        report(std::move(merged.sequences), result);
        return;
    }
    report(std::move(fresh), result);
    compact(merged.batch);
    failed_ = std::move(merged);
}

void StoreWriter::report(std::vector<std::uint64_t> sequences, base::Result<void> const& result) {
    std::weak_ptr<Done> const done = done_;
    boost::asio::post(io_, [done, sequences = std::move(sequences), result] {
        auto const call = done.lock();
        for (std::size_t i = 0; call && i < sequences.size(); ++i) {
            (*call)(sequences[i], result);
        }
    });
}

}  // namespace net
