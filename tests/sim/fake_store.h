#pragma once

#include <algorithm>
#include <deque>
#include <iterator>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "crdt/store.h"

namespace sim {

// A store in memory with a disk that the simulation owns: it outlives the agent that uses it. As
// agreed in crdt::Store, what was written survives the agent, and a power cut takes what was not
// synced, unless something behind it was. A world that plays the disk's delay itself calls stage()
// when the agent asks for a write and sync() when it is acknowledged.
class FakeStore final : public crdt::Store {
public:
    base::Result<crdt::Loaded> load() override {
        Disk now = disk_;
        for (crdt::Batch const& batch : cached_) {
            now.apply(crdt::Batch(batch));
        }
        crdt::Loaded out{
            .entries = {}, .version = std::move(now.version), .locals = std::move(now.locals)};
        for (auto& [key, entry] : now.entries) {
            out.entries.push_back(std::move(entry));
        }
        return out;
    }

    base::Result<void> write(crdt::Batch const& batch) override {
        if (failure_) {
            return base::fail(*failure_);
        }
        stage(crdt::Batch(batch));
        sync();
        return {};
    }

    void stage(crdt::Batch batch) { staged_.push_back(std::move(batch)); }

    // The oldest `count` staged batches are written, as one.
    void sync(std::size_t count) {
        auto const end =
            staged_.begin() + static_cast<std::ptrdiff_t>(std::min(count, staged_.size()));
        bool const survives = std::any_of(staged_.begin(), end, [](crdt::Batch const& batch) {
            return batch.durability == crdt::Durability::synced;
        });
        std::move(staged_.begin(), end, std::back_inserter(cached_));
        staged_.erase(staged_.begin(), end);
        // What is old is on the disk, asked for or not.
        while (!cached_.empty() && (survives || cached_.size() > cached_max)) {
            disk_.apply(std::move(cached_.front()));
            cached_.pop_front();
        }
    }

    void sync() { sync(staged_.size()); }

    // The agent ends, at any moment.
    void kill() { staged_.clear(); }

    // A power cut.
    void crash() {
        kill();
        cached_.clear();
    }

    // Every write fails with this message (a full disk) until it is taken back.
    void fail_writes(std::optional<std::string> message) { failure_ = std::move(message); }

private:
    static constexpr std::size_t cached_max = 64;

    struct Disk {
        void apply(crdt::Batch batch) {
            for (std::string const& key : batch.collected) {
                entries.erase(key);
            }
            for (crdt::Entry& entry : batch.entries) {
                auto const at = entries.try_emplace(entry.key).first;
                at->second = std::move(entry);
            }
            for (auto& [name, value] : batch.locals) {
                if (value) {
                    locals.insert_or_assign(name, *std::move(value));
                } else {
                    locals.erase(name);
                }
            }
            version = std::move(batch.version);
        }

        std::map<std::string, crdt::Entry> entries;
        crdt::VersionVector version;
        std::map<std::string, base::Bytes> locals;
    };

    Disk disk_;
    std::deque<crdt::Batch> cached_;
    std::deque<crdt::Batch> staged_;
    std::optional<std::string> failure_;
};

}  // namespace sim
