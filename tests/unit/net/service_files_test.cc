#include "net/service_files.h"

#include <catch2/catch.hpp>

using net::FileChanged;
using net::FileEvent;
using net::FileProblem;
using net::FileRemoved;
using net::FilesScanned;
using net::ServiceFiles;

namespace {
base::Instant at(int milliseconds) {
    return base::Instant(base::milliseconds(milliseconds));
}

net::FileStamp stamp(std::uint64_t inode) {
    return {.inode = inode, .size = 1};
}

net::ReadContent content(std::string text, std::uint64_t inode = 1) {
    return {.stamp = stamp(inode), .content = std::move(text)};
}

// A machine whose start-up scan of an empty directory is over.
struct Scanned {
    ServiceFiles files;
    std::vector<FileEvent> events;

    Scanned() {
        files.on_listing(at(0), {}, events);
        events.clear();
    }

    std::vector<FileEvent> read(int time, std::string const& name, net::ReadOutcome outcome) {
        events.clear();
        files.on_read(at(time), name, std::move(outcome), events);
        return events;
    }
};
}  // namespace

TEST_CASE("names that editors use on the way are not service files") {
    for (char const* name : {"web.yml", "web.yaml", "a b.yml", "4913.yml"}) {
        CHECK(net::is_service_file(name));
    }
    for (char const* name : {"web.yml~", ".web.yml", ".web.yml.swp", "#web.yml#", "4913", "web.txt",
                             "web.yml.new", "web.yaml.bak", ".#web.yml", "", "yml", "~web.yml"}) {
        INFO(name);
        CHECK_FALSE(net::is_service_file(name));
    }
}

TEST_CASE("a file is read when it has settled, and each event delays that") {
    Scanned dir;
    dir.files.on_settling(at(10), "web.yml");
    CHECK(dir.files.next_deadline() == at(110));
    CHECK(dir.files.due(at(109)).empty());
    dir.files.on_settling(at(60), "web.yml");
    CHECK(dir.files.due(at(110)).empty());
    CHECK(dir.files.due(at(160)) == std::vector<std::string>{"web.yml"});
    CHECK(dir.read(160, "web.yml", content("a")) ==
          std::vector<FileEvent>{FileChanged{"web.yml", "a"}});
    CHECK(dir.files.next_deadline() == base::instant_max);
}

TEST_CASE("a file that is still written waits for its closing, or for a long quiet") {
    Scanned dir;
    dir.files.on_writing(at(0), "web.yml");
    CHECK(dir.files.due(at(5000)).empty());
    dir.files.on_writing(at(5000), "web.yml");
    CHECK(dir.files.due(at(10'000)).empty());
    CHECK(dir.files.next_deadline() == at(5000) + ServiceFiles::quiet);
    dir.files.on_settling(at(6000), "web.yml");
    CHECK(dir.files.next_deadline() == at(6100));
}

TEST_CASE("a listing does not hurry a file that is still written") {
    Scanned dir;
    dir.files.on_writing(at(0), "web.yml");
    net::ListedFile const listed{"web.yml", stamp(1)};
    dir.files.on_listing(at(50), {&listed, 1}, dir.events);
    CHECK(dir.files.due(at(1000)).empty());
}

TEST_CASE("only news is reported") {
    Scanned dir;
    CHECK(dir.read(0, "a.yml", content("1")) == std::vector<FileEvent>{FileChanged{"a.yml", "1"}});
    CHECK(dir.read(0, "a.yml", content("1", 2)).empty());
    CHECK(dir.read(0, "a.yml", content("2")) == std::vector<FileEvent>{FileChanged{"a.yml", "2"}});
    net::ReadProblem const problem{.stamp = stamp(3), .text = "cannot be read"};
    CHECK(dir.read(0, "a.yml", problem) ==
          std::vector<FileEvent>{FileProblem{"a.yml", "cannot be read"}});
    CHECK(dir.read(0, "a.yml", problem).empty());
    CHECK(dir.read(0, "a.yml", content("2")) == std::vector<FileEvent>{FileChanged{"a.yml", "2"}});
    CHECK(dir.read(0, "a.yml", net::ReadAbsent{}) == std::vector<FileEvent>{FileRemoved{"a.yml"}});
    CHECK(dir.read(0, "a.yml", net::ReadAbsent{}).empty());
    CHECK(dir.read(0, "a.yml", content("")) == std::vector<FileEvent>{FileChanged{"a.yml", ""}});
}

TEST_CASE("a file that changes while it is read is read again") {
    Scanned dir;
    dir.files.on_settling(at(0), "a.yml");
    CHECK(dir.read(100, "a.yml", net::ReadUnstable{}).empty());
    CHECK(dir.files.next_deadline() == at(200));
}

TEST_CASE("a listing makes due what differs and what is missing") {
    Scanned dir;
    static_cast<void>(dir.read(0, "same.yml", content("s", 1)));
    static_cast<void>(dir.read(0, "edited.yml", content("e", 2)));
    static_cast<void>(dir.read(0, "gone.yml", content("g", 3)));
    dir.events.clear();
    std::vector<net::ListedFile> const listing{{"edited.yml", stamp(9)},
                                               {"new.yml", stamp(4)},
                                               {"note.txt", stamp(5)},
                                               {"same.yml", stamp(1)}};
    dir.files.on_listing(at(1000), listing, dir.events);
    CHECK(dir.events.empty());
    CHECK(dir.files.due(at(1100)) == std::vector<std::string>{"edited.yml", "gone.yml", "new.yml"});
}

TEST_CASE("the scan at the start ends when every file was reported, once") {
    ServiceFiles files;
    std::vector<FileEvent> events;
    std::vector<net::ListedFile> const listing{{"a.yml", stamp(1)}, {"b.yml", stamp(2)}};
    files.on_listing(at(0), listing, events);
    CHECK(events.empty());
    files.on_read(at(100), "a.yml", content("a"), events);
    CHECK(events == std::vector<FileEvent>{FileChanged{"a.yml", "a"}});
    files.on_read(at(100), "b.yml", net::ReadProblem{.stamp = {}, .text = "x"}, events);
    CHECK(events == std::vector<FileEvent>{FileChanged{"a.yml", "a"}, FileProblem{"b.yml", "x"},
                                           FilesScanned{}});
    events.clear();
    files.on_listing(at(200), listing, events);
    files.on_read(at(300), "b.yml", content("b"), events);
    CHECK(events == std::vector<FileEvent>{FileChanged{"b.yml", "b"}});
}

TEST_CASE("a missing directory removes nothing and is not a finished scan") {
    ServiceFiles files;
    std::vector<FileEvent> events;
    files.on_directory_lost("missing", events);
    files.on_directory_lost("missing", events);
    CHECK(events == std::vector<FileEvent>{FileProblem{"", "missing"}});
    events.clear();
    net::ListedFile const listed{"a.yml", stamp(1)};
    files.on_listing(at(0), {&listed, 1}, events);
    CHECK(events == std::vector<FileEvent>{FileProblem{"", ""}});
    files.on_read(at(100), "a.yml", content("a"), events);
    events.clear();

    files.on_settling(at(200), "a.yml");
    files.on_directory_lost("missing", events);
    CHECK(files.due(at(9000)).empty());
    events.clear();
    files.on_listing(at(9000), {}, events);
    CHECK(files.due(at(9100)) == std::vector<std::string>{"a.yml"});
}

TEST_CASE("files are bounded, and those beyond show as a problem") {
    ServiceFiles files;
    std::vector<FileEvent> events;
    std::vector<net::ListedFile> listing;
    for (std::size_t i = 0; i < net::service_files_max + 5; ++i) {
        listing.push_back({std::to_string(10'000 + i) + ".yml", stamp(i + 1)});
    }
    files.on_listing(at(0), listing, events);
    REQUIRE(events.size() == 1);
    CHECK(std::get<FileProblem>(events.front()).text ==
          "more than 4096 service files: those beyond are not read");
    CHECK(files.due(at(100)).size() == net::service_files_max);
    files.on_settling(at(0), "one-more.yml");
    CHECK(files.due(at(100)).size() == net::service_files_max);
}

TEST_CASE("a file that is the same is news when something it was made from has changed") {
    Scanned dir;
    dir.files.on_settling(at(0), "web.yml");
    dir.read(100, "web.yml", content("a"));
    dir.files.on_settling(at(200), "web.yml");
    CHECK(dir.read(300, "web.yml", content("a")).empty());
    dir.files.on_input_changed("web.yml");
    dir.files.on_settling(at(400), "web.yml");
    CHECK(dir.read(500, "web.yml", net::ReadUnstable{}).empty());
    CHECK(dir.read(600, "web.yml", content("a")) ==
          std::vector<FileEvent>{FileChanged{"web.yml", "a"}});
    CHECK(dir.read(700, "web.yml", content("a")).empty());
    dir.files.on_input_changed("never-seen.yml");
    dir.files.on_settling(at(800), "never-seen.yml");
    CHECK(dir.read(900, "never-seen.yml", net::ReadAbsent{}).empty());
}
