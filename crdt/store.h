#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "crdt/map.h"

namespace crdt {

enum class Durability : std::uint8_t {
    synced,  // on the disk when write() returns: it survives a power cut
    soon,    // survives the end of the process; a power cut takes it unless a synced write followed
};

// What must reach the disk in one atomic step: entries of the map, the version vector after them,
// and small local values (roster, files) that are not replicated.
struct Batch {
    std::vector<Entry> entries;
    VersionVector version;
    std::map<std::string, std::optional<base::Bytes>> locals;  // nothing: forget it
    Durability durability = Durability::synced;
    std::vector<std::string> collected = {};  // keys whose entries go, before `entries` are written
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
    // All of the batch or nothing. When it returns without error, the batch survives the end of the
    // process; a synced one survives a power cut too, with all that was written before it. After a
    // power cut what is there is a beginning of what was written. An error changes nothing that can
    // be read, and the same batch can be written again.
    [[nodiscard]] virtual base::Result<void> write(Batch const& batch) = 0;
};

}  // namespace crdt
