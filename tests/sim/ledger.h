#pragma once

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "crdt/map.h"

namespace sim {

// What users did to the shared state, and what they were promised. A host that crashed gives the
// stamp of an edit that it lost to another one, so several edits of a key can have one stamp.
class Ledger {
public:
    struct Edit {
        std::optional<base::Bytes> value;  // nothing: removed
        std::set<base::NodeId> holders;    // who had it on the disk when it was acknowledged
        bool forgotten = false;  // acknowledged and on its writer's disk, its stamp given again
    };

    // In the order in which they win.
    using Edits = std::multimap<crdt::Stamp, Edit>;

    void issued(crdt::Entry const& entry) {
        Edits& edits = edits_[entry.key];
        auto const [begin, end] = edits.equal_range(entry.stamp);
        for (auto at = begin; at != end; ++at) {
            // Without its disk it cannot know: its edit is one made beside the other.
            bool const knew = at->second.holders.contains(entry.stamp.writer);
            at->second.forgotten = at->second.forgotten || knew;
        }
        edits.emplace(entry.stamp, Edit{.value = entry.value, .holders = {}});
    }

    // The user heard that it is done, and on whose disks it is: it must not be lost from now on.
    void acknowledged(crdt::Entry const& entry, std::vector<base::NodeId> const& holders) {
        Edit* const edit = find(entry);
        if (edit != nullptr) {
            edit->holders.insert(holders.begin(), holders.end());
        }
    }

    // The host lost its disk.
    void vanished(base::NodeId host) {
        for (auto& [key, edits] : edits_) {
            for (auto& [stamp, edit] : edits) {
                edit.holders.erase(host);
            }
        }
    }

    // Acknowledged by a host that has its disk to this day.
    [[nodiscard]] static bool promised(Edit const& edit) { return !edit.holders.empty(); }

    [[nodiscard]] bool knows(crdt::Entry const& entry) const {
        return const_cast<Ledger&>(*this).find(entry) != nullptr;
    }

    // By key of the shared state.
    [[nodiscard]] std::map<std::string, Edits> const& edits() const { return edits_; }

private:
    Edit* find(crdt::Entry const& entry) {
        auto const edits = edits_.find(entry.key);
        if (edits == edits_.end()) {
            return nullptr;
        }
        auto const [begin, end] = edits->second.equal_range(entry.stamp);
        auto const at = std::find_if(
            begin, end, [&](auto const& edit) { return edit.second.value == entry.value; });
        return at == end ? nullptr : &at->second;
    }

    std::map<std::string, Edits> edits_;
};

}  // namespace sim
