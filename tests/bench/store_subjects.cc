#include "tests/bench/store_subjects.h"

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <utility>

#include <fcntl.h>
#include <sched.h>
#include <sqlite3.h>
#include <sys/mount.h>
#include <unistd.h>

#include "base/check.h"
#include "base/descriptor.h"
#include "base/text.h"
#include "crdt/codec.h"
#include "crdt/rocks_store.h"

namespace bench {

namespace fs = std::filesystem;

namespace {

void run(std::string const& command) {
    CHECK(std::system((command + " >/dev/null 2>&1").c_str()) == 0);
}

class CoveySubject final : public Subject {
public:
    explicit CoveySubject(std::string const& directory) {
        if (!fs::exists(directory)) {
            CHECK(crdt::make_rocks_store(directory).has_value());
        }
        auto opened = crdt::open_rocks_store(directory);
        CHECK(opened.has_value());
        store_ = *std::move(opened);
    }

    void write(crdt::Batch const& batch) override { CHECK(store_->write(batch).has_value()); }

    std::size_t read() override { return store_->load()->entries.size(); }

private:
    std::unique_ptr<crdt::Store> store_;
};

class PlainFile final : public Subject {
public:
    explicit PlainFile(std::string const& directory) {
        fs::create_directories(directory);
        path_ = directory + "/log";
        file_ = base::Descriptor(::open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600));
        CHECK(static_cast<bool>(file_));
    }

    void write(crdt::Batch const& batch) override {
        base::ByteWriter out;
        for (crdt::Entry const& entry : batch.entries) {
            crdt::encode(entry, out);
        }
        CHECK(::write(file_.get(), out.view().data(), out.size()) ==
              static_cast<ssize_t>(out.size()));
        CHECK(::fdatasync(file_.get()) == 0);
    }

    std::size_t read() override {
        std::ifstream file(path_, std::ios::binary);
        std::string const text{std::istreambuf_iterator<char>(file), {}};
        base::ByteReader in(base::as_bytes(text));
        std::size_t count = 0;
        while (!in.at_end() && crdt::decode_entry(in)) {
            ++count;
        }
        return count;
    }

private:
    std::string path_;
    base::Descriptor file_;
};

class Sqlite final : public Subject {
public:
    explicit Sqlite(std::string const& directory) {
        fs::create_directories(directory);
        CHECK(::sqlite3_open((directory + "/state.db").c_str(), &db_) == SQLITE_OK);
        execute("PRAGMA journal_mode=WAL");
        execute("PRAGMA synchronous=FULL");
        execute(
            "CREATE TABLE IF NOT EXISTS entries(key BLOB PRIMARY KEY, value BLOB) "
            "WITHOUT ROWID");
        CHECK(::sqlite3_prepare_v2(db_, "INSERT OR REPLACE INTO entries VALUES(?, ?)", -1, &put_,
                                   nullptr) == SQLITE_OK);
    }

    Sqlite(Sqlite const&) = delete;
    Sqlite& operator=(Sqlite const&) = delete;

    ~Sqlite() override {
        ::sqlite3_finalize(put_);
        ::sqlite3_close(db_);
    }

    void write(crdt::Batch const& batch) override {
        execute("BEGIN");
        for (crdt::Entry const& entry : batch.entries) {
            base::Bytes const value = crdt::encode(entry);
            ::sqlite3_bind_blob(put_, 1, entry.key.data(), static_cast<int>(entry.key.size()),
                                SQLITE_STATIC);
            ::sqlite3_bind_blob(put_, 2, value.data(), static_cast<int>(value.size()),
                                SQLITE_STATIC);
            CHECK(::sqlite3_step(put_) == SQLITE_DONE);
            ::sqlite3_reset(put_);
        }
        execute("COMMIT");
    }

    std::size_t read() override {
        sqlite3_stmt* all = nullptr;
        CHECK(::sqlite3_prepare_v2(db_, "SELECT value FROM entries", -1, &all, nullptr) ==
              SQLITE_OK);
        std::size_t count = 0;
        while (::sqlite3_step(all) == SQLITE_ROW) {
            auto const* const data = static_cast<std::byte const*>(::sqlite3_column_blob(all, 0));
            base::ByteReader in({data, static_cast<std::size_t>(::sqlite3_column_bytes(all, 0))});
            count += crdt::decode_entry(in) ? 1 : 0;
        }
        ::sqlite3_finalize(all);
        return count;
    }

private:
    void execute(char const* statement) {
        CHECK(::sqlite3_exec(db_, statement, nullptr, nullptr, nullptr) == SQLITE_OK);
    }

    sqlite3* db_ = nullptr;
    sqlite3_stmt* put_ = nullptr;
};

}  // namespace

std::unique_ptr<Subject> open_covey(std::string const& directory) {
    return std::make_unique<CoveySubject>(directory);
}

std::unique_ptr<Subject> open_plain_file(std::string const& directory) {
    return std::make_unique<PlainFile>(directory);
}

std::unique_ptr<Subject> open_sqlite(std::string const& directory) {
    return std::make_unique<Sqlite>(directory);
}

bool own_mounts() {
    return ::unshare(CLONE_NEWNS) == 0 &&
           ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;
}

Device::Device(std::string directory)
    : directory_(std::move(directory)), mounted_(directory_ + "/mnt") {
    fs::create_directories(mounted_);
    run(base::concat("truncate -s 256M ", directory_, "/image"));
    run(base::concat("mkfs.ext4 -q -E lazy_itable_init=0,lazy_journal_init=0 ", directory_,
                     "/image"));
    run(base::concat("mount -o loop,noatime ", directory_, "/image ", mounted_));
    std::ifstream mounts("/proc/self/mounts");
    for (std::string device, place, rest;
         mounts >> device >> place && std::getline(mounts, rest);) {
        device_ = place == mounted_ ? device.substr(device.rfind('/') + 1) : device_;
    }
    CHECK(!device_.empty());
}

Device::~Device() {
    ::umount2(mounted_.c_str(), MNT_DETACH);
    std::error_code ignored;
    fs::remove_all(directory_, ignored);
}

std::uint64_t Device::written_bytes() const {
    base::Descriptor const opened(::open(mounted_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    CHECK(::syncfs(opened.get()) == 0);
    // Documentation/block/stat.rst: the seventh field counts sectors of 512 bytes.
    std::ifstream stat(base::concat("/sys/block/", device_, "/stat"));
    std::uint64_t field = 0;
    for (int i = 0; i < 7; ++i) {
        stat >> field;
    }
    return field * 512;
}

}  // namespace bench
