// What open_rocks_store() does with directories that are not as it left them.
#include <fstream>
#include <memory>

#include <catch2/catch.hpp>
#include <rocksdb/db.h>

#include "crdt/codec.h"
#include "crdt/rocks_store.h"
#include "tests/contract/store_support.h"

namespace {

namespace fs = std::filesystem;
using crdt::Batch;
using crdt::Entry;
using support::sorted;
using support::TempDir;
using support::version_of;

std::string open_error(std::string const& directory) {
    auto const opened = crdt::open_rocks_store(directory);
    return opened ? "opened" : opened.error().message;
}

// A database as RocksDB makes it, with these records in its default family.
class RawDatabase {
public:
    explicit RawDatabase(std::string const& directory) {
        rocksdb::Options options;
        options.create_if_missing = true;
        rocksdb::DB* opened = nullptr;
        REQUIRE(rocksdb::DB::Open(options, directory, &opened).ok());
        db_.reset(opened);
    }

    void put(std::string const& key, base::ByteView value) {
        std::string_view const text = base::as_text(value);
        REQUIRE(db_->Put({}, key, rocksdb::Slice(text.data(), text.size())).ok());
    }

    void put(std::string const& key, std::string_view value) { put(key, base::as_bytes(value)); }

    void add_family(std::string const& name) {
        rocksdb::ColumnFamilyHandle* made = nullptr;
        REQUIRE(db_->CreateColumnFamily({}, name, &made).ok());
        REQUIRE(db_->DestroyColumnFamilyHandle(made).ok());
    }

private:
    std::unique_ptr<rocksdb::DB> db_;
};

// As the first version of the store wrote it.
void write_format_1(std::string const& directory, crdt::Loaded const& content) {
    RawDatabase raw(directory);
    raw.put("m/format", "1");
    for (Entry const& entry : content.entries) {
        raw.put("e" + entry.key, crdt::encode(entry));
    }
    for (auto const& [name, value] : content.locals) {
        raw.put("l" + name, value);
    }
    base::ByteWriter version;
    crdt::encode(content.version, version);
    raw.put("m/version", version.view());
}

crdt::Loaded sample() {
    Entry dead = crdt::first_write("service/shop/db", "", 1, 2);
    dead.value.reset();
    crdt::VersionVector version = version_of(1, 2);
    version.raise(crdt::node(2), 1);
    return {.entries = {crdt::first_write("service/shop/web", "spec", 1, 1), dead,
                        crdt::first_write("", "", 2, 1)},
            .version = version,
            .locals = {{"roster", base::to_bytes("r")}, {"", {}}}};
}

}  // namespace

TEST_CASE("rocks store: one of the first format is brought to the present one") {
    TempDir directory;
    write_format_1(directory.path("state"), sample());
    // The second time it is of the present format.
    for (int time = 0; time < 2; ++time) {
        auto const store = crdt::open_rocks_store(directory.path("state"));
        INFO((store ? "" : store.error().message));
        REQUIRE(store);
        auto const loaded = (*store)->load();
        REQUIRE(loaded);
        CHECK(sorted(loaded->entries) == sorted(sample().entries));
        CHECK(loaded->version == sample().version);
        CHECK(loaded->locals == sample().locals);
    }
}

TEST_CASE("rocks store: one of the first format can be read without being changed") {
    TempDir directory;
    write_format_1(directory.path("state"), sample());
    auto const read = crdt::read_rocks_store(directory.path("state"));
    REQUIRE(read);
    CHECK(sorted(read->entries) == sorted(sample().entries));
    CHECK(read->version == sample().version);
    CHECK_FALSE(fs::exists(directory.path("state") + "/SYNCED"));
}

TEST_CASE("rocks store: the format mark is what every version can read") {
    TempDir directory;
    REQUIRE(crdt::make_rocks_store(directory.path("state")));
    rocksdb::DB* opened = nullptr;
    REQUIRE(rocksdb::DB::OpenForReadOnly({}, directory.path("state"), &opened).ok());
    std::unique_ptr<rocksdb::DB> const raw(opened);
    std::string format;
    REQUIRE(raw->Get({}, "m/format", &format).ok());
    CHECK(format == "2");
}

TEST_CASE("rocks store: a newer format is refused by its number and left as it is") {
    TempDir directory;
    {
        RawDatabase raw(directory.path("state"));
        raw.put("m/format", "3");
        raw.put("x", "of another kind");
        raw.add_family("of the future");
    }
    auto const expected = "the state in " + directory.path("state") +
                          " has format 3, this version knows 1 to 2: install the newer version "
                          "again";
    CHECK(open_error(directory.path("state")) == expected);
    CHECK(crdt::read_rocks_store(directory.path("state")).error().message == expected);
    CHECK(crdt::repair_rocks_store(directory.path("state"), "loss").error().message == expected);
    CHECK_FALSE(crdt::make_rocks_store(directory.path("state")));
}

TEST_CASE("rocks store: a database of something else is refused, also by repair") {
    TempDir directory;
    RawDatabase(directory.path("state")).put("their", "data");
    CHECK_THAT(open_error(directory.path("state")),
               Catch::Contains("a database of something else"));
    CHECK_FALSE(crdt::repair_rocks_store(directory.path("state"), "loss"));
    fs::create_directory(directory.path("other"));
    std::ofstream(directory.path("other/photo.jpg")) << "x";
    std::string const other = directory.path("other");
    CHECK_THAT(open_error(other), Catch::Contains("holds something else"));
    CHECK_FALSE(crdt::repair_rocks_store(other, "loss"));
    CHECK_FALSE(crdt::make_rocks_store(other));
    CHECK(fs::exists(directory.path("other/photo.jpg")));
}

TEST_CASE("rocks store: a state that is missing is never begun anew in silence") {
    TempDir directory;
    CHECK_THAT(open_error(directory.path("state")),
               Catch::Contains("is missing") && Catch::Contains("agent state import"));
    CHECK_FALSE(fs::exists(directory.path("state")));
    fs::create_directory(directory.path("state"));
    CHECK_THAT(open_error(directory.path("state")), Catch::Contains("is missing"));
    // Only when asked to.
    auto const repaired = crdt::repair_rocks_store(directory.path("state"), "loss");
    REQUIRE(repaired);
    CHECK(repaired->lost.size() == 1);
    CHECK(repaired->kept.entries.empty());
    CHECK(open_error(directory.path("state")) == "opened");
}

TEST_CASE("rocks store: what is made with content is there whole, and never over another") {
    TempDir directory;
    REQUIRE(crdt::make_rocks_store(directory.path("state")));
    // An empty one may be replaced: a join that is tried again finds it.
    REQUIRE(crdt::make_rocks_store(directory.path("state"), support::batch_of(sample())));
    auto const read = crdt::read_rocks_store(directory.path("state"));
    REQUIRE(read);
    CHECK(sorted(read->entries) == sorted(sample().entries));
    CHECK(read->locals == sample().locals);
    CHECK(read->version == sample().version);
    auto const again = crdt::make_rocks_store(directory.path("state"));
    REQUIRE_FALSE(again);
    CHECK_THAT(again.error().message, Catch::Contains("holds a state already"));
    CHECK(crdt::read_rocks_store(directory.path("state"))->entries.size() == 3);
}
