#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "crdt/map.h"

namespace crdt {

// What must reach the disk in one atomic step: entries of the map, the version vector after them,
// and small local values (incarnation, roster) that are not replicated.
struct Batch {
    std::vector<Entry> entries;
    VersionVector version;
    std::map<std::string, base::Bytes> locals;
};

struct Loaded {
    std::vector<Entry> entries;
    VersionVector version;
    std::map<std::string, base::Bytes> locals;
};

// The port behind which the state is kept. One contract test runs on every implementation.
class Store {
public:
    virtual ~Store() = default;
    // Everything written before, in any order.
    [[nodiscard]] virtual base::Result<Loaded> load() = 0;
    // All of the batch or nothing; when it returns without error, it survives a power cut.
    [[nodiscard]] virtual base::Result<void> write(Batch const& batch) = 0;
};

}  // namespace crdt
