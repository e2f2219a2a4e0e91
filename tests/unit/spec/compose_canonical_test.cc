#include <catch2/catch.hpp>

#include "spec/compose_write.h"
#include "tests/unit/spec/random_spec.h"
#include "tests/unit/spec/reading.h"

namespace {

std::string hex(spec::ServiceSpec const& spec) {
    return base::hex(spec::encode(spec));
}

}  // namespace

TEST_CASE("the canonical text of any service reads back as the same service") {
    base::Prng prng(4);
    for (int round = 0; round < 1500; ++round) {
        spec::ServiceSpec spec = randomly::spec_of(prng, "web", 8080);
        spec::ServiceSpec db;
        db.project = "shop";
        db.name = "db";
        db.image = "db";
        if (prng.chance(0.5)) {
            spec.depends_on = {{"db", randomly::one_of(prng, spec::Condition::completed),
                                prng.chance(0.5), prng.chance(0.5)}};
        }
        std::vector<spec::ServiceSpec> const both{db, spec};
        REQUIRE(spec::decode(spec::encode(spec)) == spec);
        for (spec::TextForm const form : {spec::TextForm::yaml, spec::TextForm::json}) {
            std::string const text = spec::to_compose(both, form);
            spec::ComposeFile const file = reading::read(text);
            INFO(text);
            REQUIRE(file.usable());
            REQUIRE(file.services == both);
            REQUIRE(hex(file.services[1]) == hex(spec));
            REQUIRE(spec::to_compose(file.services, form) == text);
        }
    }
}

TEST_CASE("the canonical text") {
    spec::ComposeFile const file = reading::read(R"(
services:
  web:
    volumes: [data:/var/lib/data:ro, ./conf:/etc/conf]
    image: nginx
    restart: on-failure:3
    environment: [B=x$$y, A=1]
    ports: [8080:80]
    secrets: [key]
  db: {image: db}
secrets: {key: {external: true}}
volumes: {data: }
)");
    CHECK(spec::to_compose(file.services, spec::TextForm::yaml) == R"(name: "shop"
secrets:
  key:
    external: true
    name: "key"
services:
  db:
    image: "db"
  web:
    deploy:
      restart_policy:
        condition: "on-failure"
        max_attempts: 3
    environment:
      "A": "1"
      "B": "x$$y"
    image: "nginx"
    ports:
      - published: "8080"
        target: 80
    secrets:
      - source: "key"
        target: "/run/secrets/key"
    volumes:
      - source: "/etc/covey/services/conf"
        target: "/etc/conf"
        type: "bind"
      - read_only: true
        source: "shop_data"
        target: "/var/lib/data"
        type: "volume"
volumes:
  shop_data:
    name: "shop_data"
)");
}

TEST_CASE("ways of writing one thing give one service") {
    struct Case {
        char const* one;
        char const* other;
    };

    static constexpr std::string_view top =
        "\nnetworks: {back: {}}\nvolumes: {data: {}}\nsecrets: {key: {environment: KEY}}\n"
        "configs: {conf: {content: a}}\n";
    Case const cases[] = {
        {"ports: ['8080:80']", "ports: [{target: 80, published: 8080}]"},
        {"ports: ['127.0.0.1:80:80/udp']",
         "ports: [{target: 80, published: '80', protocol: udp, host_ip: 127.0.0.1}]"},
        {"volumes: ['data:/a:ro']",
         "volumes: [{type: volume, source: data, target: /a/, read_only: true}]"},
        {"volumes: ['/b/../c:/a:rslave,Z']",
         "volumes: [{type: bind, source: /c, target: /a, bind: {propagation: rslave, selinux: "
         "Z}}]"},
        {"volumes: ['./x:/a']",
         "volumes: [{type: bind, source: /etc/covey/services/x, target: //a}]"},
        {"volumes: ['/anonymous']", "volumes: [{type: volume, target: /anonymous}]"},
        {"volumes: ['data:/a', '/b:/b']", "volumes: ['/b:/b', 'data:/a']"},
        {"tmpfs: /run", "tmpfs: [/run]"},
        {"tmpfs: '/run:size=64m,mode=755'",
         "volumes: [{type: tmpfs, target: /run, tmpfs: {size: 67108864, mode: 755}}]"},
        {"secrets: [key]", "secrets: [{source: key, target: key, mode: 0444}]"},
        {"secrets: [{source: key, mode: '0440', uid: '0'}]", "secrets: [{source: key, mode: 288}]"},
        {"configs: [conf]", "configs: [{source: conf, target: /conf}]"},
        {"ulimits: {nproc: 100}", "ulimits: {nproc: {soft: 100, hard: 100}}"},
        {"networks: [back]", "networks: {back: {aliases: []}}"},
        {"networks: [default]", "networks: {default: {}}"},
        {"extra_hosts: ['a:10.0.0.1', 'b=::1']", "extra_hosts: {b: '[::1]', a: [10.0.0.1]}"},
        {"sysctls: [a=1]", "sysctls: {a: 1}"},
        {"devices: ['/dev/fuse']",
         "devices: [{source: /dev/fuse, target: /dev/fuse, permissions: mwr}]"},
        {"cap_add: [CAP_NET_ADMIN, ALL]", "cap_add: [all, net_admin]"},
        {"security_opt: ['seccomp:unconfined', 'no-new-privileges:true']",
         "security_opt: [no-new-privileges, seccomp=unconfined]"},
        {"stop_signal: 15", "stop_signal: term"},
        {"restart: on-failure:3",
         "deploy: {restart_policy: {condition: on-failure, max_attempts: 3}}"},
        {"restart: unless-stopped", "restart: always"},
        {"mem_limit: 1.5g", "deploy: {resources: {limits: {memory: 1536m}}}"},
        {"cpus: 0.5\npids_limit: 9", "deploy: {resources: {limits: {cpus: '.5', pids: 9}}}"},
        {"mem_reservation: 1kb", "deploy: {resources: {reservations: {memory: 1024b}}}"},
        {"gpus: all",
         "deploy: {resources: {reservations: {devices: [{capabilities: [gpu], count: all}]}}}"},
        {"pull_policy: daily", "pull_policy: every_24h"},
        {"pull_policy: weekly", "pull_policy: refresh\npull_refresh_after: 168h"},
        {"dns: 9.9.9.9", "dns: [9.9.9.9]"},
        {"deploy: {update_config: {max_failure_ratio: .25, monitor: 60s}}",
         "deploy: {update_config: {monitor: 1m, max_failure_ratio: '0.250'}}"},
        {"x-covey: {strategy: blue-green}", "x-covey: {strategy: {type: blue-green}}"},
        {"x-covey: {schedule: '0  3 * * *'}",
         "x-covey: {schedule: {timezone: UTC, cron: 0 3 * * *}}"},
        {"x-covey: {autoscale: {max: 3, cpu: 70%}}",
         "x-covey: {autoscale: {cpu: 70, min: 1, max: 3, cooldown: 1m0s}}"},
        {"healthcheck: {disable: true}", "healthcheck: {test: [NONE]}"},
    };
    for (Case const& item : cases) {
        INFO(item.one << "\n" << item.other);
        spec::ComposeFile const one = reading::read(reading::web(item.one) + std::string(top));
        spec::ComposeFile const other = reading::read(reading::web(item.other) + std::string(top));
        CHECK(one.usable());
        REQUIRE(one.services.size() == 1);
        REQUIRE(other.services.size() == 1);
        CHECK(hex(one.services[0]) == hex(other.services[0]));
        CHECK(spec::revision(one.services[0]) == spec::revision(other.services[0]));
    }
}
