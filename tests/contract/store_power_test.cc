// A power cut: what the disk has been given by then, and nothing else, is there afterwards.
#include <cstdlib>
#include <memory>

#include <catch2/catch.hpp>

#include "crdt/rocks_store.h"
#include "tests/contract/mounted.h"
#include "tests/contract/store_support.h"
#include "tests/sim/fake_store.h"

namespace {

namespace fs = std::filesystem;
using crdt::Batch;
using support::TempDir;
using support::version_of;

Batch wish(std::uint64_t sequence) {
    return {.entries = {crdt::first_write("service/shop/" + std::to_string(sequence), "spec", 1,
                                          sequence)},
            .version = version_of(1, sequence),
            .locals = {}};
}

Batch observation(std::uint64_t sequence) {
    return {.entries = {crdt::first_write(
                "instance/" + to_string(crdt::node(1)) + "/shop/web/" + std::to_string(sequence),
                "healthy", 1, sequence)},
            .version = version_of(1, sequence),
            .locals = {},
            .durability = crdt::Durability::soon};
}

class FakeDisk {
public:
    static bool available() { return true; }

    crdt::Store& store() { return store_; }

    void cut_power() { store_.crash(); }

private:
    sim::FakeStore store_;
};

void run(std::string const& command) {
    INFO(command);
    REQUIRE(std::system((command + " >/dev/null 2>&1").c_str()) == 0);
}

// An ext4 file system on a loop device. Its backing file holds what the device has been given, so
// a copy of that file, mounted, is the disk after a power cut.
class LoopDisk {
public:
    static bool available() {
        return support::can_mount() && fs::exists("/dev/loop-control") &&
               fs::exists("/usr/sbin/mkfs.ext4");
    }

    LoopDisk() {
        fs::create_directory(mounted());
        run("truncate -s 24M " + image(0));
        run("mkfs.ext4 -q " + image(0));
        mount();
        REQUIRE(crdt::make_rocks_store(mounted() + "/state"));
        open();
    }

    LoopDisk(LoopDisk const&) = delete;
    LoopDisk& operator=(LoopDisk const&) = delete;

    ~LoopDisk() {
        store_.reset();
        ::umount2(mounted().c_str(), MNT_DETACH);
    }

    crdt::Store& store() { return *store_; }

    void cut_power() {
        run("cp --sparse=always " + image(cuts_) + " " + image(cuts_ + 1));
        store_.reset();
        run("umount " + mounted());
        ++cuts_;
        mount();
        open();
    }

private:
    void mount() { run("mount -o loop,commit=600 " + image(cuts_) + " " + mounted()); }

    void open() {
        auto opened = crdt::open_rocks_store(mounted() + "/state");
        INFO((opened ? "" : opened.error().message));
        REQUIRE(opened);
        store_ = *std::move(opened);
    }

    [[nodiscard]] std::string image(int cut) const {
        return directory_.path("disk" + std::to_string(cut));
    }

    [[nodiscard]] std::string mounted() const { return directory_.path("mnt"); }

    TempDir directory_;
    int cuts_ = 0;
    std::unique_ptr<crdt::Store> store_;
};

}  // namespace

TEMPLATE_TEST_CASE("store: a user's write survives a power cut, with all before it", "", FakeDisk,
                   LoopDisk) {
    if (!TestType::available()) {
        WARN("skipped: needs root, loop devices and mkfs.ext4");
        return;
    }
    TestType disk;
    std::uint64_t sequence = 0;
    for (int cut = 0; cut < 5; ++cut) {
        for (int i = 0; i < 3; ++i) {
            REQUIRE(disk.store().write(observation(++sequence)));
        }
        REQUIRE(disk.store().write(wish(++sequence)));
        disk.cut_power();
        auto const loaded = disk.store().load();
        REQUIRE(loaded);
        CHECK(loaded->entries.size() == sequence);
        CHECK(loaded->version == version_of(1, sequence));
    }
}

TEMPLATE_TEST_CASE("store: a power cut leaves a beginning of what was written", "", FakeDisk,
                   LoopDisk) {
    if (!TestType::available()) {
        WARN("skipped: needs root, loop devices and mkfs.ext4");
        return;
    }
    TestType disk;
    REQUIRE(disk.store().write(wish(1)));
    for (std::uint64_t sequence = 2; sequence <= 10; ++sequence) {
        REQUIRE(disk.store().write(observation(sequence)));
    }
    disk.cut_power();
    auto const loaded = disk.store().load();
    REQUIRE(loaded);
    CHECK(loaded->entries.size() >= 1);
    // Nobody waited for the disk, so it has not been given them yet.
    CHECK(loaded->entries.size() < 10);
    CHECK(loaded->version == version_of(1, loaded->entries.size()));
    REQUIRE(disk.store().write(wish(11)));
}
