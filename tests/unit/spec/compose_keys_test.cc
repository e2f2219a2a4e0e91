#include <catch2/catch.hpp>

#include "spec/compose.h"
#include "tests/unit/spec/reading.h"

// One case a key: what a valid value makes of the service.

namespace {

using Words = std::vector<std::string>;
using Map = std::map<std::string, std::string>;

constexpr spec::Protocol tcp = spec::Protocol::tcp;
constexpr spec::Protocol udp = spec::Protocol::udp;

// The service "web" with the given lines; they must not lead to any diagnostic.
spec::ServiceSpec web(std::string_view lines) {
    spec::ComposeFile file = reading::read(reading::web(lines));
    INFO(lines);
    REQUIRE(reading::told(file) == Words{});
    REQUIRE(file.services.size() == 1);
    return file.services.front();
}

}  // namespace

TEST_CASE("a service with an image only has the defaults") {
    spec::ServiceSpec expected;
    expected.project = "shop";
    expected.name = "web";
    expected.image = "nginx";
    CHECK(web("") == expected);
    CHECK(expected.replicas == 1);
    CHECK(expected.stop_grace_period == base::seconds(10));
}

TEST_CASE("image") {
    for (char const* const image : {"nginx", "nginx:1.27-alpine", "localhost:5000/a/b:c",
                                    "docker.io/library/x@sha256:0123"}) {
        spec::ComposeFile const file =
            reading::read(base::concat("services: {a: {image: \"", image, "\"}}"));
        REQUIRE(file.usable());
        CHECK(file.services[0].image == image);
    }
}

TEST_CASE("command and entrypoint: text is cut into words, a list is kept, null is the image's") {
    CHECK(web("command: nginx -g 'daemon off;'").command == Words{"nginx", "-g", "daemon off;"});
    CHECK(web("command: [sleep, 10, \"a b\"]").command == Words{"sleep", "10", "a b"});
    CHECK(web("command:\n- a\n- b").command == Words{"a", "b"});
    CHECK(web("command: []").command == Words{});
    CHECK(web("command: ''").command == Words{});
    CHECK(web("command:").command == std::nullopt);
    CHECK(web("entrypoint: /run.sh -x").entrypoint == Words{"/run.sh", "-x"});
    CHECK(web("entrypoint: [/run.sh]").entrypoint == Words{"/run.sh"});
    CHECK(web("entrypoint: null").entrypoint == std::nullopt);
    CHECK(web("command: echo $$HOME $$$$ 5$").command == Words{"echo", "$HOME", "$$", "5$"});
    CHECK(web("command: >\n  a\n  b").command == Words{"a", "b"});
}

TEST_CASE("environment: a map or a list, numbers and booleans as Compose writes them") {
    Map const expected{{"A", "1"}, {"B", "x y"}, {"C", "true"}, {"D", ""}, {"E", "1.50"}};
    CHECK(web("environment: {A: 1, B: x y, C: True, D: '', E: '1.50'}").environment == expected);
    CHECK(web("environment: [A=1, B=x y, C=true, D=, E=1.50]").environment == expected);
    CHECK(web("environment: [A=b=c]").environment == Map{{"A", "b=c"}});
    CHECK(web("environment: {}").environment.empty());
    CHECK(web("environment: {A: \"null\", B: 'yes', C: no}").environment ==
          Map{{"A", "null"}, {"B", "yes"}, {"C", "no"}});
}

TEST_CASE("labels: a map or a list, a name alone is empty") {
    Map const expected{{"a.b/c", "x"}, {"n", "7"}, {"none", ""}};
    CHECK(web("labels: {a.b/c: x, n: 7, none: }").labels == expected);
    CHECK(web("labels: [a.b/c=x, n=7, none]").labels == expected);
}

TEST_CASE("working_dir and user") {
    CHECK(web("working_dir: /srv/a b").working_dir == "/srv/a b");
    CHECK(web("user: www-data").user == "www-data");
    CHECK(web("user: 1000").user == "1000");
    CHECK(web("user: 1000:1000").user == "1000:1000");
}

TEST_CASE("ports, short form") {
    struct Case {
        char const* text;
        std::vector<spec::Port> ports;
        std::vector<std::uint16_t> expose;
    };

    Case const cases[] = {
        {"3000", {}, {3000}},
        {"\"3000-3002\"", {}, {3000, 3001, 3002}},
        {"8000:80", {{80, 8000, tcp}}, {}},
        {"\"8000:80/tcp\"", {{80, 8000, tcp}}, {}},
        {"9090-9091:8080-8081", {{8080, 9090, tcp}, {8081, 9091, tcp}}, {}},
        {"6060:6060/UDP", {{6060, 6060, udp}}, {}},
        {"53/udp", {{53, 0, udp}}, {}},
        {"0.0.0.0:8001:80", {{80, 8001, tcp}}, {}},
        {"\"[::]:8001:80\"", {{80, 8001, tcp}}, {}},
        {"\"0.0.0.0::80\"", {}, {80}},
        {"1:65535", {{65535, 1, tcp}}, {}},
        // Published is more than exposed.
        {"80, \"8000:80\"", {{80, 8000, tcp}}, {}},
        {"53/udp, \"53:53/udp\"", {{53, 53, udp}}, {}},
        // One port under two numbers, one number under two protocols, and one line twice.
        {"\"2:80\", \"1:80\"", {{80, 1, tcp}, {80, 2, tcp}}, {}},
        {"\"1:80\", \"1:80/udp\"", {{80, 1, tcp}, {80, 1, udp}}, {}},
        {"\"1:80\", \"1:80\"", {{80, 1, tcp}}, {}},
    };
    for (Case const& item : cases) {
        spec::ServiceSpec const spec = web(base::concat("ports: [", item.text, "]"));
        INFO(item.text);
        CHECK(spec.ports == item.ports);
        CHECK(spec.expose == item.expose);
    }
}

TEST_CASE("ports, long form") {
    CHECK(web("ports: [{target: 80}]").expose == std::vector<std::uint16_t>{80});
    CHECK(web("ports: [{target: 80, published: 8080}]").ports ==
          std::vector<spec::Port>{{80, 8080, tcp}});
    CHECK(web("ports:\n- target: \"53\"\n  published: \"5353\"\n  protocol: udp\n  mode: ingress\n"
              "  name: dns\n  app_protocol: dns\n  host_ip: 0.0.0.0\n  x-note: a")
              .ports == std::vector<spec::Port>{{.target = 53,
                                                 .published = 5353,
                                                 .protocol = udp,
                                                 .name = "dns",
                                                 .app_protocol = "dns"}});
    CHECK(web("ports: [{target: 80, published: 0}]").ports.empty());
    CHECK(web("ports: [{target: 80, published: ''}]").ports.empty());
}

TEST_CASE("expose") {
    spec::ServiceSpec const spec = web("expose: [8000, \"3001-3002\", 8000, 9/tcp, 53/udp]");
    CHECK(spec.expose == std::vector<std::uint16_t>{9, 3001, 3002, 8000});
    CHECK(spec.ports == std::vector<spec::Port>{{53, 0, udp}});
}

TEST_CASE("healthcheck: kinds of test") {
    CHECK(web("healthcheck: {test: curl -f x || exit 1}").health.command ==
          Words{"/bin/sh", "-c", "curl -f x || exit 1"});
    CHECK(web("healthcheck: {test: [CMD-SHELL, a && b]}").health.command ==
          Words{"/bin/sh", "-c", "a && b"});
    spec::HealthCheck const exec = web("healthcheck: {test: [CMD, a, 'b c']}").health;
    CHECK(exec.kind == spec::CheckKind::exec);
    CHECK(exec.command == Words{"a", "b c"});
    for (char const* const none :
         {"{test: [NONE]}", "{disable: true}", "{test: [NONE], interval: 3s}"}) {
        spec::HealthCheck const off = web(base::concat("healthcheck: ", none)).health;
        CHECK(off.kind == spec::CheckKind::none);
        CHECK(off.disabled);
    }
    spec::HealthCheck const on_port = web("healthcheck: {x-covey: {tcp: 8080}}").health;
    CHECK(on_port.kind == spec::CheckKind::tcp);
    CHECK(on_port.port == 8080);
    spec::HealthCheck const page =
        web("healthcheck: {x-covey: {http: '8080/health/z?a=b'}}").health;
    CHECK(page.kind == spec::CheckKind::http);
    CHECK(page.port == 8080);
    CHECK(page.path == "/health/z?a=b");
    CHECK(web("healthcheck: {x-covey: {http: 80}}").health.path == "/");
}

TEST_CASE("healthcheck: timing, with Docker's defaults") {
    spec::HealthCheck const plain = web("healthcheck: {test: a}").health;
    CHECK(plain.interval == base::seconds(30));
    CHECK(plain.timeout == base::seconds(30));
    CHECK(plain.start_period == base::seconds(0));
    CHECK(plain.start_interval == base::seconds(5));
    CHECK(plain.retries == 3);
    spec::HealthCheck const given =
        web("healthcheck: {interval: 1m30s, timeout: 300ms, start_period: 0s, start_interval: 2s,\n"
            "  retries: 7, test: a, disable: false}")
            .health;
    CHECK(given.interval == base::seconds(90));
    CHECK(given.timeout == base::milliseconds(300));
    CHECK(given.start_interval == base::seconds(2));
    CHECK(given.retries == 7);
}

TEST_CASE("deploy: mode, replicas and scale") {
    CHECK(web("deploy: {replicas: 3}").replicas == 3);
    CHECK(web("deploy: {mode: replicated, replicas: 0}").replicas == 0);
    CHECK(web("deploy: {mode: global}").mode == spec::Mode::global);
    CHECK(web("deploy:").replicas == 1);
    CHECK(web("scale: 4").replicas == 4);
    CHECK(web("scale: 4\ndeploy: {replicas: 4}").replicas == 4);
    CHECK(web("deploy: {replicas: 10000}").replicas == 10'000);
}

TEST_CASE("deploy: placement") {
    spec::ServiceSpec const spec =
        web("deploy:\n"
            "  placement:\n"
            "    constraints: [node.role != edge, node.labels.a.b-c==x y,\n"
            "                  node.platform.arch == aarch64, node.role!=edge]\n"
            "    max_replicas_per_node: 2");
    CHECK(spec.constraints == std::vector<spec::Constraint>{{"node.labels.a.b-c", true, "x y"},
                                                            {"node.platform.arch", true, "aarch64"},
                                                            {"node.role", false, "edge"}});
    CHECK(spec.max_replicas_per_node == 2);
    CHECK(web("deploy: {placement: {constraints: [node.id == a!=b]}}").constraints ==
          std::vector<spec::Constraint>{{"node.id", true, "a!=b"}});
}

TEST_CASE("deploy: resources") {
    spec::ServiceSpec const spec =
        web("deploy:\n"
            "  resources:\n"
            "    reservations: {cpus: 0.25, memory: 20M}\n"
            "    limits: {cpus: '0.50', memory: 50M, pids: 100}");
    CHECK(spec.limits == spec::Resources{500, 50 << 20, 100});
    CHECK(spec.reservations == spec::Resources{250, 20 << 20, 0});
}

TEST_CASE("depends_on: both forms") {
    auto const web_of = [](std::string_view lines) {
        spec::ComposeFile const file = reading::read(
            base::concat("services:\n  db: {image: db}\n  cache: {image: cache}\n  web:\n"
                         "    image: nginx\n    depends_on: ",
                         lines));
        REQUIRE(file.usable());
        REQUIRE(file.services.size() == 3);
        return file.services[2].depends_on;
    };
    CHECK(web_of("[db, cache]") ==
          std::vector<spec::Dependency>{{"cache", spec::Condition::started},
                                        {"db", spec::Condition::started}});
    CHECK(web_of("{db: {condition: service_healthy},\n"
                 "      cache: {condition: service_completed_successfully}}") ==
          std::vector<spec::Dependency>{{"cache", spec::Condition::completed},
                                        {"db", spec::Condition::healthy}});
    CHECK(web_of("{db: {condition: service_started}}") ==
          std::vector<spec::Dependency>{{"db", spec::Condition::started}});
}

TEST_CASE("stop_grace_period") {
    CHECK(web("stop_grace_period: 1m30s").stop_grace_period == base::seconds(90));
    CHECK(web("stop_grace_period: 0s").stop_grace_period == base::seconds(0));
}

TEST_CASE("extensions are passed over at every level") {
    CHECK(web("x-a: [1]\ndeploy: {x-b: 1, placement: {x-c: {}}, resources: {x-d: 1,\n"
              "  limits: {x-e: 1}}}\nhealthcheck: {test: a, x-f: $$VAR}")
              .health.kind == spec::CheckKind::exec);
    CHECK(
        reading::told(reading::read("x-top: {image: 5}\nservices:\n  x-common: {a: b}\n")).empty());
}
