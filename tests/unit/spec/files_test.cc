#include <algorithm>

#include <catch2/catch.hpp>

#include "tests/unit/spec/folder.h"

// A Compose file and the files it leads to: variables, include, extends, env files, profiles.

using reading::Folder;
using reading::told;

namespace {

using Words = std::vector<std::string>;
using Pairs = std::map<std::string, std::string>;

spec::ServiceSpec service(spec::ComposeFile const& file, std::string_view name) {
    INFO(Catch::Detail::stringify(told(file)));
    REQUIRE(file.usable());
    for (spec::ServiceSpec const& each : file.services) {
        if (each.name == name) {
            return each;
        }
    }
    FAIL("no service " << name);
    return {};
}

Words names(spec::ComposeFile const& file) {
    Words names;
    for (spec::ServiceSpec const& each : file.services) {
        names.push_back(each.name);
    }
    return names;
}

}  // namespace

TEST_CASE("variables come from .env, and the caller's win") {
    Folder const folder{{{"d/shop.yaml",
                          "name: ${PROJECT}\n"
                          "services:\n"
                          "  web:\n"
                          "    image: app:${TAG:-none}\n"
                          "    environment: [TAG, \"OF=${COMPOSE_PROJECT_NAME}\", MISSING]\n"
                          "    deploy: {replicas: $COUNT}\n"},
                         {"d/.env", "TAG=1\nCOUNT=3\nPROJECT=p\n"},
                         {"other.env", "TAG=3\nPROJECT=q\n"}},
                        {}};
    spec::ComposeFile const plain = folder.read({"d/shop.yaml"});
    CHECK(plain.project == "p");
    CHECK(plain.inputs == Words{"d/.env", "d/shop.yaml"});
    CHECK(service(plain, "web").image == "app:1");
    CHECK(service(plain, "web").replicas == 3);
    CHECK(service(plain, "web").environment == Pairs{{"TAG", "1"}, {"OF", "p"}});

    spec::ComposeFile const given = folder.read({.files = {"d/shop.yaml"},
                                                 .env_files = {"other.env"},
                                                 .variables = {{"TAG", "2"}, {"COUNT", "0"}},
                                                 .profiles = {}});
    CHECK(given.project == "q");
    CHECK(service(given, "web").image == "app:2");
    CHECK(
        told(folder.read({.files = {"d/shop.yaml"},
                          .env_files = {"no.env"},
                          .variables = {{"COUNT", "1"}, {"PROJECT", "p"}},
                          .profiles = {}})) ==
        Words{"d/shop.yaml:5:19: services.web.environment[0]: no value is given and none is taken "
              "from a shell; \"TAG\" stays unset",
              "d/shop.yaml:5:54: services.web.environment[2]: no value is given and none is taken "
              "from a shell; \"MISSING\" stays unset",
              "no.env: does not exist"});
}

TEST_CASE("a variable that is not set is named once; one that must be set is an error") {
    Folder const folder{{{"shop.yaml",
                          "x-a: $NONE\n"
                          "services:\n"
                          "  web: {image: \"x$NONE\", labels: {\"$NONE\": \"${NO:?say so}\"}}\n"}},
                        {}};
    CHECK(told(folder.read({"shop.yaml"})) ==
          Words{"shop.yaml:1:6: x-a: the variable NONE is not set: empty text is used",
                "shop.yaml:3:44: services.web.labels.$NONE: the variable NO must be set: say so; "
                "set it in .env beside the file"});
}

TEST_CASE("what is substituted is text, and read as what its place asks for") {
    Folder const folder{{{"shop.yaml",
                          "services:\n"
                          "  web:\n"
                          "    image: x\n"
                          "    command: $EMPTY\n"
                          "    environment: {V: $V, W: 1.10}\n"
                          "    healthcheck: {disable: $YES}\n"},
                         {".env", "V=1.10\nEMPTY=\nYES=true\n"}},
                        {}};
    spec::ServiceSpec const web = service(folder.read({"shop.yaml"}), "web");
    CHECK(web.command == Words{});
    CHECK(web.environment == Pairs{{"V", "1.10"}, {"W", "1.1"}});
    CHECK(web.health.kind == spec::CheckKind::none);
}

TEST_CASE("env files give what the service does not give itself") {
    Folder folder{{{"d/shop.yaml",
                    "services:\n"
                    "  web:\n"
                    "    image: x\n"
                    "    env_file:\n"
                    "      - a.env\n"
                    "      - {path: ./sub/b.env, format: raw}\n"
                    "      - {path: none.env, required: false}\n"
                    "    environment: {C: own}\n"
                    "    label_file: l.env\n"
                    "    labels: [two=own]\n"
                    "  one: {image: x, env_file: a.env}\n"},
                   {"d/.env", "TAG=7\n"},
                   {"d/a.env", "A=$TAG\nB=a\nC=a\nD=$C\n"},
                   {"d/sub/b.env", "B='$TAG'\n"},
                   {"d/l.env", "one=1\ntwo=2\n"}},
                  {}};
    spec::ComposeFile const file = folder.read({"d/shop.yaml"});
    CHECK(service(file, "web").environment ==
          Pairs{{"A", "7"}, {"B", "'$TAG'"}, {"C", "own"}, {"D", "own"}});
    CHECK(service(file, "web").labels == Pairs{{"one", "1"}, {"two", "own"}});
    CHECK(service(file, "one").environment ==
          Pairs{{"A", "7"}, {"B", "a"}, {"C", "a"}, {"D", "a"}});
    CHECK(file.inputs ==
          Words{"d/.env", "d/a.env", "d/l.env", "d/none.env", "d/shop.yaml", "d/sub/b.env"});

    folder.files["d/sub/b.env"] = "\n B C";
    folder.files.erase("d/a.env");
    folder.files["d/shop.yaml"] +=
        "  two: {image: x, env_file: {path: l.env, color: red, format: x}}\n";
    CHECK(
        told(folder.read({"d/shop.yaml"})) ==
        Words{"d/shop.yaml:5:9: services.web.env_file: \"d/a.env\" does not exist",
              "d/shop.yaml:11:29: services.one.env_file: \"d/a.env\" does not exist",
              "d/shop.yaml:12:50: services.two.env_file.color: expected path, required or format",
              "d/shop.yaml:12:63: services.two.env_file.format: expected raw, or no format, found "
              "\"x\"",
              "d/sub/b.env:2:1: expected NAME=VALUE, found \"B C\""});
}

TEST_CASE("an env file with a secret that others may read gives a warning") {
    Folder folder{{{"shop.yaml", "services: {web: {image: x, env_file: a.env}}\n"},
                   {"a.env", "PLAIN=1\nDB_PASSWORD=x\n"}},
                  "a.env"};
    CHECK(told(folder.read({"shop.yaml"})) ==
          Words{"a.env: others may read this file, and DB_PASSWORD seems to be a secret; chmod o-r "
                "takes it from them"});
    folder.files["a.env"] = "PLAIN=1\n";
    CHECK(told(folder.read({"shop.yaml"})) == Words{});
}

TEST_CASE("a service extends others of this file and of other files") {
    Folder const folder{
        {{"shop.yaml",
          "services:\n"
          "  web:\n"
          "    extends: {service: base, file: lib/base.yaml}\n"
          "    environment: {B: own}\n"
          "  more: {extends: web, command: [b], user: !reset null}\n"},
         {"lib/base.yaml",
          "services:\n"
          "  base:\n"
          "    extends: {service: root, file: ./deep/root.yaml}\n"
          "    env_file: base.env\n"
          "    environment: [B=base]\n"
          "    command: [a]\n"},
         {"lib/base.env", "E=1\n"},
         {"lib/deep/root.yaml", "services: {root: {image: \"x:$TAG\", user: u, labels: {l: x}}}\n"},
         {".env", "TAG=1\n"}},
        {}};
    spec::ComposeFile const file = folder.read({"shop.yaml"});
    spec::ServiceSpec const web = service(file, "web");
    CHECK(web.image == "x:1");
    CHECK(web.environment == Pairs{{"B", "own"}, {"E", "1"}});
    CHECK(web.command == Words{"a"});
    CHECK(web.user == "u");
    spec::ServiceSpec const more = service(file, "more");
    CHECK(more.command == Words{"b"});
    CHECK(more.user.empty());
    CHECK(more.labels == Pairs{{"l", "x"}});
    CHECK(names(file) == Words{"more", "web"});
}

TEST_CASE("extends: what is not there, and what never ends") {
    struct Case {
        char const* text;
        char const* told;
    };

    Case const cases[] = {
        {"web: {image: x, extends: no}",
         "shop.yaml:1:37: services.web.extends: expected a service of shop.yaml, found \"no\""},
        {"web: {image: x, extends: {file: no.yaml, service: a}}",
         "shop.yaml:1:37: services.web.extends: \"no.yaml\" does not exist"},
        {"web: {image: x, extends: {file: lib.yaml, service: no}}",
         "shop.yaml:1:37: services.web.extends: expected a service of lib.yaml, found \"no\""},
        {"web: {image: x, extends: {file: list.yaml, service: no}}",
         "shop.yaml:1:37: services.web.extends: expected a file with services, found "
         "\"list.yaml\""},
        {"web: {image: x, extends: {file: \"https://a/b.yaml\", service: a}}",
         "shop.yaml:1:37: services.web.extends: \"https://a/b.yaml\" is elsewhere: no file is "
         "fetched; put a copy beside this file"},
        {"web: {image: x, extends: {file: lib.yaml}}",
         "shop.yaml:1:37: services.web.extends: expected the name of a service, or a map with "
         "service and file"},
        {"web: {image: x, extends: {name: a}}",
         "shop.yaml:1:38: services.web.extends: expected service or file"},
        {"web: {image: x, extends: web}",
         "shop.yaml:1:37: services.web.extends: expected no cycle, found service \"web\" again"},
        {"a: {image: x, extends: b}, b: {extends: a}",
         "shop.yaml:1:35: services.a.extends: expected no cycle, found service \"a\" again"},
        {"web: {image: x, extends: {file: lib.yaml, service: a}}",
         "lib.yaml:2:16: services.a.extends: expected no cycle, found service \"a\" again"},
    };
    for (Case const& item : cases) {
        Folder const folder{{{"shop.yaml", base::concat("services: {", item.text, "}")},
                             {"lib.yaml",
                              "services:\n  a: {extends: b}\n  b: {extends: {service: a, "
                              "file: lib.yaml}}\n"},
                             {"list.yaml", "[]"}},
                            {}};
        INFO(item.text);
        CHECK(told(folder.read({"shop.yaml"})).front() == item.told);
    }
    std::string chain = "services:\n  s0: {image: x}\n";
    for (int at = 1; at <= 66; ++at) {
        chain += base::concat("  s", at, ": {extends: s", at - 1, "}\n");
    }
    // From the end: what was resolved on the way counts once.
    std::string backwards = "services:\n";
    for (int at = 66; at > 0; --at) {
        backwards += base::concat("  s", at, ": {extends: s", at - 1, "}\n");
    }
    CHECK(told(Folder{{{"a.yaml", chain}}, {}}.read({"a.yaml"})) == Words{});
    backwards += "  s0: {image: x}\n";
    Words const deep = told(Folder{{{"a.yaml", backwards}}, {}}.read({"a.yaml"}));
    CHECK(std::ranges::count(deep,
                             "a.yaml:66:17: services.s2.extends: expected at most 64 services that "
                             "extend each other, found more") == 1);
}

TEST_CASE("an included file is an application of its own") {
    Folder const folder{
        {{"shop.yaml",
          "include:\n"
          "  - lib/db.yaml\n"
          "  - path: [lib/a.yaml, lib/b.yaml]\n"
          "    project_directory: base\n"
          "    env_file: [lib/a.env]\n"
          "services:\n"
          "  web: {image: \"web:$TAG\", depends_on: [db]}\n"
          "  a: {labels: {here: \"1\"}}\n"},
         {".env", "TAG=main\n"},
         {"lib/.env", "TAG=lib\nONLY=lib\n"},
         {"lib/a.env", "ONLY=a\n"},
         {"lib/db.yaml",
          "name: other\nservices: {db: {image: \"db:$TAG-$ONLY\", env_file: db.env}}"},
         {"lib/db.env", "X=lib\n"},
         {"lib/a.yaml", "services: {a: {image: \"a:$ONLY\", env_file: db.env, labels: [l=a]}}"},
         {"lib/b.yaml", "services: {a: {labels: [l=b]}}"},
         {"base/db.env", "X=base\n"}},
        {}};
    spec::ComposeFile const file = folder.read({"shop.yaml"});
    CHECK(file.project == "shop");
    CHECK(names(file) == Words{"a", "db", "web"});
    CHECK(service(file, "web").image == "web:main");
    CHECK(service(file, "db").image == "db:main-lib");
    CHECK(service(file, "db").environment == Pairs{{"X", "lib"}});
    CHECK(service(file, "a").image == "a:a");
    CHECK(service(file, "a").environment == Pairs{{"X", "base"}});
    CHECK(service(file, "a").labels == Pairs{{"here", "1"}, {"l", "b"}});
}

TEST_CASE("include: what is not there, conflicts and cycles") {
    struct Case {
        char const* include;
        char const* told;
    };

    Case const cases[] = {
        {"[no.yaml]", "shop.yaml:1:11: include[0]: \"no.yaml\" does not exist"},
        {"no.yaml", "shop.yaml:1:10: include: expected a list of Compose files, found \"no.yaml\""},
        {"[{file: a.yaml}]",
         "shop.yaml:1:12: include[0].file: expected path, project_directory or env_file"},
        {"[{}]", "shop.yaml:1:11: include[0]: expected a path, found none"},
        {"[[[]]]", "shop.yaml:1:12: include[0]: expected a path or a list of paths, found a list"},
        {"[{path: a.yaml, env_file: no.env}]",
         "shop.yaml:1:11: include[0]: \"no.env\" does not exist"},
        {"[oci://a/b]",
         "shop.yaml:1:11: include[0]: \"oci://a/b\" is elsewhere: no file is fetched; put a copy "
         "beside this file"},
        {"[a.yaml, b.yaml]",
         "b.yaml:1:12: services.a: included twice and not the same, first from a.yaml:1"},
        {"[shop.yaml]",
         "shop.yaml:1:11: include[0]: expected no cycle, found shop.yaml -> shop.yaml"},
        {"[cycle.yaml]",
         "cycle.yaml:1:11: include[0]: expected no cycle, found shop.yaml -> cycle.yaml -> "
         "shop.yaml"},
        {"[empty.yaml]", "empty.yaml: expected a map with services, found nothing"},
        {"[a.yaml, a.yaml, {path: a.yaml}]", nullptr},
    };
    for (Case const& item : cases) {
        Folder const folder{{{"shop.yaml", base::concat("include: ", item.include,
                                                        "\nservices: {web: {image: x}}")},
                             {"a.yaml", "services: {a: {image: x}}"},
                             {"b.yaml", "services: {a: {image: y}}"},
                             {"empty.yaml", "# nothing"},
                             {"cycle.yaml", "include: [shop.yaml]\nservices: {}"}},
                            {}};
        INFO(item.include);
        CHECK(told(folder.read({"shop.yaml"})) ==
              (item.told == nullptr ? Words{} : Words{item.told}));
    }
}

TEST_CASE("services of inactive profiles are left out, and may not be needed") {
    Folder folder{{{"shop.yaml",
                    "services:\n"
                    "  foo: {image: x}\n"
                    "  bar: {image: x, profiles: [test]}\n"
                    "  baz: {image: x, profiles: [test], depends_on: [bar]}\n"
                    "  zot: {image: x, profiles: [debug], depends_on: [bar]}\n"}},
                  {}};
    auto const with = [&](std::vector<std::string> profiles) {
        return folder.read({.files = {"shop.yaml"},
                            .env_files = {},
                            .variables = {},
                            .profiles = std::move(profiles)});
    };
    CHECK(names(with({})) == Words{"foo"});
    CHECK(names(with({"test"})) == Words{"bar", "baz", "foo"});
    CHECK(names(with({"test", "debug"})) == Words{"bar", "baz", "foo", "zot"});
    CHECK(names(with({"*"})) == Words{"bar", "baz", "foo", "zot"});
    CHECK(told(with({"debug"})) ==
          Words{"shop.yaml:5:51: services.zot.depends_on: needs the service \"bar\", none of whose "
                "profiles is active"});
    CHECK(told(Folder{{{"a.yaml", "services: {a: {image: x, profiles: test}}"}}, {}}.read(
              {"a.yaml"})) ==
          Words{"a.yaml:1:36: services.a.profiles: expected a list of profiles, found \"test\""});
    folder.files[".env"] = "COMPOSE_PROFILES=other, test\n";
    CHECK(names(with({})) == Words{"bar", "baz", "foo"});
    folder.files.erase(".env");
    folder.files["shop.yaml"] += "x-covey: {profiles: [test]}\n";
    CHECK(names(with({})) == Words{"bar", "baz", "foo"});
}

TEST_CASE("after merging, each message names the file it is about") {
    Folder const folder{{{"a.yaml",
                          "services:\n"
                          "  web:\n"
                          "    image: x\n"
                          "    scale: 1\n"
                          "    user: a b\n"},
                         {"sub/b.yaml",
                          "services:\n"
                          "  web:\n"
                          "    scale: two\n"
                          "    labels: {a: [1]}\n"}},
                        {}};
    CHECK(
        told(folder.read({"a.yaml", "sub/b.yaml"})) ==
        Words{"a.yaml:5:11: services.web.user: expected USER or USER:GROUP, as names or numbers, "
              "found \"a b\"",
              "sub/b.yaml:3:12: services.web.scale: expected a whole number from 0 to 10000, found "
              "\"two\"",
              "sub/b.yaml:4:17: services.web.labels.a: expected text, found a list"});
}

TEST_CASE("many services may read one env file") {
    std::string text = "services:\n";
    for (int at = 0; at < 300; ++at) {
        text += base::concat("  s", at, ": {image: x, env_file: a.env}\n");
    }
    Folder folder{{{"a.yaml", text}, {"a.env", "A=1\n"}}, {}};
    CHECK(service(folder.read({"a.yaml"}), "s299").environment == Pairs{{"A", "1"}});
    folder.files["a.env"] = "#" + std::string(100'000, 'x');
    CHECK(told(folder.read({"a.yaml"})).front().contains("expected env files of at most"));
}

TEST_CASE("files and bytes are bounded") {
    Folder folder;
    std::string include = "include:\n";
    for (std::size_t at = 0; at < spec::inputs_max; ++at) {
        include += base::concat("  - f", at, ".yaml\n");
        folder.files[base::concat("f", at, ".yaml")] = "services: {}";
    }
    folder.files["shop.yaml"] = include + "services: {}\n";
    CHECK(told(folder.read({"shop.yaml"}))
              .front()
              .ends_with("is one too many: expected at most 100 files"));

    folder.files["shop.yaml"] = "include: [f0.yaml, f1.yaml, f2.yaml, f3.yaml, f4.yaml]";
    std::string const large = "services: {}\n#" + std::string(1'000'000, 'x');
    for (int at = 0; at < 5; ++at) {
        folder.files[base::concat("f", at, ".yaml")] = large;
    }
    CHECK(
        told(folder.read({"shop.yaml"})) ==
        Words{"shop.yaml:1:47: include[4]: \"f4.yaml\" is too much: expected at most 4194304 bytes "
              "in all files"});
}
