#include "runtime/oci/log_ring.h"

#include <filesystem>

#include <catch2/catch.hpp>

#include "base/text.h"

namespace {

struct Directory {
    std::string path;

    Directory() {
        char name[] = "/tmp/covey-log-test.XXXXXX";
        REQUIRE(mkdtemp(name) != nullptr);
        path = name;
    }

    ~Directory() { std::filesystem::remove_all(path); }

    Directory(Directory const&) = delete;
    Directory& operator=(Directory const&) = delete;
};

}  // namespace

TEST_CASE("a log keeps two files and its offsets go on") {
    Directory const directory;
    runtime::LogRing ring(directory.path, 100);
    std::string all;
    for (int line = 0; line < 50; ++line) {
        std::string const text = base::concat("line ", line, "\n");
        ring.write(text);
        all += text;
        CHECK(runtime::list_directory(directory.path).size() <= 2);
    }
    auto const whole = runtime::read_log_ring(directory.path, 0, false, 10000);
    REQUIRE(whole);
    CHECK(whole->end == all.size());
    CHECK(whole->from > 0);
    CHECK(whole->text == all.substr(whole->from));
    CHECK(whole->text.size() >= 100);

    auto const last = runtime::read_log_ring(directory.path, 8, true, 10000);
    CHECK(last->text == "line 49\n");
    // A part that spans both files.
    auto const span = runtime::read_log_ring(directory.path, all.size() - 105, false, 100);
    CHECK(span->text == all.substr(all.size() - 105, 100));
}

TEST_CASE("what a log cannot take is counted and said when there is room again") {
    Directory const directory;
    std::string const logs = directory.path + "/logs";
    runtime::LogRing ring(logs, 100);
    ring.write("12345");  // the directory does not exist
    ring.write("67890");
    std::filesystem::create_directory(logs);
    ring.write("seen\n");
    CHECK(runtime::read_log_ring(logs, 0, false, 1000)->text ==
          "[10 bytes of output lost: the disk was full]\nseen\n");
}

TEST_CASE("an empty log is empty") {
    Directory const directory;
    auto const part = runtime::read_log_ring(directory.path, 5, true, 100);
    CHECK((part->from == 0 && part->text.empty() && part->end == 0));
}
