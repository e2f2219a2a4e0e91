#include <catch2/catch.hpp>

#include "spec/compose.h"
#include "tests/unit/spec/reading.h"

// The file as a whole: its project, its services, and what two files that mean the same have in
// common.

namespace {

using Words = std::vector<std::string>;

std::string project(std::string_view file, std::string_view text = "services: {}") {
    return spec::read_compose(file, text).project;
}

}  // namespace

TEST_CASE("the project is the name of the file, or what the file says") {
    CHECK(project("shop.yaml") == "shop");
    CHECK(project("/etc/covey/services/My.Shop.yml") == "myshop");
    CHECK(project("../a b/_x-Y_1.yaml") == "x-y_1");
    CHECK(project("plain") == "plain");
    CHECK(project("shop.yaml", "name: other\nservices: {}") == "other");
    CHECK(reading::told(spec::read_compose("---.yaml", "services: {}")) ==
          Words{"---.yaml:1:1: expected a file name that makes a project name, or a name: at the "
                "top; found \"\""});
    CHECK_FALSE(spec::read_compose(std::string(64, 'a') + ".yaml", "services: {}").usable());
    CHECK(reading::told(reading::read("name: Shop\nservices: {}")) ==
          Words{"shop.yaml:1:7: name: expected a project name of a-z, 0-9, _ and -, at most 63, "
                "not beginning with _ or -, found \"Shop\""});
}

TEST_CASE("services are sorted by name and carry their project") {
    spec::ComposeFile const file =
        reading::read("services:\n  b: {image: x}\n  a: {image: y}\n  c: {image: z}\n");
    REQUIRE(file.services.size() == 3);
    Words keys;
    for (spec::ServiceSpec const& service : file.services) {
        keys.push_back(spec::service_key(service));
    }
    CHECK(keys == Words{"shop/a", "shop/b", "shop/c"});
    CHECK(file.diagnostics.empty());
}

TEST_CASE("a file that is wrong somewhere gives no service at all") {
    spec::ComposeFile const file =
        reading::read("services:\n  a: {image: x}\n  b: {image: x, scale: no}\n");
    CHECK_FALSE(file.usable());
    CHECK(file.services.empty());
}

TEST_CASE("wrong files") {
    struct Case {
        char const* text;
        Words told;
    };

    Case const cases[] = {
        {"", {"shop.yaml: expected a map with services, found nothing"}},
        {"# nothing\n\n", {"shop.yaml: expected a map with services, found nothing"}},
        {"---\n", {"shop.yaml: expected a map with services, found nothing"}},
        {"- a\n", {"shop.yaml:1:1: expected a map with services, found a list"}},
        {"text", {"shop.yaml:1:1: expected a map with services, found \"text\""}},
        {"a: 1\n",
         {"shop.yaml:1:1: expected services, found none",
          "shop.yaml:1:1: a: unknown key, ignored"}},
        {"services: [a]\n", {"shop.yaml:1:11: services: expected a map of services, found a list"}},
        {"services:\n", {"shop.yaml:1:1: services: expected a map of services, found nothing"}},
        {"services:\n  web:\n", {"shop.yaml:2:3: services.web: expected a map, found nothing"}},
        {"services: {web: {}}", {"shop.yaml:1:12: services.web: expected an image, found none"}},
        {"services: {web: {image: }}",
         {"shop.yaml:1:18: services.web.image: expected text, found nothing"}},
        {"services: {web: {image: a b}}",
         {"shop.yaml:1:25: services.web.image: expected an image such as nginx:1.27 or "
          "registry.example/team/app:2, found \"a b\""}},
        {"services: {Web: {image: x}}",
         {"shop.yaml:1:12: services.Web: expected a service name of a-z, 0-9, _ and -, at most 63, "
          "not beginning with _ or -"}},
        {"services: {a: {image: x}, a: {image: y}}",
         {"shop.yaml:1:27: services.a: given twice in one map, first in line 1"}},
        {"services: {a: {image: x, ports: [80:80]}, b: {image: x, ports: ['80:81']}}",
         {"shop.yaml:1:65: services.b.ports[0]: port 80/tcp is published already, by services.a "
          "for port 80"}},
    };
    for (Case const& item : cases) {
        spec::ComposeFile const file = reading::read(item.text);
        INFO(item.text);
        CHECK(reading::told(file) == item.told);
        CHECK_FALSE(file.usable());
    }
}

TEST_CASE("one published port may serve TCP and UDP of two services") {
    CHECK(reading::read("services: {a: {image: x, ports: ['53:53/udp']},\n"
                        "           b: {image: x, ports: ['53:53/tcp']}}")
              .usable());
}

TEST_CASE("top-level keys") {
    CHECK(reading::told(reading::read("version: '3.8'\nservices: {}\nvolume: {a: }\nx-a: 1\n"
                                      "models: {}\n")) ==
          Words{"shop.yaml:1:1: version: deprecated: use no version at all",
                "shop.yaml:3:1: volume: unknown key, ignored; did you mean volumes?",
                "shop.yaml:5:1: models: not supported on a fleet: models are not run; run their "
                "server as a service"});
}

TEST_CASE("files that mean the same give equal services and revisions") {
    spec::ComposeFile const one = spec::read_compose("shop.yaml", R"(
services:
  web:
    image: nginx
    command: nginx -g 'daemon off;'
    environment: {A: 1, B: two}
    labels: [x=1, y=2]
    ports: ["8080-8081:80-81", "53:53/udp", 443]
    expose: [9, 443]
    healthcheck: {test: "true", interval: 1m30s}
    deploy:
      replicas: 2
      placement: {constraints: [node.role==a, node.labels.b != c]}
      resources: {limits: {memory: 1g, cpus: 0.5}}
    depends_on: [db, cache]
    stop_grace_period: 1m
  db: {image: db}
  cache: {image: cache}
)");
    spec::ComposeFile const other = spec::read_compose("/other/folder/SHOP.yml", R"(
# The same in other words.
x-env: &env
  B: two
x-health: &health {interval: 90s, timeout: 30s}
services:
  cache: {image: cache, scale: 1}
  db:
    image: "db"
    deploy: {mode: replicated}
  web:
    stop_grace_period: 60s
    depends_on: {cache: {condition: service_started}, db: {condition: service_started}}
    expose: ["443/tcp", 9]
    deploy:
      resources: {limits: {cpus: "0.500", memory: 1024M}}
      placement:
        constraints:
          - node.labels.b!=c
          - node.role == a
    scale: 2
    healthcheck:
      <<: *health
      test: [CMD-SHELL, "true"]
      disable: false
      retries: 3
    ports:
      - {target: 53, published: "53", protocol: udp}
      - target: 81
        published: 8081
        mode: ingress
      - 0.0.0.0:8080:80
    labels: {y: 2, x: 1}
    environment:
      <<: *env
      A: "1"
    command: [nginx, -g, daemon off;]
    image: nginx
)");
    CHECK(reading::told(one) == Words{});
    CHECK(reading::told(other) == Words{});
    REQUIRE(one.services == other.services);
    REQUIRE(one.services.size() == 3);
    for (std::size_t at = 0; at < one.services.size(); ++at) {
        CHECK(spec::revision(one.services[at]) == spec::revision(other.services[at]));
    }
}

TEST_CASE("a service that is too large to be shared is refused") {
    std::string text = "environment:\n";
    for (int at = 0; at < 5; ++at) {
        text += base::concat("  V", at, ": ", std::string(30'000, 'x'), '\n');
    }
    CHECK(reading::told(reading::read(reading::web(text)))[0].starts_with(
        "shop.yaml:3:5: services.web: expected a service of at most 131072 bytes, found 150"));
    CHECK(reading::told(reading::read(reading::web("user: " + std::string(32'769, 'x')))) ==
          Words{"shop.yaml:4:11: services.web.user: expected at most 32768 bytes without a NUL "
                "character"});
}

TEST_CASE("lists, services and dependencies are bounded") {
    std::string list = "command: [";
    for (int at = 0; at < 1025; ++at) {
        list += "a,";
    }
    CHECK(reading::told(reading::read(reading::web(list + "]"))) ==
          Words{"shop.yaml:4:14: services.web.command: expected at most 1024 items, found 1025"});

    std::string services = "services:\n";
    for (int at = 0; at < 1000; ++at) {
        services += base::concat("  s", at, ": {image: x, depends_on: [s", at + 1, "]}\n");
    }
    spec::ComposeFile const chain = reading::read(services + "  s1000: {image: x}\n");
    CHECK(reading::told(chain) ==
          Words{"shop.yaml:2:3: services: expected at most 1000 services, found 1001"});
    Words const cycle =
        reading::told(reading::read(services.replace(services.find("[s1000]"), 7, "[s0]")));
    REQUIRE(cycle.size() == 1);
    CHECK(
        cycle[0].ends_with("expected no cycle, found s0 -> s1 -> s2 -> s3 -> s4 -> s5 -> s6 -> "
                           "s7 -> s8 -> s9 -> s10 -> s11 -> s12 -> s13 -> s14 -> s15 -> ... -> "
                           "s0"));
}
