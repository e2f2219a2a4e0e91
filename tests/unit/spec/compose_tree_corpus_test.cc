#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>

#include <catch2/catch.hpp>

#include "spec/compose.h"
#include "spec/compose/merge.h"
#include "spec/compose/resolve.h"
#include "tests/unit/spec/reading.h"

// Files of other projects, which lie beside the source tree on machines that have them.

namespace {

// What a value says, without regard to quotes and to the order of keys.
std::string says(spec::Node const& node) {
    std::string out = node.text;
    for (spec::Node const* const item : node.items) {
        out += base::concat(" [", says(*item), ']');
    }
    std::map<std::string, std::string> entries;
    for (spec::Node::Entry const& entry : node.entries) {
        entries[entry.key->text] = says(*entry.value);
    }
    for (auto const& [key, value] : entries) {
        out += base::concat(" {", key, ": ", value, '}');
    }
    return out;
}

std::string text_of(std::filesystem::path const& path) {
    std::ifstream stream(path);
    return {std::istreambuf_iterator<char>(stream), {}};
}

std::expected<spec::SourceFile, spec::SourceProblem> read_file(std::string const& path) {
    if (!std::filesystem::is_regular_file(path)) {
        return std::unexpected(spec::SourceProblem{true, "does not exist"});
    }
    return spec::SourceFile{.text = text_of(path)};
}

std::filesystem::path const corpus =
    std::filesystem::path(COVEY_SOURCE_DIR) / "../shared/corpus/compose";

bool has_corpus() {
    bool const there = std::filesystem::exists(corpus);
    if (!there) {
        std::cout << "skipped: no Compose files at " << corpus.lexically_normal() << '\n';
    }
    return there;
}

}  // namespace

TEST_CASE("corpus: the tree of docker/cli's full example is what its own loader reads") {
    if (!has_corpus()) {
        return;
    }
    spec::Arena arena;
    spec::Report report("full-example.yml");
    std::string const folder = (corpus / "docker-cli").string();
    spec::FileSource const source = read_file;
    spec::Inputs inputs(source, folder);
    spec::ComposeRequest const request{
        .files = {folder + "/full-example.yml"},
        .env_files = {},
        .variables = {{"HOME", "/home/foo"}, {"QUX", "qux_from_environment"}},
        .profiles = {}};
    spec::Node const* const root = spec::resolve(request, "full", inputs, arena, report);
    spec::Document const golden =
        spec::read_yaml("golden", text_of(corpus / "docker-cli/full-example.yaml.golden"), arena);
    REQUIRE(root != nullptr);
    REQUIRE(golden.root != nullptr);
    spec::Node const& ours = *find(*find(*root, "services"), "foo");
    spec::Node const& theirs = *find(*find(*golden.root, "services"), "foo");
    // The other keys have short forms, which the readers of keys make long.
    for (std::string_view const key :
         {"cap_add",      "cap_drop",       "cgroup_parent", "container_name",
          "depends_on",   "devices",        "domainname",    "entrypoint",
          "environment",  "external_links", "hostname",      "ipc",
          "links",        "logging",        "mac_address",   "network_mode",
          "pid",          "privileged",     "read_only",     "restart",
          "security_opt", "stdin_open",     "stop_signal",   "tty",
          "user",         "working_dir"}) {
        INFO(key);
        REQUIRE(find(theirs, key) != nullptr);
        REQUIRE(find(ours, key) != nullptr);
        CHECK(says(*find(ours, key)) == says(*find(theirs, key)));
    }
    CHECK(find(ours, "env_file") == nullptr);
}
