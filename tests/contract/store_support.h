#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "crdt/store.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/crdt/replicas.h"

namespace support {

inline crdt::Batch batch_of(crdt::Loaded const& loaded) {
    return {.entries = loaded.entries,
            .version = loaded.version,
            .locals = {loaded.locals.begin(), loaded.locals.end()}};
}

inline std::vector<crdt::Entry> sorted(std::vector<crdt::Entry> entries) {
    std::ranges::sort(entries, {}, &crdt::Entry::key);
    return entries;
}

inline crdt::VersionVector version_of(std::uint8_t origin, std::uint64_t sequence) {
    crdt::VersionVector version;
    version.raise(crdt::node(origin), sequence);
    return version;
}

}  // namespace support
