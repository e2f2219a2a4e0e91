#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>

#include <catch2/catch.hpp>

#include "spec/compose_keys.h"
#include "spec/compose_tree.h"
#include "tests/unit/spec/reading.h"

namespace {

std::string text_of(std::string_view path) {
    std::ifstream stream(std::filesystem::path(COVEY_SOURCE_DIR) / path);
    return {std::istreambuf_iterator<char>(stream), {}};
}

spec::Node const* child(spec::Node const& map, std::string_view name) {
    for (spec::Node::Entry const& entry : map.entries) {
        if (entry.key->text == name) {
            return entry.value;
        }
    }
    return nullptr;
}

// The ways to the properties of a schema and of those inside.
void collect(spec::Node const& schema, std::string const& path, std::set<std::string>& paths) {
    if (spec::Node const* const properties = child(schema, "properties")) {
        for (spec::Node::Entry const& property : properties->entries) {
            std::string const below = base::concat(path, '.', property.key->text);
            paths.insert(below);
            collect(*property.value, below, paths);
        }
    }
    if (spec::Node const* const variants = child(schema, "anyOf")) {
        for (spec::Node const* const variant : variants->items) {
            collect(*variant, path, paths);
        }
    }
}

// A file in which the key at `path` has the value, and every other key what it needs.
std::string file_with(std::string_view path, std::string_view value) {
    std::vector<std::string_view> const parts = base::split(path, '.');
    std::string text;
    for (std::size_t at = 0; at < parts.size(); ++at) {
        bool const last = at + 1 == parts.size();
        std::string_view const name = parts[at] == "*" ? "thing" : parts[at];
        text += base::concat(std::string(at * 2, ' '), name, ":", last ? " " : "\n");
    }
    text += base::concat(value, "\n");
    return path.starts_with("services") ? text : text + "services: {}\n";
}

}  // namespace

TEST_CASE("every key that acts has a reader that minds what it is given") {
    for (spec::KeyRule const& rule : spec::key_rules()) {
        // Those below a list are reached through the tests of each key.
        static constexpr std::string_view lists[] = {
            "blkio_config.", "configs.",    "secrets.",  "devices.", "gpus.",
            "ports.",        "post_start.", "pre_stop.", "volumes.", "placement.preferences."};
        bool const below_list = rule.path.starts_with("services.*.") &&
                                std::ranges::any_of(lists, [&](std::string_view list) {
                                    return rule.path.substr(11).contains(list);
                                });
        // These are gone before keys are read; the tests of files try them.
        static constexpr std::string_view resolved[] = {"extends.", "env_file.", "include."};
        bool const before = std::ranges::any_of(
            resolved, [&](std::string_view part) { return rule.path.contains(part); });
        if (rule.standing != spec::Standing::acts || below_list || before) {
            continue;
        }
        INFO(rule.path);
        // A list that holds a map that holds a list is no value of any key.
        spec::ComposeFile const file = reading::read(file_with(rule.path, "[{a: [{a: {b: c}}]}]"));
        CHECK(std::ranges::any_of(file.diagnostics, [&](spec::Diagnostic const& diagnostic) {
            return diagnostic.key.contains(rule.path.substr(rule.path.rfind('.') + 1));
        }));
    }
}

TEST_CASE("each way to say that a key has no effect") {
    CHECK(to_string(*spec::find_rule("", "services")).empty());
    CHECK(to_string(*spec::find_rule("services.*", "gpus")).starts_with("not yet: "));
    CHECK(to_string(*spec::find_rule("services.*", "build"))
              .starts_with("not supported on a fleet: "));
    CHECK(to_string(*spec::find_rule("services.*", "links")).starts_with("deprecated: use "));
    CHECK(spec::find_rule("services.*", "no_such_key") == nullptr);
}

TEST_CASE("the nearest key") {
    CHECK(spec::nearest_key("services.*", "heathcheck") == "healthcheck");
    CHECK(spec::nearest_key("services.*", "enviroment") == "environment");
    CHECK(spec::nearest_key("services.*", "imgae") == "image");
    CHECK(spec::nearest_key("services.*", "Image") == "image");
    CHECK(spec::nearest_key("services.*", "colour").empty());
    CHECK(spec::nearest_key("services.*", std::string(100, 'a')).empty());
    CHECK(spec::nearest_key("", "service") == "services");
    CHECK(spec::nearest_key("services.*.deploy", "replica") == "replicas");
}

TEST_CASE("the JSON Schema has the keys below x-covey that the reader has") {
    std::string const text = text_of("docs/service-file.schema.json");
    spec::Arena arena;
    spec::Document const document = spec::read_yaml("schema", text, arena);
    REQUIRE(document.root != nullptr);
    spec::Node const& definitions = *child(*document.root, "$defs");
    std::set<std::string> in_schema;
    collect(*child(definitions, "service"), "services.*.x-covey", in_schema);
    collect(*child(definitions, "healthcheck"), "services.*.healthcheck.x-covey", in_schema);
    std::set<std::string> in_code;
    for (spec::KeyRule const& rule : spec::key_rules()) {
        if (rule.path.contains("x-covey.")) {
            in_code.emplace(rule.path);
        }
    }
    CHECK(in_schema == in_code);
    CHECK(in_code.size() > 20);
}

TEST_CASE("the guide has the table of keys that the code has") {
    std::string table = "| key | |\n|---|---|\n";
    for (spec::KeyRule const& rule : spec::key_rules()) {
        std::string const text = to_string(rule);
        table += base::concat("| `", rule.path, "` | ", text.empty() ? "acts" : text, " |\n");
    }
    std::string const guide = text_of("docs/service-file-keys.md");
    std::size_t const begin = guide.find("| key | |");
    REQUIRE(begin != std::string::npos);
    CHECK(guide.substr(begin) == table);
}
