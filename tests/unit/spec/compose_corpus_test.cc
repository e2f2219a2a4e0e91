#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <set>

#include <catch2/catch.hpp>

#include "spec/compose.h"
#include "spec/compose_keys.h"
#include "spec/compose_tree.h"
#include "spec/compose_write.h"
#include "tests/unit/spec/reading.h"

// Files of other projects, which lie beside the source tree on machines that have them.

namespace {

std::filesystem::path corpus() {
    return std::filesystem::path(COVEY_SOURCE_DIR) / "../shared/corpus/compose";
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

bool absent() {
    if (std::filesystem::exists(corpus())) {
        return false;
    }
    std::cout << "skipped: no Compose files at " << corpus().lexically_normal() << '\n';
    return true;
}

// Files of their projects' tests for refusals, and files that need what is not there yet: several
// files, variables of a shell.
std::string_view refused_because(std::string const& text, std::string const& path) {
    if (text.contains("${") || text.contains("extends:") || text.contains("include:")) {
        return "needs variables or other files";
    }
    if (path.contains("cycle") || path.contains("depends-on-self")) {
        return "depends on itself";
    }
    if (text.contains("build:") || !text.contains("image:")) {
        return "has a service without an image";
    }
    if (path.contains("stack-with-named-resources")) {
        return "mounts volumes at paths that are not absolute";
    }
    if (path.contains("full-example")) {
        return "names services and networks that it does not have";
    }
    return {};
}

}  // namespace

TEST_CASE("corpus: every file is read, or refused for a known reason") {
    if (absent()) {
        return;
    }
    int files = 0;
    for (auto const& entry : std::filesystem::recursive_directory_iterator(corpus())) {
        std::string const extension = entry.path().extension();
        if (extension != ".yml" && extension != ".yaml") {
            continue;
        }
        std::string const text = text_of(entry.path());
        spec::ComposeFile const file =
            spec::read_compose({.files = {entry.path().lexically_normal().string()},
                                .env_files = {},
                                .variables = {{"PWD", "/pwd"}},
                                .profiles = {"*"}},
                               read_file);
        INFO(entry.path());
        INFO([&] {
            std::string lines;
            for (spec::Diagnostic const& diagnostic : file.diagnostics) {
                lines += to_string(diagnostic) + '\n';
            }
            return lines;
        }());
        ++files;
        CHECK((file.usable() || !refused_because(text, entry.path()).empty()));
        for (spec::ServiceSpec const& service : file.services) {
            CHECK(spec::decode(spec::encode(service)) == service);
        }
        for (spec::Diagnostic const& diagnostic : file.diagnostics) {
            CHECK_FALSE(diagnostic.message.starts_with("unknown key"));
        }
        std::string const canonical = spec::to_compose(file.services, spec::TextForm::yaml);
        CHECK(spec::read_compose("/again.yaml", canonical).services == file.services);
    }
    CHECK(files > 30);
}

namespace {

// The ways to all keys of a schema, as key_rules() writes them.
using spec::Node;

class SchemaKeys {
public:
    explicit SchemaKeys(spec::Document const& document)
        : definitions_(*entry(*document.root, "$defs")) {}

    std::set<std::string> found;

    void visit(Node const& schema, std::string const& path, int depth) {
        if (depth > 12) {
            return;
        }
        if (Node const* const reference = entry(schema, "$ref")) {
            visit(*entry(definitions_, reference->text.substr(reference->text.rfind('/') + 1)),
                  path, depth + 1);
        }
        if (Node const* const properties = entry(schema, "properties")) {
            for (Node::Entry const& property : properties->entries) {
                std::string const below =
                    base::concat(path, path.empty() ? "" : ".", property.key->text);
                found.insert(below);
                visit(*property.value, below, depth + 1);
            }
        }
        for (char const* const choice : {"oneOf", "anyOf"}) {
            Node const* const variants = entry(schema, choice);
            for (Node const* const variant :
                 variants != nullptr ? variants->items : std::vector<Node const*>()) {
                visit(*variant, path, depth + 1);
            }
        }
        if (Node const* const items = entry(schema, "items")) {
            visit(*items, path, depth + 1);
        }
        Node const* const patterns = entry(schema, "patternProperties");
        for (Node::Entry const& pattern :
             patterns != nullptr ? patterns->entries : std::vector<Node::Entry>()) {
            if (!pattern.key->text.contains("x-")) {
                visit(*pattern.value, path + ".*", depth + 1);
            }
        }
    }

private:
    static Node const* entry(Node const& map, std::string_view name) {
        for (Node::Entry const& each : map.entries) {
            if (each.key->text == name) {
                return each.value;
            }
        }
        return nullptr;
    }

    Node const& definitions_;
};

}  // namespace

TEST_CASE("corpus: every key of the schema has a rule, and every rule a key") {
    if (absent()) {
        return;
    }
    spec::Arena arena;
    spec::Document const document =
        spec::read_yaml("schema", text_of(corpus() / "compose-spec.json"), arena);
    REQUIRE(document.root != nullptr);
    SchemaKeys keys(document);
    keys.visit(*document.root, "", 0);
    CHECK(keys.found.contains("services.*.deploy.update_config.order"));
    std::set<std::string, std::less<>> passed_over;
    std::set<std::string, std::less<>> ruled;
    for (spec::KeyRule const& rule : spec::key_rules()) {
        ruled.emplace(rule.path);
        if (rule.standing != spec::Standing::acts) {
            passed_over.emplace(rule.path);
        }
    }
    auto const covered = [&](std::string path) {
        if (ruled.contains(path)) {
            return true;
        }
        for (; path.contains('.'); path.resize(path.rfind('.'))) {
            if (passed_over.contains(path)) {
                return true;
            }
        }
        return passed_over.contains(path);
    };
    for (std::string const& path : keys.found) {
        INFO(path);
        CHECK(covered(path));
    }
    for (std::string const& path : ruled) {
        INFO(path);
        // Docker reads a reservation of processes; the schema does not have it.
        CHECK((path.contains("x-covey") || path.ends_with("reservations.pids") ||
               keys.found.contains(path)));
    }
}

namespace {

// Both texts with what Docker's loader lets pass and no engine takes: names that nothing has, two
// mounts at one path.
std::string mended(std::string text) {
    struct Change {
        std::string_view from;
        std::string_view to;
    };

    static constexpr Change changes[] = {
        {"\nservices:\n", "\nservices:\n  db: {image: a}\n  redis: {image: a}\n"},
        {"\nnetworks:\n", "\nnetworks:\n  other-other-network: {}\n"},
        {"node=foo", "node.role==foo"},
        {"/opt/data:/var/lib/mysql", "/opt/data:/var/lib/mysql2"},
        {"source: /opt/data\n        target: /var/lib/mysql",
         "source: /opt/data\n        target: /var/lib/mysql2"},
        {"datavolume:/var/lib/mysql", "some-volume:/var/lib/mysql3"},
        {"source: datavolume\n        target: /var/lib/mysql",
         "source: some-volume\n        target: /var/lib/mysql3"},
        {"type: tmpfs\n        target: /opt", "type: tmpfs\n        target: /opt2"},
        {"~/configs", "/bar/configs"},
    };
    for (Change const& change : changes) {
        if (std::size_t const at = text.find(change.from); at != std::string::npos) {
            text.replace(at, change.from.size(), change.to);
        }
    }
    return text;
}

// The service of the full example. The golden text was made in the folder /foo.
spec::ServiceSpec full_example(std::string_view name) {
    std::string const folder = "/foo/";
    std::string const main = folder + "full-example.yml";
    spec::FileSource const source = [&](std::string const& path) {
        std::string_view const file =
            path == main ? name
                         : std::string_view(path).substr(std::min(folder.size(), path.size()));
        auto read = read_file((corpus() / "docker-cli" / file).string());
        if (read) {
            read->text = path.ends_with(".env") ? read->text : mended(std::move(read->text));
        }
        return read;
    };
    spec::ComposeFile const file =
        spec::read_compose({.files = {main},
                            .env_files = {},
                            .variables = {{"HOME", "/home/foo"}, {"QUX", "qux_from_environment"}},
                            .profiles = {}},
                           source);
    for (spec::Diagnostic const& diagnostic : file.diagnostics) {
        UNSCOPED_INFO(to_string(diagnostic));
    }
    REQUIRE(file.services.size() == 3);
    return file.services[1];
}

}  // namespace

TEST_CASE("corpus: the full example is read as Docker reads it, key by key") {
    if (absent()) {
        return;
    }
    spec::ServiceSpec foo = full_example("full-example.yml");
    spec::ServiceSpec const expected = full_example("full-example.yaml.golden");
    // Docker's loader drops the address of the host.
    for (spec::Port& port : foo.ports) {
        port.host_ip.clear();
    }
    std::ranges::sort(foo.ports);
    CHECK(foo.command == expected.command);
    CHECK(foo.entrypoint == expected.entrypoint);
    CHECK(foo.ports == expected.ports);
    CHECK(foo.expose == expected.expose);
    CHECK(foo.health == expected.health);
    CHECK(foo.constraints == expected.constraints);
    CHECK(foo.limits == expected.limits);
    CHECK(foo.reservations == expected.reservations);
    CHECK(foo.stop_grace_period == expected.stop_grace_period);
    CHECK(foo.process == expected.process);
    CHECK(foo.security == expected.security);
    CHECK(foo.isolation == expected.isolation);
    CHECK(foo.environment == expected.environment);
    CHECK(foo.storage == expected.storage);
    CHECK(foo.depends_on == expected.depends_on);
    CHECK(foo.networking == expected.networking);
    CHECK(foo.cgroup == expected.cgroup);
    CHECK(foo.deploy == expected.deploy);
    CHECK(foo.user == expected.user);
    CHECK(foo.working_dir == expected.working_dir);
}
