#include "spec/spec.h"

#include <set>

#include <catch2/catch.hpp>

#include "base/random.h"
#include "base/text.h"
#include "spec/rules.h"

namespace {

spec::ServiceSpec smallest() {
    spec::ServiceSpec spec;
    spec.project = "shop";
    spec.name = "web";
    spec.image = "nginx";
    return spec;
}

spec::ServiceSpec full() {
    spec::ServiceSpec spec = smallest();
    spec.entrypoint = {"/entry"};
    spec.command = std::vector<std::string>{};
    spec.environment = {{"A", "1"}, {"EMPTY", ""}};
    spec.working_dir = "/srv";
    spec.user = "1000:1000";
    spec.ports = {{53, 0, spec::Protocol::udp}, {80, 8080, spec::Protocol::tcp}};
    spec.expose = {9000, 9001};
    spec.health = {.kind = spec::CheckKind::http,
                   .command = {},
                   .port = 80,
                   .path = "/healthz",
                   .interval = base::seconds(2),
                   .timeout = base::milliseconds(500),
                   .start_period = base::seconds(1),
                   .start_interval = base::seconds(1),
                   .retries = 5};
    spec.replicas = 3;
    spec.constraints = {{"node.labels.zone", true, "east"}, {"node.role", false, "edge"}};
    spec.max_replicas_per_node = 2;
    spec.limits = {500, 64 << 20, 100};
    spec.reservations = {100, 32 << 20, 0};
    spec.depends_on = {{"cache", spec::Condition::started}, {"db", spec::Condition::healthy}};
    spec.labels = {{"team", "blue"}};
    spec.stop_grace_period = base::seconds(90);
    return spec;
}

std::string random_text(base::Prng& prng, std::size_t size_max) {
    std::string text(static_cast<std::size_t>(prng.below(size_max + 1)), 'a');
    for (char& letter : text) {
        letter = static_cast<char>('a' + prng.below(26));
    }
    return text;
}

// A spec with a value in every group of fields that came after version 1 began.
spec::ServiceSpec grown() {
    spec::ServiceSpec spec = full();
    spec.ports.push_back({.target = 443,
                          .published = 8000,
                          .protocol = spec::Protocol::tcp,
                          .mode = spec::PortMode::host,
                          .published_last = 8010,
                          .host_ip = "127.0.0.1",
                          .name = "web",
                          .app_protocol = "http"});
    spec.depends_on.push_back({"queue", spec::Condition::started, true, false});
    spec.container_name = "web-box";
    spec.platform = "linux/arm64";
    spec.annotations = {{"a", "b"}};
    spec.process.tty = true;
    spec.process.stop_signal = "SIGUSR1";
    spec.process.ulimits["nofile"] = {1024, -1};
    spec.process.oom_score_adj = -500;
    spec.process.pre_stop = {{.command = {"/drain"}, .environment = {{"A", "1"}}}};
    spec.security.read_only = true;
    spec.security.cap_add = {"NET_ADMIN"};
    spec.isolation.pid = spec::Namespace::host;
    spec.isolation.sysctls = {{"net.core.somaxconn", "1024"}};
    spec.storage.mounts["/data"].source = "shop_data";
    spec.storage.mounts["/run"] = {.kind = spec::MountKind::tmpfs, .tmpfs_bytes = 1 << 20};
    spec.storage.secrets["/run/secrets/key"] = {.name = "shop_key"};
    spec.storage.devices["/dev/fuse"] = {.source = "/dev/fuse"};
    spec.networking.networks["shop_back"].aliases = {"www"};
    spec.networking.dns = {"9.9.9.9"};
    spec.cgroup.memory_swap = -1;
    spec.cgroup.block_io.read_bps["/dev/sda"] = 1 << 20;
    spec.deploy.update.order = spec::UpdateOrder::start_first;
    spec.deploy.restart.delay = base::seconds(0);
    spec.extension.partition = spec::Partition::single;
    spec.extension.priority = -7;
    return spec;
}

// A well-formed spec with every field drawn anew.
spec::ServiceSpec random_spec(base::Prng& prng) {
    spec::ServiceSpec spec = prng.chance(0.5) ? smallest() : prng.chance(0.5) ? full() : grown();
    spec.name = "s" + random_text(prng, 20);
    for (std::uint64_t at = prng.below(5); at > 0; --at) {
        spec.environment[random_text(prng, 4) + "V"] = random_text(prng, 300);
        spec.labels[random_text(prng, 4)] = random_text(prng, 10);
    }
    if (prng.chance(0.5)) {
        spec.command.emplace().push_back(random_text(prng, 200));
    }
    std::set<std::uint16_t> expose;
    for (std::uint64_t at = prng.below(5); at > 0; --at) {
        expose.insert(static_cast<std::uint16_t>(prng.below(65535) + 1));
    }
    spec.expose.assign(expose.begin(), expose.end());
    spec.mode = prng.chance(0.5) ? spec::Mode::global : spec::Mode::replicated;
    spec.replicas = static_cast<std::uint32_t>(prng.below(spec::replicas_max + 1));
    spec.limits = {prng.below(spec::cpu_milli_max + 1), prng.below(spec::memory_max + 1),
                   prng.below(spec::pids_max + 1)};
    spec.stop_grace_period = base::seconds(prng.below(3600));
    return spec;
}

struct Breakage {
    char const* what;
    void (*break_it)(spec::ServiceSpec&);
};

void check_refused(Breakage const& item) {
    INFO(item.what);
    spec::ServiceSpec spec = smallest();
    REQUIRE(spec::decode(spec::encode(spec)).has_value());
    item.break_it(spec);
    CHECK_FALSE(spec::decode(spec::encode(spec)).has_value());
}

}  // namespace

TEST_CASE("an encoding reads back as the same spec") {
    base::Prng prng(1);
    for (int round = 0; round < 2000; ++round) {
        spec::ServiceSpec const spec = random_spec(prng);
        auto const decoded = spec::decode(spec::encode(spec));
        REQUIRE(decoded.has_value());
        REQUIRE(*decoded == spec);
    }
}

TEST_CASE("the encoding of version 1 does not change") {
    CHECK(base::hex(spec::encode(smallest())) ==
          "010473686f7003776562056e67696e78000000000000000000000000"
          "80d88ee16f80d88ee16f0080e497d0120000000300000000010000000000000000000000000080c8afa025");
    CHECK(spec::revision(smallest()) == "2834e14aebe3b415");
    CHECK(spec::revision(full()) == "321d3d80d86d77f8");
}

TEST_CASE("fields that came later are tagged, and follow what version 1 had") {
    spec::ServiceSpec spec = smallest();
    base::Bytes const before = spec::encode(spec);
    spec.security.cap_drop = {"ALL"};
    spec.extension.priority = 3;
    std::string const expected =
        "0807040501"
        "03414c4c"
        "0e03060106";
    CHECK(base::hex(spec::encode(spec)) == base::hex(before) + expected);
    CHECK(spec::revision(grown()) == "c2a2cbaa3bef87ff");
}

TEST_CASE("a field that this build does not know is told from nonsense") {
    struct Case {
        char const* what;
        char const* tail;
        std::optional<spec::Errc> error;  // nothing: it decodes
    };

    Case const cases[] = {
        {"a group not known", "63021234", spec::Errc::newer},
        {"a field not known in a group that is",
         "0804"
         "63021234",
         spec::Errc::newer},
        {"an enumerator not known",
         "0903"
         "010107",
         spec::Errc::newer},
        {"a known field",
         "0803"
         "010101",
         std::nullopt},
        {"a known field at its default",
         "0803"
         "010100",
         spec::Errc::malformed},
        {"fields in another order",
         "0e03060106"
         "0803010101",
         spec::Errc::malformed},
        {"a field twice",
         "0803010101"
         "0803010101",
         spec::Errc::malformed},
        {"a field not known, and nonsense",
         "0803010102"
         "63021234",
         spec::Errc::malformed},
        {"a field not known, cut off", "63031234", spec::Errc::malformed},
    };
    for (Case const& item : cases) {
        INFO(item.what);
        base::Bytes bytes = spec::encode(smallest());
        std::ranges::copy(*base::unhex(item.tail), std::back_inserter(bytes));
        auto const decoded = spec::decode(bytes);
        CHECK(decoded.has_value() == !item.error);
        if (!decoded && item.error) {
            CHECK(decoded.error() == *item.error);
        }
    }
    base::Bytes bytes = spec::encode(smallest());
    bytes.front() = std::byte{2};
    CHECK(spec::decode(bytes).error() == spec::Errc::newer);
}

TEST_CASE("no truncation and no longer encoding decodes, but to what was not cut off") {
    for (spec::ServiceSpec const& spec : {smallest(), full(), grown()}) {
        base::Bytes bytes = spec::encode(spec);
        std::size_t whole = 0;
        for (std::size_t size = 0; size < bytes.size(); ++size) {
            whole += spec::decode(base::ByteView(bytes).first(size)).has_value() ? 1U : 0U;
        }
        // At each border between two tagged groups there is a spec without those behind it.
        CHECK(whole == (spec == grown() ? 13U : 0U));
        bytes.push_back(std::byte{0});
        CHECK_FALSE(spec::decode(bytes).has_value());
    }
}

TEST_CASE("a byte changed anywhere is refused or names another spec") {
    base::Bytes const bytes = spec::encode(grown());
    for (std::size_t at = 0; at < bytes.size(); ++at) {
        for (int flip = 1; flip < 256; ++flip) {
            base::Bytes changed = bytes;
            changed[at] ^= static_cast<std::byte>(flip);
            auto const decoded = spec::decode(changed);
            if (decoded) {
                REQUIRE(*decoded != grown());
                REQUIRE(spec::encode(*decoded) == changed);
            }
        }
    }
}

TEST_CASE("decode refuses what no reader would write") {
    Breakage const cases[] = {
        {"project", [](auto& s) { s.project = "Shop"; }},
        {"name", [](auto& s) { s.name = "a/b"; }},
        {"no image", [](auto& s) { s.image.clear(); }},
        {"image", [](auto& s) { s.image = "a b"; }},
        {"NUL in an argument", [](auto& s) { s.command = {std::string("a\0b", 3)}; }},
        {"long argument", [](auto& s) { s.entrypoint = {std::string(spec::text_max + 1, 'a')}; }},
        {"variable", [](auto& s) { s.environment["a=b"] = ""; }},
        {"nameless variable", [](auto& s) { s.environment[""] = ""; }},
        {"port 0", [](auto& s) { s.ports = {{0, 80, spec::Protocol::tcp}}; }},
        {"protocol", [](auto& s) { s.ports = {{80, 80, static_cast<spec::Protocol>(2)}}; }},
        {"unsorted ports", [](auto& s) { s.ports = {{81, 81, {}}, {80, 80, {}}}; }},
        {"repeated expose", [](auto& s) { s.expose = {80, 80}; }},
        {"expose 0", [](auto& s) { s.expose = {0}; }},
        {"check kind", [](auto& s) { s.health.kind = static_cast<spec::CheckKind>(4); }},
        {"check without a command", [](auto& s) { s.health.kind = spec::CheckKind::exec; }},
        {"check without a port", [](auto& s) { s.health.kind = spec::CheckKind::tcp; }},
        {"no check with a port", [](auto& s) { s.health.port = 1; }},
        {"negative interval",
         [](auto& s) {
             s.health = {.kind = spec::CheckKind::tcp, .command = {}, .port = 1, .path = {}};
             s.health.interval = base::seconds(-1);
         }},
        {"mode", [](auto& s) { s.mode = static_cast<spec::Mode>(2); }},
        {"replicas", [](auto& s) { s.replicas = spec::replicas_max + 1; }},
        {"constraint", [](auto& s) { s.constraints = {{"node.color", true, "red"}}; }},
        {"empty label name", [](auto& s) { s.constraints = {{"node.labels.", true, "red"}}; }},
        {"empty right side", [](auto& s) { s.constraints = {{"node.role", true, ""}}; }},
        {"per node", [](auto& s) { s.max_replicas_per_node = spec::replicas_max + 1; }},
        {"memory", [](auto& s) { s.limits.memory_bytes = spec::memory_max + 1; }},
        {"cpus", [](auto& s) { s.reservations.cpu_milli = spec::cpu_milli_max + 1; }},
        {"dependency", [](auto& s) { s.depends_on = {{"", {}}}; }},
        {"condition", [](auto& s) { s.depends_on = {{"db", static_cast<spec::Condition>(3)}}; }},
        {"grace", [](auto& s) { s.stop_grace_period = base::seconds(-1); }},
        {"all in all too large",
         [](auto& s) {
             for (char name = 'a'; name < 'f'; ++name) {
                 s.labels[std::string(1, name)] = std::string(spec::text_max, 'x');
             }
         }},
    };
    for (Breakage const& item : cases) {
        check_refused(item);
    }
}

TEST_CASE("decode refuses what no reader would write into later fields") {
    Breakage const cases[] = {
        {"check and none",
         [](auto& s) {
             s.health = {.kind = spec::CheckKind::tcp, .command = {}, .port = 1, .path = {}};
             s.health.disabled = true;
         }},
        {"range downwards",
         [](auto& s) { s.ports = {{.target = 80, .published = 81, .published_last = 80}}; }},
        {"host port without a number",
         [](auto& s) { s.ports = {{.target = 80, .mode = spec::PortMode::host}}; }},
        {"hook without a command", [](auto& s) { s.process.post_start.emplace_back(); }},
        {"soft above hard", [](auto& s) { s.process.ulimits["nofile"] = {2, 1}; }},
        {"no limit above hard", [](auto& s) { s.process.ulimits["nofile"] = {-1, 1}; }},
        {"oom score", [](auto& s) { s.process.oom_score_adj = 1001; }},
        {"relative mount", [](auto& s) { s.storage.mounts["data"]; }},
        {"mount at a path that is not plain", [](auto& s) { s.storage.mounts["/a/../b"]; }},
        {"bind of a relative path",
         [](auto& s) {
             s.storage.mounts["/data"] = {.kind = spec::MountKind::bind, .source = "data"};
         }},
        {"volume with a field of another kind",
         [](auto& s) { s.storage.mounts["/data"].tmpfs_bytes = 1; }},
        {"nameless secret", [](auto& s) { s.storage.secrets["/run/secrets/a"]; }},
        {"networks beside host mode",
         [](auto& s) {
             s.networking.mode = spec::NetworkMode::host;
             s.networking.networks["a"];
         }},
        {"server by name", [](auto& s) { s.networking.dns = {"dns.example"}; }},
        {"swappiness", [](auto& s) { s.cgroup.swappiness = 101; }},
        {"failure ratio", [](auto& s) { s.deploy.update.max_failure_ppm = 1'000'001; }},
        {"refresh without an age",
         [](auto& s) { s.deploy.pull_policy = spec::PullPolicy::refresh; }},
        {"canary without a share",
         [](auto& s) { s.extension.strategy.kind = spec::StrategyKind::canary; }},
        {"autoscale upside down", [](auto& s) { s.extension.autoscale = {.min = 3, .max = 2}; }},
        {"long text in a later field",
         [](auto& s) { s.isolation.runtime = std::string(spec::text_max + 1, 'a'); }},
        {"NUL in a later field", [](auto& s) { s.container_name = std::string(1, '\0'); }},
    };
    for (Breakage const& item : cases) {
        check_refused(item);
    }
}

TEST_CASE("scaling and moving keep the revision, anything else changes it") {
    std::string const before = spec::revision(full());
    spec::ServiceSpec spec = full();
    spec.replicas = 7;
    spec.constraints.clear();
    CHECK(spec::revision(spec) == before);
    spec.mode = spec::Mode::global;
    CHECK(spec::revision(spec) == before);
    spec.deploy = grown().deploy;
    spec.extension = grown().extension;
    CHECK(spec::revision(spec) == before);

    void (*const changes[])(spec::ServiceSpec&) = {
        [](auto& s) { s.name = "other"; },
        [](auto& s) { s.image = "nginx:2"; },
        [](auto& s) { s.command.reset(); },
        [](auto& s) { s.entrypoint->push_back(""); },
        [](auto& s) { s.environment["A"] = "2"; },
        [](auto& s) { s.ports.pop_back(); },
        [](auto& s) { s.health.retries = 6; },
        [](auto& s) { s.limits.pids = 0; },
        [](auto& s) { s.labels.clear(); },
        [](auto& s) { s.stop_grace_period = base::seconds(1); },
        [](auto& s) { s.process = grown().process; },
        [](auto& s) { s.security = grown().security; },
        [](auto& s) { s.isolation = grown().isolation; },
        [](auto& s) { s.storage = grown().storage; },
        [](auto& s) { s.networking = grown().networking; },
        [](auto& s) { s.cgroup = grown().cgroup; },
        [](auto& s) { s.annotations = grown().annotations; },
    };
    std::set<std::string> revisions{before};
    for (auto const change : changes) {
        spec::ServiceSpec changed = full();
        change(changed);
        CHECK(revisions.insert(spec::revision(changed)).second);
    }
}

TEST_CASE("names") {
    for (char const* const name : {"a", "0", "web-1", "a_b", "9-_"}) {
        CHECK(spec::valid_name(name));
    }
    CHECK(spec::valid_name(std::string(63, 'a')));
    CHECK_FALSE(spec::valid_name(std::string(64, 'a')));
    for (char const* const name : {"", "-a", "_a", "A", "a.b", "a/b", "\xc3\xa9", "a b"}) {
        CHECK_FALSE(spec::valid_name(name));
    }
    CHECK(spec::service_key(smallest()) == "shop/web");
}
