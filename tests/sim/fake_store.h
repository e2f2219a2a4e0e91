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
// agreed in crdt::Store, a synced write is durable when it returns; a world that plays the disk's
// delay itself calls stage() when the agent asks for a write and sync() when it is acknowledged.
// crash() is the end of the process, cut_power() also takes what was not synced.
class FakeStore final : public crdt::Store {
public:
    base::Result<crdt::Loaded> load() override {
        Disk const& disk = cached_.value_or(disk_);
        crdt::Loaded out{.entries = {}, .version = disk.version, .locals = disk.locals};
        for (auto const& [key, entry] : disk.entries) {
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

    void cut_power() {
        crash();
        cached_.reset();
    }

    // Every write fails with this message (a full disk) until it is taken back.
    void fail_writes(std::optional<std::string> message) { failure_ = std::move(message); }

private:
    struct Disk {
        std::map<std::string, crdt::Entry> entries;
        crdt::VersionVector version;
        std::map<std::string, base::Bytes> locals;
    };

    void apply(crdt::Batch batch) {
        if (batch.durability == crdt::Durability::soon && !cached_) {
            cached_ = disk_;
        } else if (batch.durability == crdt::Durability::synced && cached_) {
            disk_ = *std::exchange(cached_, std::nullopt);
        }
        Disk& into = cached_ ? *cached_ : disk_;
        for (std::string const& key : batch.collected) {
            into.entries.erase(key);
        }
        for (crdt::Entry& entry : batch.entries) {
            auto const at = into.entries.try_emplace(entry.key).first;
            at->second = std::move(entry);
        }
        for (auto& [name, value] : batch.locals) {
            if (value) {
                into.locals.insert_or_assign(name, *std::move(value));
            } else {
                into.locals.erase(name);
            }
        }
        into.version = std::move(batch.version);
    }

    Disk disk_;
    std::optional<Disk> cached_;  // with what was written since, but not synced
    std::deque<crdt::Batch> staged_;
    std::optional<std::string> failure_;
};

}  // namespace sim
