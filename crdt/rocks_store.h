#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "crdt/store.h"

namespace crdt {

// Opens (or makes) the RocksDB database in `directory`. The error says what to do: the directory
// is in use by another agent, is damaged, was written by a newer version, or cannot be written.
[[nodiscard]] base::Result<std::unique_ptr<Store>> open_rocks_store(std::string const& directory);

}  // namespace crdt
