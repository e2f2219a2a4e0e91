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

// A well-formed spec with every field drawn anew.
spec::ServiceSpec random_spec(base::Prng& prng) {
    spec::ServiceSpec spec = prng.chance(0.5) ? smallest() : full();
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

TEST_CASE("no truncation and no longer encoding decodes") {
    for (spec::ServiceSpec const& spec : {smallest(), full()}) {
        base::Bytes bytes = spec::encode(spec);
        for (std::size_t size = 0; size < bytes.size(); ++size) {
            INFO("size " << size);
            CHECK_FALSE(spec::decode(base::ByteView(bytes).first(size)).has_value());
        }
        bytes.push_back(std::byte{0});
        CHECK_FALSE(spec::decode(bytes).has_value());
    }
}

TEST_CASE("a byte changed anywhere is refused or names another spec") {
    base::Bytes const bytes = spec::encode(full());
    for (std::size_t at = 0; at < bytes.size(); ++at) {
        for (int flip = 1; flip < 256; ++flip) {
            base::Bytes changed = bytes;
            changed[at] ^= static_cast<std::byte>(flip);
            auto const decoded = spec::decode(changed);
            if (decoded) {
                REQUIRE(*decoded != full());
                REQUIRE(spec::encode(*decoded) == changed);
            }
        }
    }
}

TEST_CASE("decode refuses what no reader would write") {
    struct Case {
        char const* what;
        void (*break_it)(spec::ServiceSpec&);
    };

    Case const cases[] = {
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
    for (Case const& item : cases) {
        INFO(item.what);
        spec::ServiceSpec spec = smallest();
        REQUIRE(spec::decode(spec::encode(spec)).has_value());
        item.break_it(spec);
        CHECK_FALSE(spec::decode(spec::encode(spec)).has_value());
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
