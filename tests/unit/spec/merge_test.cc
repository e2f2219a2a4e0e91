#include "spec/compose/merge.h"

#include <catch2/catch.hpp>

#include "spec/compose/resolve.h"
#include "tests/unit/spec/folder.h"

// One Compose file over another (Compose Specification, 13-merge), seen at the resolved tree.

namespace {

using Words = std::vector<std::string>;

std::string shown(spec::Node const& node) {
    switch (node.kind) {
        case spec::Node::Kind::null:
            return "~";
        case spec::Node::Kind::scalar:
            return node.text;
        case spec::Node::Kind::list: {
            std::string out;
            for (spec::Node const* const item : node.items) {
                out += base::concat(out.empty() ? "" : ", ", shown(*item));
            }
            return base::concat('[', out, ']');
        }
        case spec::Node::Kind::map: {
            std::string out;
            for (spec::Node::Entry const& entry : node.entries) {
                out += base::concat(out.empty() ? "" : ", ", entry.key->text, ": ",
                                    shown(*entry.value));
            }
            return base::concat('{', out, '}');
        }
    }
    return {};
}

// The tree of the first `given` of these texts, each over the one before; what was told if
// something was. The others are there to be included.
std::string resolved(std::vector<std::string> const& texts, std::size_t given = 10) {
    reading::Folder folder;
    spec::ComposeRequest request;
    for (std::string const& text : texts) {
        std::string const name = base::concat(folder.files.size(), ".yaml");
        folder.files[name] = text;
        if (request.files.size() < given) {
            request.files.push_back(name);
        }
    }
    spec::FileSource const source =
        [&](std::string const& path) -> std::expected<spec::SourceFile, spec::SourceProblem> {
        auto const found = folder.files.find(path);
        if (found == folder.files.end()) {
            return std::unexpected(spec::SourceProblem{true, "does not exist"});
        }
        return spec::SourceFile{.text = found->second};
    };
    spec::Report report("0.yaml");
    spec::Arena arena;
    spec::Inputs inputs(source, "");
    spec::Node const* const root = spec::resolve(request, "p", inputs, arena, report);
    std::string told;
    for (spec::Diagnostic const& diagnostic : report.take()) {
        told += base::concat(told.empty() ? "" : "\n", to_string(diagnostic));
    }
    return root == nullptr || !told.empty() ? told : shown(*root);
}

std::string web(std::string_view lines) {
    return base::concat("services: {web: {", lines, "}}");
}

}  // namespace

TEST_CASE("keys of a service are merged by the rules of the specification") {
    struct Case {
        char const* base;
        char const* over;
        char const* expected;
    };

    Case const cases[] = {
        {"image: a, user: u", "image: b", "image: b, user: u"},
        {"image: a", "image: ", "image: a"},
        {"image: ", "image: b", "image: b"},
        {"deploy: {replicas: 1, mode: m}", "deploy: {replicas: 2}",
         "deploy: {replicas: 2, mode: m}"},
        {"security_opt: [a, b]", "security_opt: [b]", "security_opt: [a, b, b]"},
        {"command: [a]", "command: [b]", "command: [b]"},
        {"command: [a]", "command: b c", "command: b c"},
        {"entrypoint: [a]", "entrypoint: []", "entrypoint: []"},
        {"healthcheck: {test: [CMD, a], retries: 1}", "healthcheck: {test: [CMD, b]}",
         "healthcheck: {test: [CMD, b], retries: 1}"},
        {"environment: {A: 1, B: 2}", "environment: [B=3, C]", "environment: {A: 1, B: 3, C: ~}"},
        {"environment: [A=1, A=2]", "environment: {A: }", "environment: {A: ~}"},
        {"labels: [a=1]", "labels: [b=x=y]", "labels: {a: 1, b: x=y}"},
        {"deploy: {labels: [a=1]}", "deploy: {labels: {a: 2}}", "deploy: {labels: {a: 2}}"},
        {"sysctls: {a: 1}", "sysctls: [b=2]", "sysctls: {a: 1, b: 2}"},
        {"ports: ['8080:80']", "ports: ['8443:443']", "ports: [8080:80, 8443:443]"},
        {"ports: ['8080:80']", "ports: [{target: 80, published: 8080, protocol: tcp, mode: host}]",
         "ports: [{target: 80, published: 8080, protocol: tcp, mode: host}]"},
        {"ports: ['8080:80', '1:2/udp']", "ports: ['0.0.0.0:8080:80/tcp', '127.0.0.1:8080:80']",
         "ports: [0.0.0.0:8080:80/tcp, 1:2/udp, 127.0.0.1:8080:80]"},
        {"volumes: ['foo:/work', /b]", "volumes: ['bar:/work:ro', {type: tmpfs, target: /b}]",
         "volumes: [bar:/work:ro, {type: tmpfs, target: /b}]"},
        {"secrets: [a, b]",
         "secrets: [{source: c, target: a}, {source: d, target: /run/secrets/b}]",
         "secrets: [{source: c, target: a}, {source: d, target: /run/secrets/b}]"},
        {"configs: [a]", "configs: [{source: a, target: /b}]",
         "configs: [a, {source: a, target: /b}]"},
        {"devices: ['/a:/x']", "devices: ['/b:/x:r', /c]", "devices: [/b:/x:r, /c]"},
        {"cap_add: [A, B]", "cap_add: [B, C]", "cap_add: [A, B, C]"},
        {"expose: [80]", "expose: [80, 81]", "expose: [80, 81]"},
        {"dns: 1.1.1.1", "dns: [8.8.8.8, 1.1.1.1]", "dns: [1.1.1.1, 8.8.8.8]"},
        {"tmpfs: /a", "tmpfs: /b", "tmpfs: [/a, /b]"},
        {"extra_hosts: [a=1]", "extra_hosts: {a: 2, b: [3, 4]}",
         "extra_hosts: [a=1, a=2, b=3, b=4]"},
        {"depends_on: [a]", "depends_on: {b: {condition: service_healthy}}",
         "depends_on: {a: {condition: service_started}, b: {condition: service_healthy}}"},
        {"networks: [a]", "networks: {a: {aliases: [x]}, b: }",
         "networks: {a: {aliases: [x]}, b: ~}"},
        {"build: .", "build: {target: t}", "build: {context: ., target: t}"},
        {"logging: {driver: a, options: {x: 1}}", "logging: {options: {y: 2}}",
         "logging: {driver: a, options: {x: 1, y: 2}}"},
        {"logging: {driver: a, options: {x: 1}}", "logging: {driver: b, options: {y: 2}}",
         "logging: {driver: b, options: {y: 2}}"},
        {"ulimits: {n: {soft: 1, hard: 2}}", "ulimits: {n: 3}", "ulimits: {n: 3}"},
        {"ports: [80], environment: {A: 1, B: 2}",
         "ports: !reset [], environment: {A: !reset null}", "environment: {B: 2}"},
        {"ports: [80], deploy: {mode: m}", "ports: !override [81], deploy: !override {replicas: 1}",
         "ports: [81], deploy: {replicas: 1}"},
        {"x-any: {a: [1]}", "x-any: {a: [2], b: 3}", "x-any: {a: [1, 2], b: 3}"},
    };
    for (Case const& item : cases) {
        INFO(item.base << " <- " << item.over);
        CHECK(resolved({web(item.base), web(item.over)}) ==
              base::concat("{services: {web: {", item.expected, "}}}"));
    }
}

TEST_CASE("top-level sections are merged, and three files in their order") {
    CHECK(resolved({"name: a\nvolumes: {v: {labels: [a=1]}, w: }",
                    "name: b\nvolumes: {v: {labels: {b: 2}}}\nnetworks: {n: }",
                    "volumes: {w: {external: true}}"}) ==
          "{name: b, volumes: {v: {labels: {a: 1, b: 2}}, w: {external: true}}, networks: {n: ~}}");
    CHECK(resolved({"networks: {n: {ipam: {config: [{subnet: a, gateway: 1}]}}}",
                    "networks: {n: {ipam: {config: [{subnet: a, gateway: 2}, {subnet: b}]}}}"}) ==
          "{networks: {n: {ipam: {config: [{subnet: a, gateway: 2}, {subnet: b}]}}}}");
}

TEST_CASE("!reset without anything below is nothing, and reaches through extends") {
    CHECK(resolved({web("image: a, user: !reset x, dns: [!reset a, b]")}) ==
          "{services: {web: {image: a, dns: [b]}}}");
    CHECK(
        resolved({web("image: a, user: u, ports: [80]"),
                  "services: {b: {image: b, ports: [1]}, web: {extends: b, ports: !reset [], user: "
                  "!override v}}"}) ==
        "{services: {web: {image: b, user: v}, b: {image: b, ports: [1]}}}");
}

TEST_CASE("what does not fit together is an error where it stands") {
    CHECK(resolved({web("deploy: {mode: m}"), web("deploy: [a]")}) ==
          "1.yaml:1:26: services.web.deploy: expected a map as in 0.yaml:1, which this overrides; "
          "found a list");
    CHECK(resolved({web("ports: [80]"), web("ports: {a: {b: 1}}")}) ==
          "{services: {web: {ports: [80, a=]}}}");
    CHECK(resolved({web("labels: [a=1]"), web("labels: text")}) ==
          "1.yaml:1:26: services.web.labels: expected a map as in 0.yaml:1, which this overrides; "
          "found text");
}

TEST_CASE("relative paths start in the folder of the first file") {
    std::string const included =
        "services: {a: {build: ., volumes: ['./x:/x', 'n:/n', {type: bind, source: ../y}]}, "
        "b: {build: {context: ./c}}}\nconfigs: {c: {file: c.txt}}";
    CHECK(resolved({"include: [{path: 1.yaml, project_directory: sub/../dir}]", included}, 1) ==
          "{services: {a: {build: dir, volumes: [./dir/x:/x, n:/n, {type: bind, source: ./y}]}, b: "
          "{build: {context: dir/c}}}, configs: {c: {file: dir/c.txt}}}");
}
