#include "crdt/rocks_store.h"

#include <filesystem>
#include <string_view>
#include <system_error>
#include <utility>

#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/options.h>
#include <rocksdb/table.h>
#include <rocksdb/write_batch.h>

#include "base/text.h"
#include "crdt/codec.h"

namespace crdt {
namespace {

// One keyspace: "e" + key of the map -> entry, "l" + name -> local value, and two records that
// describe the whole.
constexpr char entry_prefix = 'e';
constexpr char local_prefix = 'l';
constexpr std::string_view format_key = "m/format";
constexpr std::string_view version_key = "m/version";
constexpr std::string_view format = "1";

rocksdb::Slice slice(std::string_view text) {
    return {text.data(), text.size()};
}

rocksdb::Slice slice(base::ByteView bytes) {
    return slice(base::as_text(bytes));
}

bool mentions(std::string const& message, std::string_view text) {
    return message.find(text) != std::string::npos;
}

std::unexpected<base::Error> damaged(std::string const& directory, std::string_view what) {
    return base::fail(base::concat("the state in ", directory, " is damaged (", what,
                                   "): move the directory away and join the fleet again"));
}

std::unexpected<base::Error> failed(std::string const& directory, rocksdb::Status const& status) {
    std::string const text = status.ToString();
    // RocksDB has no code of its own for these two.
    if (mentions(text, "lock ") && mentions(text, "LOCK")) {
        if (mentions(text, "temporarily unavailable") || mentions(text, "current process")) {
            return base::fail(base::concat(
                "the state in ", directory,
                " is in use by another agent: stop it, or give this one a directory of its own"));
        }
    }
    if (mentions(text, "Permission denied") || mentions(text, "Read-only file system")) {
        return base::fail(base::concat("cannot write the state in ", directory, " (", text,
                                       "): run as a user who owns the directory"));
    }
    if (status.IsNoSpace() || mentions(text, "No space left")) {
        return base::fail(
            base::concat("no space left for the state in ", directory, ": free some on that disk"));
    }
    if (status.IsCorruption() || status.IsNotSupported() || status.IsInvalidArgument()) {
        return damaged(directory, text);
    }
    return base::fail(base::concat("the state in ", directory, ": ", text));
}

// The map is in memory and this is its journal: what matters is a small, quiet footprint.
rocksdb::Options options() {
    rocksdb::BlockBasedTableOptions table;
    table.block_cache = rocksdb::NewLRUCache(1 << 20);
    rocksdb::Options out;
    out.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
    out.create_if_missing = true;
    out.write_buffer_size = 2 << 20;
    out.max_write_buffer_number = 2;
    out.max_total_wal_size = 4 << 20;
    out.max_manifest_file_size = 1 << 20;
    out.max_background_jobs = 2;
    out.max_open_files = 64;
    out.compression = rocksdb::kLZ4Compression;
    // A torn tail is an unfinished write; anything else that does not add up must not be skipped.
    out.wal_recovery_mode = rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;
    out.info_log_level = rocksdb::InfoLogLevel::WARN_LEVEL;
    out.keep_log_file_num = 2;
    out.max_log_file_size = 1 << 20;
    out.stats_dump_period_sec = 0;
    out.stats_persist_period_sec = 0;
    return out;
}

class RocksStore final : public Store {
public:
    explicit RocksStore(std::string directory) : directory_(std::move(directory)) {}

    base::Result<Loaded> load() override;
    base::Result<void> write(Batch const& batch) override;
    // Does nothing if it is open.
    base::Result<void> open();

private:
    base::Result<void> check_format();
    base::Result<void> read(std::string_view key, std::string_view value, Loaded& out) const;
    std::unique_ptr<rocksdb::Iterator> iterate() const;

    std::string directory_;
    std::unique_ptr<rocksdb::DB> db_;  // none after a failed write, until the next call
};

base::Result<void> RocksStore::open() {
    if (db_) {
        return {};
    }
    rocksdb::DB* opened = nullptr;
    auto const status = rocksdb::DB::Open(options(), directory_, &opened);
    if (!status.ok()) {
        return failed(directory_, status);
    }
    db_.reset(opened);
    auto const checked = check_format();
    if (!checked) {
        db_.reset();
    }
    return checked;
}

std::unique_ptr<rocksdb::Iterator> RocksStore::iterate() const {
    rocksdb::ReadOptions read;
    read.verify_checksums = true;
    read.fill_cache = false;
    std::unique_ptr<rocksdb::Iterator> at(db_->NewIterator(read));
    at->SeekToFirst();
    return at;
}

base::Result<void> RocksStore::check_format() {
    std::string found;
    auto const status = db_->Get({}, slice(format_key), &found);
    if (status.IsNotFound()) {
        auto const first = iterate();
        if (first->Valid()) {
            return damaged(directory_, "it has no format record");
        }
        rocksdb::WriteOptions sync;
        sync.sync = true;
        auto const written = db_->Put(sync, slice(format_key), slice(format));
        return first->status().ok() && written.ok()
                   ? base::Result<void>()
                   : failed(directory_, written.ok() ? first->status() : written);
    }
    if (!status.ok()) {
        return failed(directory_, status);
    }
    if (found == format) {
        return {};
    }
    if (base::parse_integer<std::uint32_t>(found)) {
        return base::fail(base::concat("the state in ", directory_, " has format ", found,
                                       ", this version knows ", format,
                                       ": install the newer version again"));
    }
    return damaged(directory_, "its format record is not a number");
}

base::Result<void> RocksStore::read(std::string_view key, std::string_view value,
                                    Loaded& out) const {
    base::ByteReader in(base::as_bytes(value));
    if (key == format_key) {
        return {};
    }
    if (key == version_key) {
        auto version = decode_version(in);
        if (!version || !in.complete()) {
            return damaged(directory_, "the version record cannot be read");
        }
        out.version = *std::move(version);
        return {};
    }
    if (key.starts_with(local_prefix)) {
        out.locals.emplace(key.substr(1), base::to_bytes(value));
        return {};
    }
    auto entry = decode_entry(in);
    if (!key.starts_with(entry_prefix) || !entry || !in.complete() || entry->key != key.substr(1)) {
        return damaged(directory_, base::concat("record ", key, " cannot be read"));
    }
    out.entries.push_back(*std::move(entry));
    return {};
}

base::Result<Loaded> RocksStore::load() {
    TRY_VOID(open());
    Loaded out;
    auto const at = iterate();
    for (; at->Valid(); at->Next()) {
        TRY_VOID(read(at->key().ToStringView(), at->value().ToStringView(), out));
    }
    if (!at->status().ok()) {
        return failed(directory_, at->status());
    }
    return out;
}

base::Result<void> RocksStore::write(Batch const& batch) {
    TRY_VOID(open());
    rocksdb::WriteBatch changes;
    std::string key;
    auto const put = [&](char prefix, std::string_view name, base::ByteView value) {
        key.assign(1, prefix).append(name);
        return changes.Put(slice(key), slice(value));
    };
    rocksdb::Status status;
    for (Entry const& entry : batch.entries) {
        status = status.ok() ? put(entry_prefix, entry.key, encode(entry)) : status;
    }
    for (auto const& [name, value] : batch.locals) {
        if (status.ok()) {
            status = value ? put(local_prefix, name, *value)
                           : changes.Delete(slice(base::concat(local_prefix, name)));
        }
    }
    base::ByteWriter version;
    encode(batch.version, version);
    if (status.ok()) {
        status = changes.Put(slice(version_key), slice(version.view()));
    }
    rocksdb::WriteOptions writing;
    writing.sync = batch.durability == Durability::synced;
    if (status.ok()) {
        status = db_->Write(writing, &changes);
    }
    if (!status.ok()) {
        // RocksDB refuses every write after a failed one, also when the disk has room again.
        db_.reset();
        return failed(directory_, status);
    }
    return {};
}

}  // namespace

base::Result<std::unique_ptr<Store>> open_rocks_store(std::string const& directory) {
    std::error_code error;
    std::filesystem::create_directories(directory, error);
    if (error) {
        return base::fail(
            base::concat("cannot make the state directory ", directory, ": ", error.message()));
    }
    auto store = std::make_unique<RocksStore>(directory);
    TRY_VOID(store->open());
    return store;
}

}  // namespace crdt
