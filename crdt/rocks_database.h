#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <vector>

#include <rocksdb/db.h>
#include <rocksdb/options.h>

#include "base/result.h"
#include "crdt/rocks_mark.h"
#include "crdt/rocks_records.h"

namespace crdt::rocks {

// Why a directory is no database that can be used, and the sentence for it.
enum class Problem : std::uint8_t {
    missing,  // nothing is there
    foreign,  // something is, and it is not the state of an agent
    newer,    // of a format this version does not know
    damaged,
    other,  // in use, no permission, no space, an error of the disk
};

struct Trouble {
    Problem problem{};
    std::string message;  // what, where and what to do
};

template <class T>
using Outcome = std::expected<T, Trouble>;

// The trouble's message as an error.
[[nodiscard]] inline base::Result<void> to_result(Outcome<void> outcome) {
    return outcome ? base::Result<void>() : base::fail(std::move(outcome.error().message));
}

template <class T>
[[nodiscard]] base::Result<T> to_result(Outcome<T> outcome) {
    if (!outcome) {
        return base::fail(std::move(outcome.error().message));
    }
    return base::Result<T>(std::move(outcome).value());
}

[[nodiscard]] std::unexpected<Trouble> damaged(std::string const& directory, std::string_view what);
// What RocksDB says of a database in `directory`, as a sentence.
[[nodiscard]] std::unexpected<Trouble> trouble(std::string const& directory,
                                               rocksdb::Status const& status);

// An open database and its families.
class Database {
public:
    enum class Access : std::uint8_t {
        read,    // changes nothing on the disk
        write,   // it must be there, in any format up to ours; families that are missing are made
        create,  // likewise, and it is made if it is missing
        salvage  // as write, and skips what it cannot read
    };

    [[nodiscard]] static Outcome<Database> open(std::string const& directory, Access access);

    Database(Database&& other) noexcept = default;
    Database& operator=(Database&& other) noexcept;
    ~Database();

    [[nodiscard]] rocksdb::DB* operator->() const { return db_.get(); }

    [[nodiscard]] Handles const& handles() const { return handles_; }

    [[nodiscard]] std::string const& directory() const { return directory_; }

    // Nothing if there is no format record.
    [[nodiscard]] Outcome<std::optional<std::uint32_t>> format() const;
    // From the first record of a family, every checksum verified; nullptr: no such family.
    [[nodiscard]] std::unique_ptr<rocksdb::Iterator> iterate(Family family) const;
    // Where it is now, as far as its MANIFEST is on the disk: after a sync, a mark to raise.
    [[nodiscard]] Position position() const;
    // Everything, of a database of any format up to ours.
    [[nodiscard]] Outcome<Loaded> read_all() const;

private:
    Database() = default;
    void close();

    std::string directory_;
    std::unique_ptr<rocksdb::DB> db_;
    Handles handles_{};
};

// A database that was opened to read, found sound: it is ours, of a format up to ours, and holds
// all that was once synced (rocks_mark.h).
struct Inspected {
    Database database;
    std::uint32_t format{};
};

[[nodiscard]] Outcome<Inspected> inspect(std::string const& directory);

// The settings of RocksDB for a database, and for each of its families.
[[nodiscard]] rocksdb::DBOptions database_options(Database::Access access);
[[nodiscard]] std::vector<rocksdb::ColumnFamilyDescriptor> family_descriptors();

}  // namespace crdt::rocks
