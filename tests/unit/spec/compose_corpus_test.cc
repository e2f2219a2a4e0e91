#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <regex>

#include <catch2/catch.hpp>

#include "spec/compose.h"
#include "tests/unit/spec/reading.h"

// Files of other projects, which lie beside the source tree on machines that have them.

namespace {

// "  name:" two levels below services, in block style: the keys of services, by eye.
std::vector<std::string> keys_of_services(std::string const& text) {
    static std::regex const key("    ([a-z_]+):.*");
    std::vector<std::string> keys;
    bool inside = false;
    for (std::string_view const line : base::split(text, '\n')) {
        if (!line.empty() && line.front() != ' ' && line.front() != '#') {
            inside = line.starts_with("services:");
        }
        std::smatch match;
        std::string const copy(line);
        if (inside && std::regex_match(copy, match, key)) {
            keys.push_back(match[1]);
        }
    }
    return keys;
}

bool honoured(std::string const& key) {
    static std::vector<std::string> const keys{
        "command", "depends_on",  "deploy",      "entrypoint",       "environment",
        "expose",  "healthcheck", "image",       "labels",           "ports",
        "scale",   "user",        "working_dir", "stop_grace_period"};
    return std::ranges::find(keys, key) != keys.end();
}

}  // namespace

TEST_CASE("corpus: every file is read and every key that has no effect is named") {
    std::filesystem::path const corpus =
        std::filesystem::path(COVEY_SOURCE_DIR) / "../shared/corpus/compose";
    if (!std::filesystem::exists(corpus)) {
        std::cout << "skipped: no Compose files at " << corpus.lexically_normal() << '\n';
        return;
    }
    int files = 0;
    for (auto const& entry : std::filesystem::recursive_directory_iterator(corpus)) {
        std::string const extension = entry.path().extension();
        if (extension != ".yml" && extension != ".yaml") {
            continue;
        }
        std::ifstream stream(entry.path());
        std::string const text{std::istreambuf_iterator<char>(stream), {}};
        spec::ComposeFile const file = spec::read_compose(entry.path().string(), text);
        INFO(entry.path());
        ++files;
        CHECK((file.usable() || (file.services.empty() && !file.diagnostics.empty())));
        for (spec::ServiceSpec const& service : file.services) {
            CHECK(spec::decode(spec::encode(service)) == service);
        }
        for (std::string const& key : keys_of_services(text)) {
            auto const names_key = [&key](spec::Diagnostic const& diagnostic) {
                return diagnostic.key.starts_with("services.") &&
                       diagnostic.key.ends_with("." + key);
            };
            INFO(key);
            CHECK((honoured(key) || std::ranges::any_of(file.diagnostics, names_key)));
        }
    }
    CHECK(files > 30);
}
