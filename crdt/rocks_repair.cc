#include <algorithm>
#include <filesystem>
#include <map>
#include <set>
#include <string_view>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <rocksdb/sst_file_reader.h>
#include <stdio.h>

#include "base/text.h"
#include "crdt/rocks_database.h"
#include "crdt/rocks_mark.h"
#include "crdt/rocks_store.h"

namespace crdt {
namespace {

namespace fs = std::filesystem;
using rocks::Database;
using rocks::Family;
using rocks::Outcome;
using rocks::Problem;

constexpr unsigned old_directories_max = 1000;

// What was read so far. Of an entry that is met more than once the one with the larger stamp is
// kept, as in the map.
class Salvage {
public:
    explicit Salvage(std::uint32_t in_format) : format_(in_format) {}

    // From the first record until one cannot be read, then from the last one backwards. False if
    // there was such a gap.
    bool read(Family family, rocksdb::Iterator& at) {
        std::string last;
        bool any = false;
        for (at.SeekToFirst(); at.Valid(); at.Next()) {
            last = at.key().ToString();
            any = true;
            take(family, at);
        }
        if (at.status().ok()) {
            return true;
        }
        for (at.SeekToLast(); at.Valid() && !(any && at.key().ToStringView() <= last); at.Prev()) {
            take(family, at);
        }
        return false;
    }

    [[nodiscard]] std::size_t unreadable() const { return unreadable_; }

    [[nodiscard]] Loaded take_all() {
        Loaded out{.entries = {}, .version = std::move(found_.version), .locals = {}};
        for (auto& [key, entry] : entries_) {
            out.entries.push_back(std::move(entry));
        }
        out.locals = std::move(found_.locals);
        return out;
    }

private:
    void take(Family family, rocksdb::Iterator const& at) {
        if (!rocks::read_record(format_, family, at.key().ToStringView(), at.value().ToStringView(),
                                found_)) {
            ++unreadable_;
        }
        for (Entry& entry : found_.entries) {
            auto const [held, fresh] = entries_.try_emplace(entry.key, entry);
            if (!fresh && held->second.stamp < entry.stamp) {
                held->second = std::move(entry);
            }
        }
        found_.entries.clear();
    }

    std::uint32_t format_;
    Loaded found_;  // no entries
    std::map<std::string, Entry> entries_;
    std::size_t unreadable_ = 0;
};

base::Result<void> copy_files(std::string const& from, std::string const& to) {
    std::error_code error;
    fs::remove_all(to, error);
    fs::create_directories(to, error);
    for (auto const& file : fs::directory_iterator(from, error)) {
        if (!error && file.is_regular_file(error)) {
            fs::copy_file(file.path(), fs::path(to) / file.path().filename(), error);
        }
        if (error) {
            break;
        }
    }
    if (error) {
        fs::remove_all(to);
        return base::fail(base::concat("cannot copy ", from, " to ", to, ": ", error.message(),
                                       ": a repair needs as much space again as the state"));
    }
    return {};
}

// Opens a copy with whatever helps: without what cannot be read, else after RocksDB's own repair.
Outcome<Database> open_anyhow(std::string const& copy) {
    Outcome<Database> opened = Database::open(copy, Database::Access::salvage);
    if (!opened) {
        auto const status = rocksdb::RepairDB(
            copy, rocks::database_options(Database::Access::salvage), rocks::family_descriptors());
        if (!status.ok()) {
            return rocks::trouble(copy, status);
        }
        opened = Database::open(copy, Database::Access::salvage);
    }
    return opened;
}

// Reads one table file by itself. False if a part of it cannot be read.
bool read_table(fs::path const& file, Salvage& salvage) {
    rocksdb::SstFileReader reader(
        rocksdb::Options(rocks::database_options(Database::Access::salvage), {}));
    if (!reader.Open(file.string()).ok() || !reader.GetTableProperties()) {
        return false;
    }
    std::string const name = reader.GetTableProperties()->column_family_name;
    auto const family = std::ranges::find(rocks::families, name, rocks::name_of);
    rocksdb::ReadOptions read;
    read.verify_checksums = true;
    std::unique_ptr<rocksdb::Iterator> const at(reader.NewIterator(read));
    return family != rocks::families.end() && salvage.read(*family, *at);
}

// The names of the tables that an open database consists of.
std::set<std::string> tables_of(Database const& database) {
    std::vector<rocksdb::LiveFileMetaData> files;
    database->GetLiveFilesMetaData(&files);
    std::set<std::string> names;
    for (rocksdb::LiveFileMetaData const& file : files) {
        names.insert(fs::path(file.name).filename().string());
    }
    return names;
}

struct Found {
    Loaded kept;
    std::vector<std::string> lost;
};

// Everything that can be read of a damaged database. Uses a copy, which it removes.
base::Result<Found> salvage_from(std::string const& directory) {
    std::string const copy = directory + ".copy";
    TRY_VOID(copy_files(directory, copy));
    Found out;
    std::set<std::string> whole;
    std::uint32_t in_format = rocks::format;
    std::optional<Salvage> salvage;
    if (auto const database = open_anyhow(copy)) {
        if (auto const found = database->format(); found && *found) {
            in_format = **found;
        }
        salvage.emplace(in_format);
        bool read = true;
        for (Family const family : rocks::families) {
            auto const at = database->iterate(family);
            read = (!at || salvage->read(family, *at)) && read;
        }
        whole = read ? tables_of(*database) : std::set<std::string>{};
    } else {
        salvage.emplace(in_format);
        out.lost.push_back("the write-ahead log cannot be read: the last changes are missing");
    }
    std::error_code error;
    // Tables that the database did not find, or not in one piece. Those it read whole must not be
    // read again one by one, for a newer one can delete what stands in an older.
    for (auto const& file : fs::directory_iterator(directory, error)) {
        std::string const name = file.path().filename().string();
        if (name.ends_with(".sst") && !whole.contains(name) && !read_table(file.path(), *salvage)) {
            out.lost.push_back(base::concat("a part of ", name, " cannot be read"));
        }
    }
    fs::remove_all(copy, error);
    if (salvage->unreadable() > 0) {
        out.lost.push_back(base::concat(salvage->unreadable(), " records have no meaning"));
    }
    out.kept = salvage->take_all();
    return out;
}

// `directory`.damaged-N, the first that is free.
std::string free_name(std::string const& directory) {
    std::error_code error;
    for (unsigned number = 1; number <= old_directories_max; ++number) {
        std::string name = base::concat(directory, ".damaged-", number);
        if (!fs::exists(name, error)) {
            return name;
        }
    }
    return base::concat(directory, ".damaged");
}

// Puts `fresh` in the place of `directory`, whose content then is at `old`, in one step where the
// file system can do that.
base::Result<void> replace(std::string const& directory, std::string const& fresh,
                           std::string const& old) {
    std::error_code error;
    if (::renameat2(AT_FDCWD, directory.c_str(), AT_FDCWD, fresh.c_str(), RENAME_EXCHANGE) == 0) {
        fs::rename(fresh, old, error);
    } else {
        fs::rename(directory, old, error);
        if (!error) {
            fs::rename(fresh, directory, error);
        }
    }
    if (error) {
        return base::fail(
            base::concat("cannot move ", directory, " to ", old, ": ", error.message()));
    }
    return rocks::sync_directory(fs::path(directory).parent_path().string());
}

}  // namespace

base::Result<Repaired> repair_rocks_store(std::string const& directory,
                                          std::string const& loss_mark) {
    auto const sound = read_rocks_store(directory);
    if (sound) {
        return Repaired{.kept = *sound, .old_directory = {}, .lost = {}};
    }
    auto const inspected = rocks::inspect(directory);
    Problem const problem = inspected ? Problem::damaged : inspected.error().problem;
    if (problem == Problem::missing) {
        Loaded found_nothing;
        found_nothing.locals.emplace(loss_mark, base::Bytes());
        TRY_VOID(make_rocks_store(directory, rocks::content_of(found_nothing)));
        return Repaired{.kept = {}, .old_directory = {}, .lost = {sound.error().message}};
    }
    if (problem != Problem::damaged) {
        return std::unexpected(sound.error());
    }
    Found found = TRY(salvage_from(directory));
    found.lost.insert(found.lost.begin(), sound.error().message);
    // It would claim that what is lost is here, and nobody would offer it again.
    found.kept.version = {};
    found.kept.locals.insert_or_assign(loss_mark, base::Bytes());
    std::string const fresh = directory + ".repaired";
    std::error_code error;
    fs::remove_all(fresh, error);
    TRY_VOID(make_rocks_store(fresh, rocks::content_of(found.kept)));
    std::string const old = free_name(directory);
    TRY_VOID(replace(directory, fresh, old));
    return Repaired{std::move(found.kept), old, std::move(found.lost)};
}

}  // namespace crdt
