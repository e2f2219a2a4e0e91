#include "crdt/rocks_store.h"

#include <filesystem>
#include <optional>
#include <system_error>
#include <utility>

#include "base/text.h"
#include "crdt/rocks_database.h"
#include "crdt/rocks_mark.h"

namespace crdt {
namespace {

namespace fs = std::filesystem;
using rocks::Database;
using rocks::Family;
using rocks::Inspected;
using rocks::Mark;
using rocks::Outcome;

rocksdb::WriteOptions synced() {
    rocksdb::WriteOptions out;
    out.sync = true;
    return out;
}

class RocksStore final : public Store {
public:
    explicit RocksStore(std::string directory) : directory_(std::move(directory)) {}

    ~RocksStore() override { close(); }

    RocksStore(RocksStore const&) = delete;
    RocksStore& operator=(RocksStore const&) = delete;

    base::Result<Loaded> load() override;
    base::Result<void> write(Batch const& batch) override;
    // Does nothing if it is open.
    base::Result<void> open();

private:
    base::Result<void> take_writes();
    base::Result<void> failed(rocksdb::Status const& status) const;
    void close();

    std::string directory_;
    std::optional<Database> database_;  // none after a write that failed for good
    std::optional<Mark> mark_;
    VersionVector written_;
    std::optional<Loaded> loaded_;  // what open() found, until it is asked for or changed
    bool refused_ = false;          // the last write failed
};

base::Result<void> RocksStore::failed(rocksdb::Status const& status) const {
    return base::fail(rocks::trouble(directory_, status).error().message);
}

// From the first format: one batch moves every record to its family and raises the format.
Outcome<void> migrate(std::string const& directory, Loaded const& loaded) {
    if (auto const mark = Mark::create(directory); !mark) {
        return std::unexpected(rocks::Trouble{rocks::Problem::other, mark.error().message});
    }
    Database const database = TRY(Database::open(directory, Database::Access::write));
    Batch const content = rocks::content_of(loaded);
    rocksdb::WriteBatch changes;
    auto const old = database.iterate(Family::meta);
    rocksdb::Status status;
    for (; old->Valid() && status.ok(); old->Next()) {
        status = changes.Delete(old->key());
    }
    if (status.ok()) {
        status = old->status();
    }
    if (status.ok()) {
        status = rocks::add_changes(content, {}, database.handles(), changes);
    }
    if (status.ok()) {
        status =
            changes.Put(rocks::slice(rocks::format_key), rocks::slice(base::concat(rocks::format)));
    }
    if (status.ok()) {
        status = database->Write(synced(), &changes);
    }
    if (!status.ok()) {
        return rocks::trouble(directory, status);
    }
    return {};
}

base::Result<void> RocksStore::open() {
    if (database_) {
        return {};
    }
    {
        // Everything is read before anything is changed: opened to write, RocksDB goes on from what
        // it can make use of, and removes the rest.
        Inspected const found = TRY(rocks::to_result(rocks::inspect(directory_)));
        loaded_ = TRY(rocks::to_result(found.database.read_all()));
        if (found.format < rocks::format) {
            TRY_VOID(rocks::to_result(migrate(directory_, *loaded_)));
        }
    }
    written_ = loaded_->version;
    Database database = TRY(rocks::to_result(Database::open(directory_, Database::Access::write)));
    mark_ = TRY(Mark::open(directory_));
    database_ = std::move(database);
    refused_ = false;
    return {};
}

// A proper end leaves nothing to chance.
void RocksStore::close() {
    if (database_ && !refused_ && (*database_)->SyncWAL().ok()) {
        mark_->raise(database_->position());
        mark_->sync();
    }
    database_.reset();
}

base::Result<Loaded> RocksStore::load() {
    base::Result<void> const opened = open();
    if (loaded_) {
        return *std::exchange(loaded_, std::nullopt);
    }
    if (!opened) {
        return std::unexpected(opened.error());
    }
    return rocks::to_result(database_->read_all());
}

// RocksDB refuses every write after a failed one until it is told that the reason is gone.
base::Result<void> RocksStore::take_writes() {
    TRY_VOID(open());
    if (!refused_) {
        return {};
    }
    rocksdb::Status const resumed = (*database_)->Resume();
    if (resumed.ok()) {
        refused_ = false;
        return {};
    }
    if (resumed.IsNoSpace() && resumed.severity() < rocksdb::Status::kFatalError) {
        return failed(resumed);  // and it can still be read
    }
    // Of some errors RocksDB recovers only when it is opened again.
    database_.reset();
    return open();
}

base::Result<void> RocksStore::write(Batch const& batch) {
    TRY_VOID(take_writes());
    loaded_.reset();
    rocksdb::WriteBatch changes;
    rocksdb::Status status = rocks::add_changes(batch, written_, database_->handles(), changes);
    rocksdb::WriteOptions options;
    options.sync = batch.durability == Durability::synced;
    if (status.ok()) {
        status = (*database_)->Write(options, &changes);
    }
    if (!status.ok()) {
        refused_ = true;
        return failed(status);
    }
    written_ = batch.version;
    if (options.sync) {
        mark_->raise(database_->position());
    }
    return {};
}

// A new database with `content`, whole and synced, at a path where there is none.
Outcome<void> build(std::string const& directory, Batch const& content) {
    auto mark = Mark::create(directory);
    if (!mark) {
        return std::unexpected(rocks::Trouble{rocks::Problem::other, mark.error().message});
    }
    Database const database = TRY(Database::open(directory, Database::Access::create));
    rocksdb::WriteBatch changes;
    rocksdb::Status status;
    // A repair knows the families by their tables, so each has one from the start.
    for (rocksdb::ColumnFamilyHandle* const family : database.handles()) {
        status = status.ok() ? changes.Delete(family, "") : status;
    }
    if (status.ok()) {
        status =
            changes.Put(rocks::slice(rocks::format_key), rocks::slice(base::concat(rocks::format)));
    }
    if (status.ok()) {
        status = rocks::add_changes(content, {}, database.handles(), changes);
    }
    if (status.ok()) {
        status = database->Write(synced(), &changes);
    }
    for (rocksdb::ColumnFamilyHandle* const family : database.handles()) {
        status = status.ok() ? database->Flush({}, family) : status;
    }
    if (!status.ok()) {
        return rocks::trouble(directory, status);
    }
    mark->raise(database.position());
    mark->sync();
    return {};
}

bool is_empty(Loaded const& loaded) {
    return loaded.entries.empty() && loaded.locals.empty() && loaded.version.origins().empty();
}

// Whether make_rocks_store() may put something in the place of what is there.
base::Result<void> require_free(std::string const& directory) {
    std::error_code error;
    if (!fs::exists(directory, error) ||
        (fs::is_directory(directory, error) && fs::is_empty(directory, error))) {
        return {};
    }
    Outcome<Inspected> const found = rocks::inspect(directory);
    Outcome<Loaded> const loaded =
        found ? found->database.read_all() : Outcome<Loaded>(std::unexpected(found.error()));
    if (loaded && is_empty(*loaded)) {
        return {};
    }
    return base::fail(base::concat(directory, " holds a state already: move it away first"));
}

}  // namespace

base::Result<void> make_rocks_store(std::string const& directory, Batch const& content) {
    TRY_VOID(require_free(directory));
    std::string const fresh = directory + ".new";
    std::error_code error;
    fs::remove_all(fresh, error);
    fs::create_directories(fresh, error);
    if (error) {
        return base::fail(
            base::concat("cannot make the state directory ", fresh, ": ", error.message()));
    }
    if (auto const built = build(fresh, content); !built) {
        fs::remove_all(fresh, error);
        return base::fail(built.error().message);
    }
    fs::remove_all(directory, error);
    fs::rename(fresh, directory, error);
    if (error) {
        return base::fail(
            base::concat("cannot rename ", fresh, " to ", directory, ": ", error.message()));
    }
    return rocks::sync_directory(fs::path(directory).parent_path().string());
}

base::Result<std::unique_ptr<Store>> open_rocks_store(std::string const& directory) {
    auto store = std::make_unique<RocksStore>(directory);
    TRY_VOID(store->open());
    return store;
}

base::Result<Loaded> read_rocks_store(std::string const& directory) {
    Inspected const found = TRY(rocks::to_result(rocks::inspect(directory)));
    Database const& database = found.database;
    if (auto const status = database->VerifyChecksum(); !status.ok()) {
        return base::fail(rocks::trouble(directory, status).error().message);
    }
    return rocks::to_result(database.read_all());
}

}  // namespace crdt
