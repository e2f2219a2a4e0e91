#include <algorithm>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include <catch2/catch.hpp>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "crdt/rocks_store.h"
#include "crdt/store.h"
#include "tests/contract/store_support.h"
#include "tests/sim/fake_store.h"

namespace {

namespace fs = std::filesystem;
using crdt::Batch;
using crdt::Entry;
using support::sorted;
using support::TempDir;
using support::version_of;

// A disk, and the store an agent finds on it each time it starts.
class FakeDisk {
public:
    crdt::Store& start() {
        store_.kill();
        return store_;
    }

private:
    sim::FakeStore store_;
};

class RocksDisk {
public:
    RocksDisk() { REQUIRE(crdt::make_rocks_store(directory_.path("state"))); }

    crdt::Store& start() {
        store_.reset();
        auto opened = crdt::open_rocks_store(directory_.path("state"));
        INFO((opened ? "" : opened.error().message));
        REQUIRE(opened);
        store_ = *std::move(opened);
        return *store_;
    }

private:
    TempDir directory_;
    std::unique_ptr<crdt::Store> store_;
};

}  // namespace

TEMPLATE_TEST_CASE("store: a new one is empty", "", FakeDisk, RocksDisk) {
    TestType disk;
    auto const loaded = disk.start().load();
    REQUIRE(loaded);
    CHECK(loaded->entries.empty());
    CHECK(loaded->version == crdt::VersionVector{});
    CHECK(loaded->locals.empty());
}

TEMPLATE_TEST_CASE("store: what was written is there after a restart", "", FakeDisk, RocksDisk) {
    TestType disk;
    Entry const live = crdt::first_write("service/shop/web", "spec", 1, 1);
    Entry dead = crdt::first_write("service/shop/db", "", 1, 2);
    dead.value.reset();
    Entry const empty = crdt::first_write("", "", 2, 1);
    crdt::VersionVector version = version_of(1, 2);
    version.raise(crdt::node(2), 1);
    base::Bytes const local{std::byte{0}, std::byte{255}};
    REQUIRE(disk.start().write({.entries = {live, dead, empty},
                                .version = version,
                                .locals = {{"incarnation", local}, {"", base::Bytes()}}}));
    auto const loaded = disk.start().load();
    REQUIRE(loaded);
    CHECK(sorted(loaded->entries) == sorted({live, dead, empty}));
    CHECK(loaded->version == version);
    CHECK(loaded->locals == std::map<std::string, base::Bytes>{{"incarnation", local}, {"", {}}});
}

TEMPLATE_TEST_CASE("store: a later batch replaces what it names and keeps the rest", "", FakeDisk,
                   RocksDisk) {
    TestType disk;
    auto& store = disk.start();
    Entry const kept = crdt::first_write("a", "1", 1, 1);
    Entry const old = crdt::first_write("b", "1", 1, 2);
    Entry fresh = old;
    fresh.value = base::to_bytes("2");
    fresh.replaced = old.stamp;
    fresh.stamp.counter = 2;
    fresh.dot.sequence = 3;
    REQUIRE(store.write({.entries = {kept, old},
                         .version = version_of(1, 2),
                         .locals = {{"x", base::to_bytes("1")}, {"y", base::to_bytes("1")}}}));
    REQUIRE(store.write(
        {.entries = {fresh}, .version = version_of(1, 3), .locals = {{"x", base::to_bytes("2")}}}));
    for (bool const restarted : {false, true}) {
        auto const loaded = (restarted ? disk.start() : store).load();
        REQUIRE(loaded);
        CHECK(sorted(loaded->entries) == std::vector{kept, fresh});
        CHECK(loaded->version == version_of(1, 3));
        CHECK(base::as_text(loaded->locals.at("x")) == "2");
        CHECK(base::as_text(loaded->locals.at("y")) == "1");
    }
}

TEMPLATE_TEST_CASE("store: the names of locals and keys of entries do not meet", "", FakeDisk,
                   RocksDisk) {
    TestType disk;
    for (auto const* const name : {"format", "version", "m/format", "m/version", "/format"}) {
        auto& store = disk.start();
        REQUIRE(store.write({.entries = {crdt::first_write(name, "entry", 1, 1)},
                             .version = version_of(1, 1),
                             .locals = {{name, base::to_bytes("local")}}}));
    }
    auto const loaded = disk.start().load();
    REQUIRE(loaded);
    CHECK(loaded->entries.size() == 5);
    CHECK(loaded->locals.size() == 5);
}

TEMPLATE_TEST_CASE("store: a large state and the largest entry", "", FakeDisk, RocksDisk) {
    TestType disk;
    auto& store = disk.start();
    std::string const value(crdt::value_max, 'v');
    Batch batch{.entries = {}, .version = version_of(1, 3000), .locals = {}};
    for (std::uint64_t i = 1; i <= 3000; ++i) {
        batch.entries.push_back(crdt::first_write("key/" + std::to_string(i), "spec", 1, i));
    }
    batch.entries.push_back(crdt::first_write(std::string(crdt::key_max, 'k'), value, 2, 1));
    REQUIRE(store.write(batch));
    // More than a few write buffers, so that files are flushed and merged.
    for (std::uint64_t i = 1; i <= 40; ++i) {
        REQUIRE(store.write({.entries = {crdt::first_write("big", value, 3, i)},
                             .version = version_of(1, 3000 + i),
                             .locals = {}}));
    }
    auto const loaded = disk.start().load();
    REQUIRE(loaded);
    CHECK(loaded->entries.size() == 3002);
    CHECK(loaded->version == version_of(1, 3040));
}

TEMPLATE_TEST_CASE("store: a map comes back as it was, and its next dot is a new one", "", FakeDisk,
                   RocksDisk) {
    TestType disk;
    crdt::Map map(crdt::node(1));
    base::Prng prng(11);
    auto& store = disk.start();
    for (int i = 0; i < 30; ++i) {
        auto const entries = crdt::random_write(map, prng);
        REQUIRE(store.write({.entries = entries, .version = map.version(), .locals = {}}));
    }
    auto const loaded = disk.start().load();
    REQUIRE(loaded);
    crdt::Map again(crdt::node(1));
    for (Entry const& entry : loaded->entries) {
        REQUIRE(again.merge(entry));
    }
    again.raise(loaded->version);
    CHECK(again.canonical() == map.canonical());
    CHECK(again.version() == map.version());
    CHECK(crdt::put(again, "x", "y").dot == crdt::put(map, "x", "y").dot);
}

TEMPLATE_TEST_CASE("store: an observation outlives the process", "", FakeDisk, RocksDisk) {
    TestType disk;
    Entry const seen =
        crdt::first_write("instance/" + to_string(crdt::node(1)) + "/shop/web/1", "healthy", 1, 1);
    Batch const batch{.entries = {seen},
                      .version = version_of(1, 1),
                      .locals = {},
                      .durability = crdt::Durability::soon};
    REQUIRE(disk.start().write(batch));
    auto const loaded = disk.start().load();
    REQUIRE(loaded);
    CHECK(loaded->entries == std::vector{seen});
    CHECK(loaded->version == version_of(1, 1));
}

TEMPLATE_TEST_CASE("store: the version is the last one given, whole", "", FakeDisk, RocksDisk) {
    TestType disk;
    auto& store = disk.start();
    crdt::VersionVector first = version_of(1, 5);
    first.raise(crdt::node(2), 7);
    first.raise(crdt::node(3), 9);
    REQUIRE(store.write({.entries = {}, .version = first, .locals = {}}));
    crdt::VersionVector last = version_of(1, 4);
    last.raise(crdt::node(3), 10);
    REQUIRE(disk.start().write({.entries = {}, .version = last, .locals = {}}));
    CHECK(disk.start().load()->version == last);
}

TEST_CASE("fake store: writes fail when told to") {
    sim::FakeStore store;
    store.fail_writes("disk full");
    CHECK(store
              .write({.entries = {crdt::first_write("c", "x", 1, 3)},
                      .version = version_of(1, 3),
                      .locals = {}})
              .error()
              .message == "disk full");
    CHECK(store.load()->entries.empty());
}

namespace {

std::string open_error(std::string const& directory) {
    auto const opened = crdt::open_rocks_store(directory);
    if (opened) {
        auto const loaded = (*opened)->load();
        return loaded ? "opened" : loaded.error().message;
    }
    return opened.error().message;
}

}  // namespace

TEST_CASE("rocks store: a second opener is told that it is in use") {
    TempDir directory;
    REQUIRE(crdt::make_rocks_store(directory.path("state")));
    auto const first = crdt::open_rocks_store(directory.path("state"));
    REQUIRE(first);
    CHECK_THAT(open_error(directory.path("state")), Catch::Contains("in use by another agent"));
}

TEST_CASE("rocks store: a path that cannot be a directory") {
    TempDir directory;
    std::ofstream(directory.path("file")) << "x";
    auto const made = crdt::make_rocks_store(directory.path("file/state"));
    REQUIRE_FALSE(made);
    CHECK_THAT(made.error().message, Catch::Contains("cannot make the state directory"));
}

TEST_CASE("rocks store: a write that failed can be made again when the disk has room") {
    TempDir directory;
    REQUIRE(crdt::make_rocks_store(directory.path("state")));
    auto const store = crdt::open_rocks_store(directory.path("state"));
    REQUIRE(store);
    auto const batch = [](std::uint64_t sequence, std::size_t size) {
        return Batch{.entries = {crdt::first_write(std::to_string(sequence), std::string(size, 'v'),
                                                   1, sequence)},
                     .version = version_of(1, sequence),
                     .locals = {}};
    };
    REQUIRE((*store)->write(batch(1, 10)));
    rlimit before{};
    REQUIRE(::getrlimit(RLIMIT_FSIZE, &before) == 0);
    auto* const handler = ::signal(SIGXFSZ, SIG_IGN);
    rlimit const small{.rlim_cur = 50'000, .rlim_max = before.rlim_max};
    REQUIRE(::setrlimit(RLIMIT_FSIZE, &small) == 0);
    bool const too_much = (*store)->write(batch(2, 100'000)).has_value();
    REQUIRE(::setrlimit(RLIMIT_FSIZE, &before) == 0);
    ::signal(SIGXFSZ, handler);
    CHECK_FALSE(too_much);
    REQUIRE((*store)->write(batch(3, 100'000)));
    auto const loaded = (*store)->load();
    REQUIRE(loaded);
    CHECK(loaded->version == version_of(1, 3));
    CHECK(std::ranges::count(loaded->entries, "1", &Entry::key) == 1);
    CHECK(std::ranges::count(loaded->entries, "3", &Entry::key) == 1);
}
