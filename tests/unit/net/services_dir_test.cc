#include "net/services_dir.h"

#include <algorithm>
#include <map>

#include <catch2/catch.hpp>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "tests/unit/net/support.h"

namespace fs = std::filesystem;

namespace {
// A watcher, and what the directory holds according to its events.
struct Watched {
    explicit Watched(std::string const& directory)
        : dir(io, directory, [this](net::FileEvent const& event) { take(event); }) {}

    void take(net::FileEvent const& event) {
        ++events;
        if (auto const* const changed = std::get_if<net::FileChanged>(&event)) {
            files[changed->name] = changed->content;
            problems.erase(changed->name);
        } else if (auto const* const removed = std::get_if<net::FileRemoved>(&event)) {
            files.erase(removed->name);
            problems.erase(removed->name);
        } else if (auto const* const problem = std::get_if<net::FileProblem>(&event)) {
            problems[problem->name] = problem->text;
        } else {
            ++scans;
        }
    }

    bool until(std::function<bool()> const& condition) { return support::run_until(io, condition); }

    bool holds(std::map<std::string, std::string> const& expected) {
        return until([&] { return files == expected; });
    }

    boost::asio::io_context io;
    std::map<std::string, std::string> files;
    std::map<std::string, std::string> problems;
    int events = 0;
    int scans = 0;
    net::ServicesDir dir;
};
}  // namespace

TEST_CASE("files there at the start are reported, then the end of the scan") {
    support::TempDir const dir;
    support::write_file(dir.path("a.yml"), "a");
    support::write_file(dir.path("b.yaml"), "b");
    support::write_file(dir.path("notes.txt"), "n");
    support::write_file(dir.path(".c.yml"), "c");
    fs::create_directory(dir.path("d.yml"));
    Watched watched(dir.path() + "/");
    REQUIRE(watched.until([&] { return watched.scans == 1; }));
    CHECK(watched.files == std::map<std::string, std::string>{{"a.yml", "a"}, {"b.yaml", "b"}});
    CHECK(watched.problems.empty());
}

TEST_CASE("files made, edited, renamed and deleted are noticed") {
    support::TempDir const dir;
    Watched watched(dir.path());
    REQUIRE(watched.until([&] { return watched.scans == 1; }));
    support::write_file(dir.path("a.yml"), "one");
    CHECK(watched.holds({{"a.yml", "one"}}));
    support::write_file(dir.path("a.yml"), "two");
    CHECK(watched.holds({{"a.yml", "two"}}));
    fs::rename(dir.path("a.yml"), dir.path("b.yml"));
    CHECK(watched.holds({{"b.yml", "two"}}));
    support::write_file(dir.path("b.yml.tmp"), "three");
    fs::rename(dir.path("b.yml.tmp"), dir.path("b.yml"));
    CHECK(watched.holds({{"b.yml", "three"}}));
    fs::remove(dir.path("b.yml"));
    CHECK(watched.holds({}));
}

TEST_CASE("a file that is half written is not acted on until it is closed") {
    support::TempDir const dir;
    Watched watched(dir.path());
    REQUIRE(watched.until([&] { return watched.scans == 1; }));
    std::ofstream out(dir.path("a.yml"));
    out << "half" << std::flush;
    // Another file written later is reported first.
    support::write_file(dir.path("b.yml"), "b");
    REQUIRE(watched.holds({{"b.yml", "b"}}));
    out << " and half";
    out.close();
    CHECK(watched.holds({{"a.yml", "half and half"}, {"b.yml", "b"}}));
    CHECK(watched.events == 3);
}

TEST_CASE("a file that somebody is writing when the agent starts is waited for") {
    support::TempDir const dir;
    std::ofstream out(dir.path("a.yml"));
    out << "half" << std::flush;
    support::write_file(dir.path("b.yml"), "b");
    Watched watched(dir.path());
    REQUIRE(watched.holds({{"b.yml", "b"}}));
    out << " and half";
    out.close();
    CHECK(watched.holds({{"a.yml", "half and half"}, {"b.yml", "b"}}));
    CHECK(watched.until([&] { return watched.scans == 1; }));
}

TEST_CASE("an editor that moves the old file away and writes a new one shows as one edit") {
    support::TempDir const dir;
    support::write_file(dir.path("a.yml"), "old");
    Watched watched(dir.path());
    REQUIRE(watched.until([&] { return watched.scans == 1; }));
    int const before = watched.events;
    support::write_file(dir.path("4913"), "");
    fs::remove(dir.path("4913"));
    fs::rename(dir.path("a.yml"), dir.path("a.yml~"));
    support::write_file(dir.path("a.yml"), "new");
    fs::remove(dir.path("a.yml~"));
    CHECK(watched.holds({{"a.yml", "new"}}));
    CHECK(watched.events == before + 1);
}

TEST_CASE("writing the same content again is no event") {
    support::TempDir const dir;
    support::write_file(dir.path("a.yml"), "a");
    Watched watched(dir.path());
    REQUIRE(watched.until([&] { return watched.scans == 1; }));
    int const before = watched.events;
    support::write_file(dir.path("a.yml"), "a");
    support::write_file(dir.path("b.yml"), "b");
    CHECK(watched.holds({{"a.yml", "a"}, {"b.yml", "b"}}));
    CHECK(watched.events == before + 1);
}

TEST_CASE("a file that is too long, or no file, is a problem and the previous one stays") {
    support::TempDir const dir;
    support::write_file(dir.path("a.yml"), "a");
    Watched watched(dir.path());
    REQUIRE(watched.until([&] { return watched.scans == 1; }));
    support::write_file(dir.path("a.yml"), std::string(net::service_file_max + 1, 'x'));
    REQUIRE(watched.until([&] { return watched.problems.contains("a.yml"); }));
    CHECK(watched.problems["a.yml"] == "is longer than 1048576 bytes");
    CHECK(watched.files["a.yml"] == "a");
    support::write_file(dir.path("a.yml"), "a");
    REQUIRE(watched.until([&] { return watched.problems.empty(); }));
    REQUIRE(::mkfifo(dir.path("pipe.yml").c_str(), 0600) == 0);
    fs::rename(dir.path("pipe.yml"), dir.path("moved.yml"));
    REQUIRE(watched.until([&] { return watched.problems.contains("moved.yml"); }));
    CHECK(watched.problems["moved.yml"] == "is not a regular file");
}

TEST_CASE("a symbolic link to a file elsewhere counts as a file") {
    support::TempDir const dir;
    support::TempDir const elsewhere;
    support::write_file(elsewhere.path("real"), "r");
    Watched watched(dir.path());
    REQUIRE(watched.until([&] { return watched.scans == 1; }));
    fs::create_symlink(elsewhere.path("real"), dir.path("a.yml"));
    CHECK(watched.holds({{"a.yml", "r"}}));
    fs::remove(dir.path("a.yml"));
    CHECK(watched.holds({}));
}

TEST_CASE("a directory that is missing at the start is used when it appears") {
    support::TempDir const dir;
    Watched watched(dir.path("not/yet/services"));
    REQUIRE(watched.until([&] { return watched.problems.contains(""); }));
    CHECK(watched.problems[""].find("is missing") != std::string::npos);
    CHECK(watched.scans == 0);
    fs::create_directories(dir.path("not/yet/services"));
    support::write_file(dir.path("not/yet/services/a.yml"), "a");
    CHECK(watched.holds({{"a.yml", "a"}}));
    CHECK(watched.until([&] { return watched.scans == 1; }));
    support::write_file(dir.path("not/yet/services/b.yml"), "b");
    CHECK(watched.holds({{"a.yml", "a"}, {"b.yml", "b"}}));
}

TEST_CASE("a directory that goes away keeps its services, one that replaces it decides") {
    support::TempDir const dir;
    std::string const services = dir.path("services");
    fs::create_directory(services);
    support::write_file(services + "/a.yml", "a");
    support::write_file(services + "/b.yml", "b");
    Watched watched(services);
    REQUIRE(watched.until([&] { return watched.scans == 1; }));
    SECTION("moved away and back") {
        fs::rename(services, dir.path("away"));
        REQUIRE(watched.until([&] { return watched.problems[""] != ""; }));
        CHECK(watched.files.size() == 2);
        support::write_file(dir.path("away/a.yml"), "changed");
        fs::rename(dir.path("away"), services);
        CHECK(watched.holds({{"a.yml", "changed"}, {"b.yml", "b"}}));
    }
    SECTION("deleted with all its files") {
        fs::remove_all(services);
        REQUIRE(watched.until([&] { return watched.problems[""] != ""; }));
        CHECK(watched.files.size() == 2);
    }
    SECTION("replaced by another") {
        fs::create_directory(dir.path("next"));
        support::write_file(dir.path("next/c.yml"), "c");
        fs::rename(services, dir.path("old"));
        fs::rename(dir.path("next"), services);
        CHECK(watched.holds({{"c.yml", "c"}}));
        support::write_file(services + "/d.yml", "d");
        CHECK(watched.holds({{"c.yml", "c"}, {"d.yml", "d"}}));
    }
}

TEST_CASE("the watcher can go while its handlers wait") {
    support::TempDir const dir;
    boost::asio::io_context io;
    int events = 0;
    {
        net::ServicesDir const watcher(io, dir.path(), [&](net::FileEvent const&) { ++events; });
        io.poll();
        support::write_file(dir.path("a.yml"), "a");
    }
    int const before = events;
    support::run_for(io, std::chrono::milliseconds(10));
    CHECK(events == before);
}

namespace {
// Reads each file with the files it names, one path a line, as a reader of Compose files would.
struct Reading {
    explicit Reading(std::string const& directory)
        : dir(io, directory, [this](net::FileEvent const& event) { take(event); }) {}

    void take(net::FileEvent const& event) {
        scanned = scanned || std::holds_alternative<net::FilesScanned>(event);
        auto const* const changed = std::get_if<net::FileChanged>(&event);
        if (changed == nullptr) {
            return;
        }
        std::vector<std::string> paths{changed->name};
        std::string text;
        for (std::string_view const path : base::split(changed->content, '\n')) {
            paths.emplace_back(path);
            auto const read = dir.read_input(paths.back());
            text += read ? read->text : "<" + read.error().reason + ">";
            public_input = public_input || (read && read->others_may_read);
        }
        dir.set_inputs(changed->name, paths);
        texts[changed->name] = text;
    }

    bool holds(std::map<std::string, std::string> const& expected) {
        return support::run_until(io, [&] { return texts == expected; });
    }

    boost::asio::io_context io;
    std::map<std::string, std::string> texts;
    bool scanned = false;
    bool public_input = false;
    net::ServicesDir dir;
};
}  // namespace

TEST_CASE("a file is read again when a file it was made from changes, appears or goes") {
    support::TempDir const dir;
    fs::create_directories(dir.path("d/sub"));
    support::write_file(dir.path("d/a.yml"), "sub/x\n.env\n../up");
    support::write_file(dir.path("d/b.yml"), "sub/x");
    support::write_file(dir.path("d/sub/x"), "1");
    support::write_file(dir.path("up"), "u");
    Reading reading(dir.path("d"));
    std::string const none = "<does not exist>";
    REQUIRE(reading.holds({{"a.yml", "1" + none + "u"}, {"b.yml", "1"}}));
    support::write_file(dir.path("d/sub/x"), "2");
    CHECK(reading.holds({{"a.yml", "2" + none + "u"}, {"b.yml", "2"}}));
    support::write_file(dir.path("d/.env"), "e");
    CHECK(reading.holds({{"a.yml", "2eu"}, {"b.yml", "2"}}));
    support::write_file(dir.path("up"), "v");
    CHECK(reading.holds({{"a.yml", "2ev"}, {"b.yml", "2"}}));
    support::write_file(dir.path("d/sub/y"), "3");
    fs::rename(dir.path("d/sub/y"), dir.path("d/sub/x"));
    CHECK(reading.holds({{"a.yml", "3ev"}, {"b.yml", "3"}}));
    fs::remove(dir.path("d/.env"));
    CHECK(reading.holds({{"a.yml", "3" + none + "v"}, {"b.yml", "3"}}));
    fs::remove_all(dir.path("d/sub"));
    CHECK(reading.holds({{"a.yml", none + none + "v"}, {"b.yml", none}}));
}

TEST_CASE("an input that is being written is read when that has ended") {
    support::TempDir const dir;
    support::write_file(dir.path("a.yml"), "x.env");
    std::ofstream slow(dir.path("x.env"));
    slow << "half" << std::flush;
    Reading reading(dir.path());
    REQUIRE(reading.holds({{"a.yml", "<is being written; it is read when that has ended>"}}));
    slow << " and half";
    slow.close();
    CHECK(reading.holds({{"a.yml", "half and half"}}));
}

TEST_CASE("inputs that are no regular files are refused, and who may read them is told") {
    support::TempDir const dir;
    support::write_file(dir.path("a.yml"), "sub\nfifo");
    fs::create_directory(dir.path("sub"));
    REQUIRE(::mkfifo(dir.path("fifo").c_str(), 0600) == 0);
    Reading reading(dir.path());
    REQUIRE(reading.holds({{"a.yml", "<is not a regular file><is not a regular file>"}}));
    CHECK_FALSE(reading.public_input);
    support::write_file(dir.path("x.env"), "x");
    fs::permissions(dir.path("x.env"), fs::perms::owner_read | fs::perms::others_read);
    support::write_file(dir.path("a.yml"), "x.env");
    REQUIRE(reading.holds({{"a.yml", "x"}}));
    CHECK(reading.public_input);
}

TEST_CASE("a renamed file has its new name before the old one goes, whatever their order") {
    support::TempDir const dir;
    support::write_file(dir.path("m.yml"), "m");
    boost::asio::io_context io;
    std::vector<std::string> log;
    net::ServicesDir const watched(io, dir.path(), [&](net::FileEvent const& event) {
        if (auto const* const changed = std::get_if<net::FileChanged>(&event)) {
            log.push_back("+" + changed->name);
        } else if (auto const* const removed = std::get_if<net::FileRemoved>(&event)) {
            log.push_back("-" + removed->name);
        }
    });
    REQUIRE(support::run_until(io, [&] { return log.size() == 1; }));
    fs::rename(dir.path("m.yml"), dir.path("z.yml"));
    REQUIRE(support::run_until(io, [&] { return log.size() == 3; }));
    fs::rename(dir.path("z.yml"), dir.path("a.yml"));
    REQUIRE(support::run_until(io, [&] { return log.size() == 5; }));
    CHECK(log == std::vector<std::string>{"+m.yml", "+z.yml", "-m.yml", "+a.yml", "-z.yml"});
}
