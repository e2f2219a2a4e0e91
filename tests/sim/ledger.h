#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "crdt/map.h"

namespace sim {

// What users did to the shared state, and what they were promised.
class Ledger {
public:
    struct Edit {
        crdt::Stamp stamp;
        std::optional<base::Bytes> value;  // nothing: removed
        bool acknowledged = false;
    };

    using Edits = std::map<std::string, std::map<crdt::Stamp, Edit>>;

    void issued(crdt::Entry const& entry) {
        edits_[entry.key].try_emplace(entry.stamp, Edit{entry.stamp, entry.value});
    }

    // The user heard that it is done: it must not be lost from now on.
    void acknowledged(std::string const& key, crdt::Stamp const& stamp) {
        auto const edits = edits_.find(key);
        if (edits == edits_.end()) {
            return;
        }
        if (auto const edit = edits->second.find(stamp); edit != edits->second.end()) {
            edit->second.acknowledged = true;
        }
    }

    // By key of the shared state, then in the order in which they win.
    [[nodiscard]] Edits const& edits() const { return edits_; }

private:
    Edits edits_;
};

}  // namespace sim
