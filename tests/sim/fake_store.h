#pragma once

#include <deque>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "crdt/store.h"

namespace sim {

// A store in memory with a disk that the simulation owns: it outlives the agent that uses it. As
// agreed in crdt::Store, a write is durable when it returns; a world that plays the disk's delay
// itself calls stage() when the agent asks for a write and sync() when it is acknowledged. crash()
// is a power cut.
class FakeStore final : public crdt::Store {
public:
    base::Result<crdt::Loaded> load() override {
        crdt::Loaded out{.entries = {}, .version = version_, .locals = locals_};
        for (auto const& [key, entry] : entries_) {
            out.entries.push_back(entry);
        }
        return out;
    }

    base::Result<void> write(crdt::Batch const& batch) override {
        if (failure_) {
            return base::fail(*failure_);
        }
        sync();
        apply(crdt::Batch(batch));
        return {};
    }

    void stage(crdt::Batch batch) { staged_.push_back(std::move(batch)); }

    // The oldest `count` staged batches reach the disk.
    void sync(std::size_t count) {
        for (; count > 0 && !staged_.empty(); --count) {
            apply(std::move(staged_.front()));
            staged_.pop_front();
        }
    }

    void sync() { sync(staged_.size()); }

    void crash() { staged_.clear(); }

    // Every write fails with this message (a full disk) until it is taken back.
    void fail_writes(std::optional<std::string> message) { failure_ = std::move(message); }

private:
    void apply(crdt::Batch batch) {
        for (crdt::Entry& entry : batch.entries) {
            auto const at = entries_.try_emplace(entry.key).first;
            at->second = std::move(entry);
        }
        for (auto& [name, value] : batch.locals) {
            locals_.insert_or_assign(name, std::move(value));
        }
        version_ = std::move(batch.version);
    }

    std::map<std::string, crdt::Entry> entries_;
    crdt::VersionVector version_;
    std::map<std::string, base::Bytes> locals_;
    std::deque<crdt::Batch> staged_;
    std::optional<std::string> failure_;
};

}  // namespace sim
