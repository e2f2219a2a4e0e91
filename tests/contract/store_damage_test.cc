// Every file of a database damaged in many places, one at a time: it opens with everything that
// was synced, or says what is wrong, and then a repair brings back what can be read.
#include <fstream>
#include <map>

#include <catch2/catch.hpp>

#include "base/random.h"
#include "crdt/rocks_store.h"
#include "tests/contract/store_support.h"

namespace {

namespace fs = std::filesystem;
using crdt::Entry;
using support::TempDir;
using support::version_of;

constexpr int flips = 10;
constexpr int cuts = 6;
constexpr int in_tables = 60;
constexpr int in_log = 20;

using Entries = std::map<std::string, Entry>;

Entries by_key(std::vector<Entry> const& entries) {
    Entries out;
    for (Entry const& entry : entries) {
        out.emplace(entry.key, entry);
    }
    return out;
}

// Hundreds of databases are made: in memory, where nothing waits for a disk.
bool const in_memory = fs::exists("/dev/shm") && ::setenv("TMPDIR", "/dev/shm", 0) == 0;

// A closed database with `in_tables` entries in tables and `in_log` in the log, all synced.
class Sample {
public:
    Sample() {
        base::Prng prng(7);
        REQUIRE(crdt::make_rocks_store(directory()));
        for (int i = 1; i <= in_tables + in_log; ++i) {
            // What the log holds goes into a table when the database is opened again.
            if (!store_ || i == in_tables / 2 + 1 || i == in_tables + 1) {
                store_.reset();
                store_ = *crdt::open_rocks_store(directory());
            }
            auto const number = static_cast<std::uint64_t>(i);
            std::string value(600, ' ');
            for (char& letter : value) {
                letter = static_cast<char>(prng.below(256));
            }
            Entry const entry =
                crdt::first_write("service/shop/" + std::to_string(i), value, 1, number);
            REQUIRE(store_->write({.entries = {entry},
                                   .version = version_of(1, number),
                                   .locals = {{"count", base::to_bytes(std::to_string(i))}}}));
            entries_.emplace(entry.key, entry);
        }
        store_.reset();
    }

    [[nodiscard]] std::string directory() const { return directory_.path("state"); }

    [[nodiscard]] Entries const& entries() const { return entries_; }

    [[nodiscard]] std::vector<std::string> files() const {
        std::vector<std::string> names;
        for (auto const& file : fs::directory_iterator(directory())) {
            names.push_back(file.path().filename().string());
        }
        std::ranges::sort(names);
        return names;
    }

private:
    TempDir directory_;
    std::unique_ptr<crdt::Store> store_;
    Entries entries_;
};

struct Tally {
    int opened = 0;
    int repaired = 0;
    std::size_t least_kept = std::size_t{1} << 20;
};

// What must be true of a copy of the sample after one of its files was damaged.
void judge(Sample const& sample, std::string const& directory, Tally& tally) {
    auto const loaded = [&]() -> base::Result<crdt::Loaded> {
        auto const opened = crdt::open_rocks_store(directory);
        return opened ? (*opened)->load() : std::unexpected(opened.error());
    }();
    if (loaded) {
        ++tally.opened;
        CHECK(by_key(loaded->entries) == sample.entries());
        CHECK(loaded->version == version_of(1, in_tables + in_log));
        CHECK(base::as_text(loaded->locals.at("count")) == std::to_string(in_tables + in_log));
        return;
    }
    CHECK_THAT(loaded.error().message,
               Catch::Contains(directory) && Catch::Contains("agent state repair"));
    auto const repaired = crdt::repair_rocks_store(directory, "loss");
    INFO((repaired ? "" : repaired.error().message));
    REQUIRE(repaired);
    ++tally.repaired;
    CHECK_FALSE(repaired->lost.empty());
    CHECK(fs::exists(repaired->old_directory));
    for (Entry const& entry : repaired->kept.entries) {
        CHECK(entry == sample.entries().at(entry.key));
    }
    tally.least_kept = std::min(tally.least_kept, repaired->kept.entries.size());
    auto const again = crdt::open_rocks_store(directory);
    REQUIRE(again);
    auto const kept = (*again)->load();
    REQUIRE(kept);
    CHECK(by_key(kept->entries) == by_key(repaired->kept.entries));
    CHECK(kept->version == crdt::VersionVector{});
}

class Damage {
public:
    Damage(Sample const& sample, std::string const& file, Tally& tally)
        : sample_(sample), file_(file), tally_(tally) {}

    template <class Change>
    void apply(std::string const& what, Change const& change) {
        TempDir copy;
        fs::copy(sample_.directory(), copy.path("state"));
        change(fs::path(copy.path("state")) / file_);
        INFO(file_ << ": " << what);
        judge(sample_, copy.path("state"), tally_);
    }

private:
    Sample const& sample_;
    std::string file_;
    Tally& tally_;
};

Tally damage_all(Sample const& sample, std::string const& file, base::Prng& prng) {
    Tally tally;
    Damage damage(sample, file, tally);
    std::uint64_t const size = fs::file_size(fs::path(sample.directory()) / file);
    damage.apply("deleted", [](fs::path const& path) { fs::remove(path); });
    for (int i = 0; size > 0 && i < flips; ++i) {
        std::uint64_t const at = prng.below(size);
        auto const mask = static_cast<char>(1U << prng.below(8));
        damage.apply("bit flipped at " + std::to_string(at), [&](fs::path const& path) {
            std::fstream stream(path, std::ios::in | std::ios::out | std::ios::binary);
            stream.seekg(static_cast<std::streamoff>(at));
            char const byte = static_cast<char>(stream.get() ^ mask);
            stream.seekp(static_cast<std::streamoff>(at));
            stream.put(byte);
            REQUIRE(stream.good());
        });
    }
    for (int i = 0; size > 0 && i < cuts; ++i) {
        std::uint64_t const left = i == 0 ? 0 : prng.below(size);
        damage.apply("cut to " + std::to_string(left),
                     [&](fs::path const& path) { fs::resize_file(path, left); });
    }
    return tally;
}

}  // namespace

TEST_CASE("rocks store: no damage is passed over in silence, and repair keeps what is left") {
    INFO("in memory: " << in_memory);
    Sample const sample;
    base::Prng prng(2026);
    int judged = 0;
    int repaired = 0;
    for (std::string const& file : sample.files()) {
        Tally const tally = damage_all(sample, file, prng);
        judged += tally.opened + tally.repaired;
        repaired += tally.repaired;
        UNSCOPED_INFO(file << ": opened " << tally.opened << ", repaired " << tally.repaired
                           << ", kept at least " << tally.least_kept);
        if (tally.repaired == 0) {
            continue;
        }
        // What lies in other files is not touched by damage in this one.
        if (file.ends_with(".log")) {
            CHECK(tally.least_kept >= std::size_t{in_tables});
        } else if (file.ends_with(".sst")) {
            CHECK(tally.least_kept >= std::size_t{in_log});
        } else {
            CHECK(tally.least_kept == std::size_t{in_tables + in_log});
        }
    }
    CHECK(judged >= 100);
    CHECK(repaired >= 30);
}

TEST_CASE("rocks store: repair leaves a sound state alone") {
    Sample const sample;
    auto const repaired = crdt::repair_rocks_store(sample.directory(), "loss");
    REQUIRE(repaired);
    CHECK(repaired->lost.empty());
    CHECK(repaired->old_directory.empty());
    CHECK(by_key(repaired->kept.entries) == sample.entries());
}

TEST_CASE("rocks store: a second repair keeps the first damaged one") {
    Sample const sample;
    TempDir copy;
    fs::copy(sample.directory(), copy.path("state"));
    for (char const* const number : {"1", "2"}) {
        fs::remove(fs::path(copy.path("state")) / "CURRENT");
        auto const repaired = crdt::repair_rocks_store(copy.path("state"), "loss");
        REQUIRE(repaired);
        CHECK(repaired->old_directory == copy.path("state") + ".damaged-" + number);
        CHECK(by_key(repaired->kept.entries) == sample.entries());
    }
    CHECK_FALSE(fs::exists(copy.path("state") + ".copy"));
    CHECK_FALSE(fs::exists(copy.path("state") + ".repaired"));
}
