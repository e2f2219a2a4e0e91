#include <catch2/catch.hpp>

#include "spec/compose.h"
#include "tests/unit/spec/reading.h"

// What is said about each wrong value, word for word.

namespace {

using Words = std::vector<std::string>;

struct Case {
    char const* lines;  // of the service "web", from line 4 and column 5 on
    std::string told;   // behind "shop.yaml:4:"
};

void check(std::vector<Case> const& cases, bool usable) {
    for (Case const& item : cases) {
        spec::ComposeFile const file = reading::read(reading::web(item.lines));
        INFO(item.lines);
        CHECK(reading::told(file) == Words{"shop.yaml:4:" + item.told});
        CHECK(file.usable() == usable);
        CHECK(file.services.size() == (usable ? 1 : 0));
    }
}

std::string port_error(char const* found) {
    return base::concat(
        "13: services.web.ports[0]: expected [[HOST_IP:]PUBLISHED:]TARGET"
        "[/PROTOCOL] with ports from 1 to 65535, such as 8080:80, found ",
        found);
}

}  // namespace

TEST_CASE("wrong text, lists and maps") {
    check(
        {
            {"command: {a: b}", "14: services.web.command: expected text or a list, found a map"},
            {"command: [[a]]", "15: services.web.command[0]: expected text, found a list"},
            {"command: [a, ~]", "18: services.web.command[1]: expected text, found nothing"},
            {"command: a 'b", "14: services.web.command: a quote is not closed; found \"a 'b\""},
            {"entrypoint: a | b",
             "17: services.web.entrypoint: no shell runs this: put ; & | < > ( ) ` in quotes, or "
             "write [\"/bin/sh\", \"-c\", \"...\"]; found \"a | b\""},
            {"command: [\"a\\0b\"]",
             "15: services.web.command[0]: expected at most 32768 bytes without a NUL character"},
            {"environment: text",
             "18: services.web.environment: expected a map, or a list of NAME=VALUE, found "
             "\"text\""},
            {"environment: {A: [1]}",
             "22: services.web.environment.A: expected text, found a list"},
            {"environment: {A: 1, A: 2}",
             "25: services.web.environment.A: given twice in one map, "
             "first in line 4"},
            {"environment: [A=1, A=2]", "24: services.web.environment[1]: \"A\" is given twice"},
            {"environment: [=1]",
             "19: services.web.environment[0]: expected a name without '=', found \"\""},
            {"environment: {a=b: 1}",
             "24: services.web.environment.a=b: expected a name without '=', found \"a=b\""},
            {"labels: 5",
             "13: services.web.labels: expected a map, or a list of NAME=VALUE, found \"5\""},
            {"working_dir: srv",
             "18: services.web.working_dir: expected an absolute path, found \"srv\""},
            {"user: a:b:c",
             "11: services.web.user: expected USER or USER:GROUP, as names or numbers, found "
             "\"a:b:c\""},
            {"user: ''", "11: services.web.user: expected text, found \"\""},
            {"image: other", "5: services.web.image: given twice in one map, first in line 3"},
        },
        false);
}

TEST_CASE("wrong ports") {
    check(
        {
            {"ports: 80", "12: services.web.ports: expected a list of ports, found \"80\""},
            {"ports: [0]", port_error("\"0\"")},
            {"ports: [65536]", port_error("\"65536\"")},
            {"ports: [a:80]", port_error("\"a:80\"")},
            {"ports: ['80:']", port_error("\"80:\"")},
            {"ports: [':80']", port_error("\":80\"")},
            {"ports: [90-80]", port_error("\"90-80\"")},
            {"ports: ['1-:80']", port_error("\"1-:80\"")},
            {"ports: [80/sctp]",
             "13: services.web.ports[0]: expected protocol tcp or udp, found \"sctp\""},
            {"ports: [host:80:80]",
             "13: services.web.ports[0]: expected an IP address before the port, found \"host\""},
            {"ports: [1-2:3-5]",
             "13: services.web.ports[0]: expected ranges of one length, found 2 published ports "
             "for 3"},
            {"ports: [1-2000]",
             "13: services.web.ports[0]: expected at most 1024 ports in a "
             "service"},
            {"ports: [[80]]", "13: services.web.ports[0]: expected text, found a list"},
            {"ports: [{published: 80}]",
             "13: services.web.ports[0]: expected a target port, found none"},
            {"ports: [{target: x}]",
             "22: services.web.ports[0].target: expected a port from 1 to 65535, found \"x\""},
            {"ports: [{target: 1-2}]",
             "22: services.web.ports[0].target: expected one port, found \"1-2\""},
            {"ports: [{target: 1, published: 99999}]",
             "36: services.web.ports[0].published: expected a port or a range from 1 to 65535, "
             "found \"99999\""},
            {"ports: [{target: 1, protocol: icmp}]",
             "35: services.web.ports[0].protocol: expected tcp or udp, found \"icmp\""},
            {"ports: [{target: 1, mode: near}]",
             "31: services.web.ports[0].mode: expected ingress or host, found \"near\""},
            {"ports: ['80:81', '80:82']",
             "22: services.web.ports[1]: port 80/tcp is published already, by services.web for "
             "port 81"},
            {"expose: [a]",
             "14: services.web.expose[0]: expected PORT[/PROTOCOL] from 1 to 65535, such as 3000, "
             "found \"a\""},
            {"expose: [80/x]",
             "14: services.web.expose[0]: expected PORT[/PROTOCOL] from 1 to 65535, such as 3000, "
             "found \"80/x\""},
        },
        false);
}

TEST_CASE("wrong health checks") {
    std::string const test =
        "24: services.web.healthcheck.test: expected [\"CMD\", program, ...], [\"CMD-SHELL\", "
        "line] or [\"NONE\"]";
    check(
        {
            {"healthcheck: a", "18: services.web.healthcheck: expected a map, found \"a\""},
            {"healthcheck: {test: [a]}", "25" + test.substr(2)},
            {"healthcheck: {test: []}", "25" + test.substr(2)},
            {"healthcheck: {test: [CMD]}", "25" + test.substr(2)},
            {"healthcheck: {test: [CMD-SHELL, a, b]}", "25" + test.substr(2)},
            {"healthcheck: {test: {}}",
             "25: services.web.healthcheck.test: expected text, found a map"},
            {"healthcheck: {test: a, interval: 5}",
             "38: services.web.healthcheck.interval: expected a duration above zero such as 1m30s, "
             "found \"5\""},
            {"healthcheck: {test: a, timeout: 0s}",
             "37: services.web.healthcheck.timeout: expected a duration above zero such as 1m30s, "
             "found \"0s\""},
            {"healthcheck: {test: a, start_period: -1s}",
             "42: services.web.healthcheck.start_period: expected a duration such as 1m30s, found "
             "\"-1s\""},
            {"healthcheck: {test: a, retries: 0}",
             "37: services.web.healthcheck.retries: expected a whole number from 1 to 1000, found "
             "\"0\""},
            {"healthcheck: {test: a, disable: maybe}",
             "37: services.web.healthcheck.disable: expected true or false, found \"maybe\""},
            {"healthcheck: {test: a, disable: true}",
             "25: services.web.healthcheck.test: expected no check beside disable: true or NONE"},
            {"healthcheck: {x-covey: {tcp: 70000}}",
             "34: services.web.healthcheck.x-covey.tcp: expected a whole number from 1 to 65535, "
             "found \"70000\""},
            {"healthcheck: {x-covey: {http: /a}}",
             "35: services.web.healthcheck.x-covey.http: expected PORT or PORT/PATH, such as "
             "8080/healthz, found \"/a\""},
            {"healthcheck: {x-covey: {http: 80/a b}}",
             "35: services.web.healthcheck.x-covey.http: expected PORT or PORT/PATH, such as "
             "8080/healthz, found \"80/a b\""},
            {"healthcheck: {test: a, x-covey: {tcp: 80}}",
             "43: services.web.healthcheck.x-covey.tcp: expected one kind of check, found "
             "services.web.healthcheck.test too"},
        },
        false);
}

TEST_CASE("wrong deploy") {
    check(
        {
            {"deploy: 5", "13: services.web.deploy: expected a map, found \"5\""},
            {"deploy: {mode: job}",
             "20: services.web.deploy.mode: expected replicated or global, found \"job\""},
            {"deploy: {mode: []}",
             "20: services.web.deploy.mode: expected replicated or global, found a list"},
            {"deploy: {replicas: -1}",
             "24: services.web.deploy.replicas: expected a whole number from 0 to 10000, found "
             "\"-1\""},
            {"deploy: {replicas: 10001}",
             "24: services.web.deploy.replicas: expected a whole number from 0 to 10000, found "
             "\"10001\""},
            {"deploy: {replicas: 1.5}",
             "24: services.web.deploy.replicas: expected a whole number from 0 to 10000, found "
             "\"1.5\""},
            {"deploy: {replicas: '${N:-a}'}",
             "24: services.web.deploy.replicas: expected a whole number from 0 to 10000, found "
             "\"a\""},
            {"deploy: {mode: global, replicas: 2}",
             "38: services.web.deploy.replicas: expected no number of replicas, because mode "
             "global runs one on every host"},
            {"scale: many",
             "12: services.web.scale: expected a whole number from 0 to 10000, found \"many\""},
            {"scale: 2\ndeploy: {replicas: 3}",
             "12: services.web.scale: expected the same number as deploy.replicas, 3, found 2"},
            {"deploy: {resources: {limits: {cpus: lots}}}",
             "41: services.web.deploy.resources.limits.cpus: expected a number of CPUs such as "
             "0.5, found \"lots\""},
            {"deploy: {resources: {limits: {memory: 5x}}}",
             "43: services.web.deploy.resources.limits.memory: expected an amount of memory such "
             "as 256m or 2g, found \"5x\""},
            {"deploy: {resources: {limits: {pids: -1}}}",
             "41: services.web.deploy.resources.limits.pids: expected a whole number from 0 to "
             "4194304, found \"-1\""},
            {"deploy: {resources: {limits: {memory: 1m}, reservations: {memory: 2m}}}",
             "25: services.web.deploy.resources: expected reservations up to the limits, found "
             "more"},
            {"stop_grace_period: 10",
             "24: services.web.stop_grace_period: expected a duration such as 1m30s, found \"10\""},
        },
        false);
}

TEST_CASE("wrong constraints") {
    std::string const at = "40: services.web.deploy.placement.constraints[0]: ";
    std::string const left = at +
                             "expected node.id, node.hostname, node.role, node.platform.os, "
                             "node.platform.arch or node.labels.NAME on the left, found ";

    struct Constraint {
        char const* text;
        std::string told;
    };

    Constraint const cases[] = {
        {"node.role = a", at + "expected LEFT == RIGHT or LEFT != RIGHT, found \"node.role = a\""},
        {"node.role", at + "expected LEFT == RIGHT or LEFT != RIGHT, found \"node.role\""},
        {"node.ip == a", left + "\"node.ip\""},
        {"engine.labels.a == a", left + "\"engine.labels.a\""},
        {"node.labels. == a", left + "\"node.labels.\""},
        {"node.role >= a",
         at + "expected LEFT == RIGHT or LEFT != RIGHT, found \"node.role >= a\""},
        {"node.role ==", at + "expected a value on the right, found \"node.role ==\""},
        {" == a", left + "\"\""},
    };
    for (Constraint const& item : cases) {
        std::string const lines =
            base::concat("deploy: {placement: {constraints: ['", item.text, "']}}");
        check({{lines.c_str(), item.told}}, false);
    }
    check({{"deploy: {placement: {constraints: node.role == a}}",
            "39: services.web.deploy.placement.constraints: expected a list of constraints, found "
            "\"node.role == a\""},
           {"deploy: {placement: {max_replicas_per_node: x}}",
            "49: services.web.deploy.placement.max_replicas_per_node: expected a whole number from "
            "0 to 10000, found \"x\""}},
          false);
}

TEST_CASE("wrong dependencies") {
    check(
        {
            {"depends_on: db",
             "17: services.web.depends_on: expected a list or a map of services, found \"db\""},
            {"depends_on: [db]",
             "18: services.web.depends_on[0]: expected a service of this file, found \"db\""},
            {"depends_on: {db: {}}",
             "22: services.web.depends_on.db: expected a service of this file, found \"db\""},
            {"depends_on: [web]",
             "18: services.web.depends_on[0]: expected no cycle, found web -> web"},
        },
        false);
    CHECK(reading::told(reading::read(reading::web("depends_on: {web: {condition: ready}}")))[1] ==
          "shop.yaml:4:35: services.web.depends_on.web.condition: expected service_started, "
          "service_healthy or service_completed_successfully, found \"ready\"");
    CHECK(reading::told(reading::read(R"(services:
  a: {image: x, depends_on: [b]}
  b: {image: x, depends_on: {c: {condition: service_healthy}}}
  c: {image: x, depends_on: [d, a]}
  d: {image: x}
)")) == Words{
            "shop.yaml:4:33: services.c.depends_on[1]: expected no cycle, found a -> b -> c -> a"});
}

TEST_CASE("what is not done is said, and the service runs without it") {
    check(
        {
            {"attach: false",
             "5: services.web.attach: not supported on a fleet: agent logs shows the output of any "
             "service"},
            {"links: [db]",
             "5: services.web.links: deprecated: use the names of services, which resolve without "
             "links, or aliases under networks"},
            {"no_such_key:", "5: services.web.no_such_key: unknown key, ignored"},
            {"heathcheck: 1",
             "5: services.web.heathcheck: unknown key, ignored; did you mean healthcheck?"},
            {"Volumes: 1", "5: services.web.Volumes: unknown key, ignored; did you mean volumes?"},
            {"deploy: {update_config: {parallelism: 2}}",
             "14: services.web.deploy.update_config: not yet: one container after the other is "
             "replaced, each when the one before is healthy"},
            {"deploy: {placement: {preferences: [{spread: node.labels.zone}]}}",
             "26: services.web.deploy.placement.preferences: not yet: replicas go where there is "
             "room"},
            {"deploy: {resources: {reservations: {generic_resources: []}}}",
             "41: services.web.deploy.resources.reservations.generic_resources: not supported on a "
             "fleet: hosts have no user-defined resources; use node labels and constraints"},
            {"ports: [{target: 80, color: red}]",
             "26: services.web.ports[0].color: unknown key, ignored"},
            {"ports: [{target: 80, mode: host}]",
             "26: services.web.ports[0].mode: not yet: the port is balanced over all replicas"},
            {"ports: ['127.0.0.1:80:80']",
             "13: services.web.ports[0]: not yet: the port is published on every address of every "
             "host"},
            {"ports: ['[::1]:80:80']",
             "13: services.web.ports[0]: not yet: the port is published on every address of every "
             "host"},
            {"ports: ['8000-8010:80']",
             "13: services.web.ports[0]: not yet: of the range of published ports only the first, "
             "8000, is used"},
            {"pid: 'service:db'",
             "10: services.web.pid: not supported on a fleet: the other container may be on "
             "another "
             "host; the container has its own"},
            {"healthcheck: {interval: 3s}",
             "18: services.web.healthcheck: no test is given and an image's own is not used: "
             "nothing is checked"},
            {"environment: {A: }",
             "19: services.web.environment.A: no value is given and none is taken from a shell; "
             "\"A\" stays unset"},
            {"environment: [A]",
             "19: services.web.environment[0]: no value is given and none is taken from a shell; "
             "\"A\" stays unset"},
            {"environment: {V: 1.10}",
             "22: services.web.environment.V: \"1.10\" is a number to YAML and becomes \"1.1\"; "
             "put it in quotes to keep it"},
            {"command: echo ${HOME}",
             "14: services.web.command: the variable HOME is not set: empty text is used"},
            {"labels: [a=$b]",
             "14: services.web.labels[0]: the variable b is not set: empty text is used"},
            {"command: !odd []",
             "14: services.web.command: the tag \"!odd\" is not known; ignored"},
        },
        true);
}

TEST_CASE("a key that says what happens anyway is not reported") {
    for (char const* const line :
         {"restart: always", "restart: unless-stopped", "privileged: false", "init: false",
          "pid: ''", "ipc: private", "network_mode: bridge", "networks: [default]",
          "networks: {default: }", "pull_policy: missing", "deploy: {endpoint_mode: vip}",
          "deploy: {restart_policy: {condition: any}}", "oom_score_adj: 0", "x-covey: {}",
          "deploy: {resources: {reservations: {devices: []}}}",
          "depends_on: {db: {condition: service_started, required: false, restart: false}}"}) {
        INFO(line);
        spec::ComposeFile const file = reading::read(reading::web(line));
        CHECK(reading::told(file) == Words{});
        REQUIRE(file.services.size() == 1);
        CHECK(file.services[0].depends_on.empty());
    }
}

TEST_CASE("an unknown key below x-covey is an error") {
    check(
        {
            {"healthcheck: {test: a, x-covey: {grpc: 80}}",
             "38: services.web.healthcheck.x-covey.grpc: unknown key"},
            {"x-covey: {priorty: 3}",
             "15: services.web.x-covey.priorty: unknown key; did you mean priority?"},
            {"x-covey: {lb: {affinty: none}}",
             "20: services.web.x-covey.lb.affinty: unknown key; did you mean affinity?"},
        },
        false);
}
