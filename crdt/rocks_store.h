#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "crdt/store.h"

// The state in a RocksDB database, in a directory of its own. Every error says what is wrong, where
// and what to do. Hold the lock of the state directory.
namespace crdt {

// Makes a database with this content: after a crash it is there whole, or not at all. What is in
// `directory` may be nothing or an empty database; anything else is an error.
[[nodiscard]] base::Result<void> make_rocks_store(std::string const& directory,
                                                  Batch const& content = {});

// Opens what make_rocks_store() made; one of an older format is brought to the present one in one
// step. A database that is missing, damaged, of a newer format or not ours, or that lacks anything
// that was on the disk for certain, is an error, and stays as it is.
[[nodiscard]] base::Result<std::unique_ptr<Store>> open_rocks_store(std::string const& directory);

// Everything in the database, after the checksum of every block on the disk was verified. Changes
// nothing.
[[nodiscard]] base::Result<Loaded> read_rocks_store(std::string const& directory);

struct Repaired {
    Loaded kept;
    std::string old_directory;      // where the damaged one lies now; empty: it is untouched
    std::vector<std::string> lost;  // what went, a sentence each; empty: nothing was damaged
};

// Replaces a damaged database by a sound one with everything that can still be read, and a missing
// one by an empty one. The old one is kept beside it, as `directory`.damaged-N. If anything may be
// lost, the version vector is: other hosts then offer again all that they hold. A database that is
// foreign, newer or in use is an error.
//
// If anything may be lost, there is an empty local value named `loss_mark` afterwards.
[[nodiscard]] base::Result<Repaired> repair_rocks_store(std::string const& directory,
                                                        std::string const& loss_mark);

}  // namespace crdt
