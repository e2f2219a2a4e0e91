#include "crdt/rocks_database.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <optional>
#include <set>
#include <string_view>
#include <system_error>
#include <utility>

#include <rocksdb/cache.h>
#include <rocksdb/env.h>
#include <rocksdb/table.h>

#include "base/text.h"

namespace crdt::rocks {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view way_back =
    "`agent state repair` saves what can be read, other hosts of the fleet give back the rest";

// Memory of the store, all in all: what is not written to a table yet, in the buffers of three
// families and the ones that are being flushed, and the cache of blocks. Under 8 MB.
constexpr std::size_t entries_buffer = 1 << 20;
constexpr std::size_t small_buffer = 128 << 10;
constexpr std::size_t buffers_max = 2 << 20;
constexpr std::size_t cache_size = 512 << 10;
constexpr std::size_t arena_block = 32 << 10;
// Replayed at the next start, so it is also what a start may cost.
constexpr std::uint64_t wal_max = 4 << 20;

// RocksDB's own log would be one more file that is written at each start. What goes wrong comes
// back as a status.
class NoLog final : public rocksdb::Logger {
public:
    using rocksdb::Logger::Logv;

    void Logv(char const* /*format*/, va_list /*arguments*/) override {}
};

bool mentions(std::string const& message, std::string_view text) {
    return message.find(text) != std::string::npos;
}

// Each file of a table costs a start and a compaction; few and large ones suit a state of some MB
// and the erase blocks of cheap flash.
rocksdb::ColumnFamilyOptions family_options(Family family) {
    static std::shared_ptr<rocksdb::Cache> const cache =
        rocksdb::NewLRUCache(cache_size, /*num_shard_bits=*/0);
    rocksdb::BlockBasedTableOptions table;
    table.block_cache = cache;
    table.cache_index_and_filter_blocks = true;
    table.checksum = rocksdb::kXXH3;
    rocksdb::ColumnFamilyOptions out;
    out.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
    out.write_buffer_size = family == Family::entries ? entries_buffer : small_buffer;
    out.max_write_buffer_number = 2;
    out.arena_block_size = arena_block;
    out.num_levels = 4;
    out.target_file_size_base = 8 << 20;
    out.max_bytes_for_level_base = 32 << 20;
    out.compression = rocksdb::kLZ4Compression;
    return out;
}

bool is_database(fs::path const& directory) {
    std::error_code error;
    return std::ranges::any_of(fs::directory_iterator(directory, error), [](auto const& file) {
        std::string const name = file.path().filename().string();
        return name == "SYNCED" || name.starts_with("MANIFEST-") || name.ends_with(".sst");
    });
}

std::unexpected<Trouble> not_there(std::string const& directory) {
    std::error_code error;
    if (is_database(directory)) {
        return damaged(directory, "CURRENT is missing");
    }
    if (fs::exists(directory, error) && !fs::is_empty(directory, error)) {
        return std::unexpected(
            Trouble{Problem::foreign,
                    base::concat(directory,
                                 " holds something else than the state of an agent: move it "
                                 "away and use `agent state repair`, or give another "
                                 "--state-dir")});
    }
    return std::unexpected(Trouble{
        Problem::missing,
        base::concat("the state in ", directory,
                     " is missing, though this host is a member of a fleet: put it back, or "
                     "`agent state import` an export; `agent state repair` begins with an empty "
                     "one, which other hosts of the fleet fill")});
}

// Of the name of a MANIFEST, as it stands in CURRENT; 0 of anything else.
std::uint64_t manifest_number(std::string_view name) {
    constexpr std::string_view prefix = "MANIFEST-";
    std::size_t const at = name.find(prefix);
    return at == std::string_view::npos
               ? 0
               : base::parse_integer<std::uint64_t>(base::trim(name.substr(at + prefix.size())))
                     .value_or(0);
}

// What a database lacks of what was on the disk for certain; empty if nothing.
std::string behind(Database const& database, Position const& mark) {
    std::uint64_t const last = database->GetLatestSequenceNumber();
    if (last < mark.write) {
        return base::concat("it ends at write ", last, ", but ", mark.write, " were on the disk");
    }
    fs::path const directory = database.directory();
    std::string name;
    std::ifstream(directory / "CURRENT") >> name;
    std::uint64_t const number = manifest_number(name);
    std::error_code error;
    std::uint64_t const size = fs::file_size(directory / name, error);
    bool const shorter = number == mark.manifest && (error || size < mark.manifest_size);
    return number < mark.manifest || shorter ? base::concat(name, " is shorter than it was") : "";
}

// The families that a database has.
Outcome<std::set<std::string>> families_in(std::string const& directory) {
    std::error_code error;
    if (!fs::exists(fs::path(directory) / "CURRENT", error)) {
        return not_there(directory);
    }
    std::vector<std::string> names;
    rocksdb::Options options(database_options(Database::Access::read), {});
    auto const status = rocksdb::DB::ListColumnFamilies(options, directory, &names);
    if (!status.ok()) {
        return trouble(directory, status);
    }
    return std::set<std::string>(names.begin(), names.end());
}

}  // namespace

std::unexpected<Trouble> damaged(std::string const& directory, std::string_view what) {
    return std::unexpected(
        Trouble{Problem::damaged,
                base::concat("the state in ", directory, " is damaged (", what, "): ", way_back)});
}

std::unexpected<Trouble> trouble(std::string const& directory, rocksdb::Status const& status) {
    std::string const text = status.ToString();
    auto const other = [](std::string message) {
        return std::unexpected(Trouble{Problem::other, std::move(message)});
    };
    // RocksDB has no code of its own for these.
    if (mentions(text, "lock ") && mentions(text, "LOCK")) {
        if (mentions(text, "temporarily unavailable") || mentions(text, "current process")) {
            return other(base::concat(
                "the state in ", directory,
                " is in use by another agent: stop it, or give this one a directory of its own"));
        }
    }
    if (mentions(text, "Permission denied") || mentions(text, "Read-only file system")) {
        return other(base::concat("cannot write the state in ", directory, " (", text,
                                  "): run as a user who owns the directory"));
    }
    if (status.IsNoSpace() || mentions(text, "No space left")) {
        return other(base::concat("no space left for the state in ", directory,
                                  ": free some on that disk (`df` tells how full it is, `df -i` "
                                  "whether it has files left)"));
    }
    if (status.IsCorruption() || status.IsNotSupported() || status.IsInvalidArgument() ||
        status.IsNotFound() || mentions(text, "No such file")) {
        return damaged(directory, text);
    }
    return other(base::concat("the state in ", directory, ": ", text));
}

rocksdb::DBOptions database_options(Database::Access access) {
    rocksdb::DBOptions out;
    out.create_if_missing = access == Database::Access::create;
    out.create_missing_column_families =
        access == Database::Access::create || access == Database::Access::write;
    out.db_write_buffer_size = buffers_max;
    out.max_total_wal_size = wal_max;
    out.max_manifest_file_size = 256 << 10;
    out.manifest_preallocation_size = 16 << 10;
    out.writable_file_max_buffer_size = 128 << 10;
    out.max_background_jobs = 2;
    out.max_open_files = 64;
    // Writes that were not synced reach the disk in any order, so the log ends where it first does
    // not add up. Whether that is too early is for the mark to say.
    out.wal_recovery_mode = rocksdb::WALRecoveryMode::kPointInTimeRecovery;
    if (access == Database::Access::salvage) {
        out.wal_recovery_mode = rocksdb::WALRecoveryMode::kSkipAnyCorruptedRecords;
        out.paranoid_checks = false;
    }
    out.info_log = std::make_shared<NoLog>();
    out.skip_stats_update_on_db_open = true;
    out.stats_dump_period_sec = 0;
    out.stats_persist_period_sec = 0;
    return out;
}

std::vector<rocksdb::ColumnFamilyDescriptor> family_descriptors() {
    std::vector<rocksdb::ColumnFamilyDescriptor> out;
    for (Family const family : families) {
        out.emplace_back(std::string(name_of(family)), family_options(family));
    }
    return out;
}

Database& Database::operator=(Database&& other) noexcept {
    if (this != &other) {
        close();
        directory_ = std::move(other.directory_);
        db_ = std::move(other.db_);
        handles_ = other.handles_;
    }
    return *this;
}

Database::~Database() {
    close();
}

void Database::close() {
    if (db_) {
        for (rocksdb::ColumnFamilyHandle*& handle : handles_) {
            if (handle != nullptr) {
                db_->DestroyColumnFamilyHandle(std::exchange(handle, nullptr));
            }
        }
        db_.reset();
    }
}

Outcome<Database> Database::open(std::string const& directory, Access access) {
    std::vector<rocksdb::ColumnFamilyDescriptor> wanted = family_descriptors();
    if (access == Access::read) {
        // Of a newer format there may be others; of the first there is one.
        auto const present = TRY(families_in(directory));
        std::erase_if(wanted, [&](auto const& family) { return !present.contains(family.name); });
    }
    rocksdb::DBOptions const options = database_options(access);
    std::vector<rocksdb::ColumnFamilyHandle*> handles;
    rocksdb::DB* opened = nullptr;
    auto const status =
        access == Access::read
            ? rocksdb::DB::OpenForReadOnly(options, directory, wanted, &handles, &opened)
            : rocksdb::DB::Open(options, directory, wanted, &handles, &opened);
    if (!status.ok()) {
        return trouble(directory, status);
    }
    Database out;
    out.directory_ = directory;
    out.db_.reset(opened);
    for (rocksdb::ColumnFamilyHandle* const handle : handles) {
        for (Family const family : families) {
            if (handle->GetName() == name_of(family)) {
                out.handles_[static_cast<std::size_t>(family)] = handle;
            }
        }
    }
    return out;
}

std::unique_ptr<rocksdb::Iterator> Database::iterate(Family family) const {
    rocksdb::ColumnFamilyHandle* const handle = handles_[static_cast<std::size_t>(family)];
    if (handle == nullptr) {
        return nullptr;
    }
    rocksdb::ReadOptions read;
    read.verify_checksums = true;
    read.fill_cache = false;
    std::unique_ptr<rocksdb::Iterator> at(db_->NewIterator(read, handle));
    at->SeekToFirst();
    return at;
}

Outcome<std::optional<std::uint32_t>> Database::format() const {
    std::string found;
    auto const status = db_->Get({}, slice(format_key), &found);
    if (status.IsNotFound()) {
        return std::nullopt;
    }
    if (!status.ok()) {
        return trouble(directory_, status);
    }
    auto const number = base::parse_integer<std::uint32_t>(found);
    if (!number) {
        return damaged(directory_, "its format record is not a number");
    }
    return number;
}

Position Database::position() const {
    std::vector<std::string> files;
    Position out{.write = db_->GetLatestSequenceNumber(), .manifest = 0, .manifest_size = 0};
    if (db_->GetLiveFiles(files, &out.manifest_size, /*flush_memtable=*/false).ok()) {
        for (std::string_view const file : files) {
            out.manifest = std::max(out.manifest, manifest_number(file));
        }
    }
    return out;
}

Outcome<Loaded> Database::read_all() const {
    std::uint32_t const in_format = TRY(format()).value_or(rocks::format);
    Loaded out;
    for (Family const family : families) {
        auto const at = iterate(family);
        for (; at && at->Valid(); at->Next()) {
            std::string_view const key = at->key().ToStringView();
            if (!read_record(in_format, family, key, at->value().ToStringView(), out)) {
                return damaged(directory_, base::concat("record ", key, " of ", name_of(family),
                                                        " cannot be read"));
            }
        }
        if (at && !at->status().ok()) {
            return trouble(directory_, at->status());
        }
    }
    return out;
}

Outcome<Inspected> inspect(std::string const& directory) {
    Database database = TRY(Database::open(directory, Database::Access::read));
    std::optional<std::uint32_t> const found = TRY(database.format());
    if (!found) {
        return std::unexpected(Trouble{
            Problem::foreign, base::concat(directory,
                                           " holds a database of something else, without a format "
                                           "record: move it away, or give another --state-dir")});
    }
    if (*found > format || *found < oldest_format) {
        return std::unexpected(
            Trouble{Problem::newer, base::concat("the state in ", directory, " has format ", *found,
                                                 ", this version knows ", oldest_format, " to ",
                                                 format, ": install the newer version again")});
    }
    if (*found > 1) {
        base::Result<Mark> const mark = Mark::open(directory);
        if (!mark) {
            return damaged(directory, mark.error().message);
        }
        if (std::string const what = behind(database, mark->position()); !what.empty()) {
            return damaged(directory, what);
        }
    }
    return Inspected{std::move(database), *found};
}

}  // namespace crdt::rocks
