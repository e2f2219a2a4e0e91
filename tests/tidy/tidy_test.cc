#include "tests/tidy/tidy.h"

#include <filesystem>
#include <fstream>
#include <sstream>

#include <catch2/catch.hpp>

namespace {

std::vector<std::string> rules(std::string_view path, std::string_view text) {
    std::vector<std::string> out;
    for (tidy::Finding const& finding : tidy::check(path, text)) {
        out.push_back(std::to_string(finding.line) + ": " + finding.rule);
    }
    return out;
}

std::string read(std::filesystem::path const& path) {
    std::ifstream in(path);
    std::ostringstream text;
    text << in.rdbuf();
    return text.str();
}

}  // namespace

TEST_CASE("a sibling core may not be included") {
    CHECK(rules("gossip/x.cc", "#include \"base/ids.h\"\n#include \"crdt/map.h\"\n") ==
          std::vector<std::string>{"2: gossip must not include crdt"});
    CHECK(rules("agent/x.cc", "#include \"crdt/map.h\"\n").empty());
    CHECK(rules("agent/x.cc", "#include \"net/transport.h\"\n") ==
          std::vector<std::string>{"1: agent must not include net"});
    CHECK(rules("base/x.h", "#include \"gossip/gossip.h\"\n") ==
          std::vector<std::string>{"1: base must not include gossip"});
}

TEST_CASE("a third-party header stays in the files named for it") {
    CHECK(rules("gossip/codec.cc", "#include <msgpack.hpp>\n").empty());
    CHECK(rules("gossip/machine.cc", "#include <msgpack.hpp>\n") ==
          std::vector<std::string>{"1: <msgpack.hpp> may be included in gossip/codec.cc only"});
    CHECK(rules("cmd/main.cc", "#include <boost/asio/ip/udp.hpp>\n") ==
          std::vector<std::string>{"1: <boost/asio/ip/udp.hpp> may be included in net/ only"});
}

TEST_CASE("a pure library names no clock, thread, file or hash order") {
    CHECK(rules("gossip/x.cc", "auto t = std::chrono::steady_clock::now();\n") ==
          std::vector<std::string>{
              "1: steady_clock in a pure library: take base::Instant as an argument"});
    CHECK(rules("lb/table.cc", "std::unordered_map<int, int> m;\n").size() == 1);
    CHECK(rules("agent/x.cc", "// a std::mutex would be wrong here\n").empty());
    CHECK(rules("net/x.cc", "std::mutex lock;\n").empty());
    CHECK(rules("lb/proxy/proxy.cc", "std::mutex lock;\n").empty());
    CHECK(rules("runtime/oci/driver.cc", "std::mutex lock;\n").empty());
    CHECK(rules("runtime/supervisor.cc", "std::mutex lock;\n").size() == 1);
}

TEST_CASE("the wall clock is read in the files named for it") {
    CHECK(rules("net/host_admin.cc", "auto t = wall_now();\n").empty());
    CHECK(rules("net/clock.cc", "auto t = std::chrono::system_clock::now();\n").empty());
    CHECK(rules("net/join.cc", "auto t = wall_now();\n").size() == 1);
    CHECK(rules("agent/x.cc", "auto t = std::chrono::system_clock::now();\n") ==
          std::vector<std::string>{"1: system_clock outside net/clock.*: the wall clock may be "
                                   "wrong by years: it judges join tokens only"});
}

TEST_CASE("long functions and files are reported") {
    std::string body;
    for (int line = 0; line < tidy::function_lines_max - 2; ++line) {
        body += "    step();\n";
    }
    CHECK(rules("net/x.cc", "void f() {\n" + body + "}\n").empty());
    CHECK(rules("net/x.cc", "void f() {\n    step();\n" + body + "}\n") ==
          std::vector<std::string>{"71: a function of 71 lines: split it by meaning"});
    std::string const long_file(tidy::file_lines_max, '\n');
    CHECK(rules("net/x.cc", long_file).empty());
    CHECK(rules("net/x.cc", long_file + "\n").size() == 1);
}

TEST_CASE("the project keeps its own rules") {
    namespace fs = std::filesystem;
    fs::path const root = COVEY_SOURCE_DIR;
    std::size_t files = 0;
    std::string report;
    for (char const* folder : {"base", "gossip", "crdt", "spec", "placement", "runtime", "dns",
                               "lb", "agent", "net", "cmd", "tests"}) {
        for (fs::directory_entry const& entry : fs::recursive_directory_iterator(root / folder)) {
            fs::path const& path = entry.path();
            if (path.extension() != ".h" && path.extension() != ".cc") {
                continue;
            }
            ++files;
            for (tidy::Finding const& finding :
                 tidy::check(fs::relative(path, root).string(), read(path))) {
                report +=
                    finding.file + ":" + std::to_string(finding.line) + ": " + finding.rule + "\n";
            }
        }
    }
    INFO(report);
    CHECK(report.empty());
    CHECK(files > 50);
}
