// A disk that is really full: reads go on, writes are refused with the reason, and are taken again
// when there is room, without opening the store again.
#include <catch2/catch.hpp>

#include "crdt/rocks_store.h"
#include "tests/contract/mounted.h"
#include "tests/contract/store_support.h"

namespace {

using crdt::Batch;
using support::TempDir;
using support::Tmpfs;
using support::version_of;

Batch batch(std::uint64_t sequence) {
    std::string value(20'000, 'v');
    base::Prng prng(sequence);
    for (char& letter : value) {
        letter = static_cast<char>(prng.below(256));
    }
    return {.entries = {crdt::first_write("k" + std::to_string(sequence), value, 1, sequence)},
            .version = version_of(1, sequence),
            .locals = {}};
}

// Writes until one is refused; the number of those that were not, or 0 if none was refused.
std::uint64_t write_until_refused(crdt::Store& store, std::string& reason) {
    for (std::uint64_t sequence = 1; sequence <= 1000; ++sequence) {
        if (auto const written = store.write(batch(sequence)); !written) {
            reason = written.error().message;
            return sequence - 1;
        }
    }
    return 0;
}

void check_recovery(Tmpfs const& disk, std::uint64_t held, crdt::Store& store) {
    for (int again = 0; again < 3; ++again) {
        auto const refused = store.write(batch(held + 1));
        REQUIRE_FALSE(refused);
        CHECK_THAT(refused.error().message, Catch::Contains("no space left"));
    }
    auto const meanwhile = store.load();
    REQUIRE(meanwhile);
    CHECK(meanwhile->entries.size() == held);
    CHECK(meanwhile->version == version_of(1, held));
    disk.release();
    for (std::uint64_t sequence = held + 1; sequence <= held + 40; ++sequence) {
        auto const written = store.write(batch(sequence));
        INFO((written ? "" : written.error().message));
        REQUIRE(written);
    }
    CHECK(store.load()->entries.size() == held + 40);
}

}  // namespace

TEST_CASE("rocks store: a full disk refuses writes until there is room") {
    if (!support::can_mount()) {
        return;
    }
    TempDir directory;
    Tmpfs const disk(directory.path("disk"), "size=16m");
    std::string const state = disk.directory() + "/state";
    REQUIRE(crdt::make_rocks_store(state));
    auto store = crdt::open_rocks_store(state);
    REQUIRE(store);
    disk.fill(400'000);
    std::string reason;
    std::uint64_t const held = write_until_refused(**store, reason);
    REQUIRE(held > 0);
    CHECK_THAT(reason, Catch::Contains("no space left") && Catch::Contains(state));
    check_recovery(disk, held, **store);
    store->reset();
    auto const read = crdt::read_rocks_store(state);
    INFO((read ? "" : read.error().message));
    REQUIRE(read);
    CHECK(read->entries.size() == held + 40);
}

TEST_CASE("rocks store: a disk without inodes refuses writes until there are some") {
    if (!support::can_mount()) {
        return;
    }
    TempDir directory;
    Tmpfs const disk(directory.path("disk"), "size=64m,nr_inodes=60");
    std::string const state = disk.directory() + "/state";
    REQUIRE(crdt::make_rocks_store(state));
    auto store = crdt::open_rocks_store(state);
    REQUIRE(store);
    disk.fill_inodes();
    // The log has room; what is needed sooner or later is a new file.
    std::string reason;
    std::uint64_t const held = write_until_refused(**store, reason);
    REQUIRE(held > 0);
    CHECK_THAT(reason, Catch::Contains("df -i"));
    check_recovery(disk, held, **store);
    store->reset();
    auto const read = crdt::read_rocks_store(state);
    REQUIRE(read);
    CHECK(read->entries.size() == held + 40);
}

TEST_CASE("rocks store: a full disk at the start is named, and nothing is lost") {
    if (!support::can_mount()) {
        return;
    }
    TempDir directory;
    Tmpfs const disk(directory.path("disk"), "size=16m");
    std::string const state = disk.directory() + "/state";
    REQUIRE(crdt::make_rocks_store(state, batch(1)));
    disk.fill();
    auto const opened = crdt::open_rocks_store(state);
    REQUIRE_FALSE(opened);
    CHECK_THAT(opened.error().message, Catch::Contains("no space left"));
    CHECK(crdt::read_rocks_store(state)->entries.size() == 1);
    disk.release();
    REQUIRE(crdt::open_rocks_store(state));
    CHECK(crdt::read_rocks_store(state)->entries.size() == 1);
}
