// An agent whose container shares the network of its host.

#include <catch2/catch.hpp>

#include "agent/agent.h"
#include "tests/support/fake_keys.h"
#include "tests/unit/agent/support.h"

using namespace agent;
using base::milliseconds;
using base::seconds;

namespace {

constexpr char const* address = "10.0.0.1";

// One agent, alone, whose disk answers at once and whose containers run at once.
struct Host {
    support::FakeKeys keys{node(1)};
    Agent agent{config(), base::Prng(1), keys};
    base::Instant now{};
    std::optional<NetworkPlan> network;
    std::vector<runtime::Probe> probes;
    std::size_t stops = 0;
    std::optional<lb::Table> table;

    static Config config() {
        Config out;
        out.id = node(1);
        out.address = {base::parse_ip(address).value(), 7700};
        out.facts.name = "host1";
        return out;
    }

    void carry(Effects& effects) {
        network = effects.network ? effects.network : network;
        table = effects.table ? effects.table : table;
        for (Persist const& persist : effects.persists) {
            Effects more;
            agent.on_persisted(now, persist.sequence, Disk::written, more);
            carry(more);
        }
        for (runtime::Action const& action : effects.actions) {
            Effects more;
            if (auto const* start = std::get_if<runtime::Start>(&action)) {
                agent.on_runtime(now, runtime::Started{start->id, runtime::host_network_address()},
                                 more);
            } else if (auto const* probe = std::get_if<runtime::Probe>(&action)) {
                probes.push_back(*probe);
                agent.on_runtime(now, runtime::Probed{probe->id, true, {}}, more);
            }
            stops += std::holds_alternative<runtime::Stop>(action) ? 1 : 0;
            carry(more);
        }
    }

    void run(base::Duration duration) {
        base::Instant const end = now + duration;
        while (agent.next_deadline() <= end) {
            now = std::max(now + milliseconds(1), agent.next_deadline());
            Effects effects;
            agent.on_tick(now, effects);
            carry(effects);
        }
        now = end;
    }
};

}  // namespace

TEST_CASE("a container in its host's network is reached and checked at the host's address") {
    Host host;
    Effects effects;
    host.agent.start(host.now, {}, {}, {}, effects);
    host.carry(effects);
    host.run(seconds(5));
    REQUIRE(host.network);

    spec::ServiceSpec web = service("web");
    web.networking.mode = spec::NetworkMode::host;
    web.ports = {{.target = 80}};
    web.health.kind = spec::CheckKind::tcp;
    web.health.port = 80;
    effects = {};
    REQUIRE(host.agent.apply(host.now, {web}, effects));
    host.carry(effects);
    host.run(seconds(5));
    REQUIRE_FALSE(host.probes.empty());
    CHECK(to_string(host.probes[0].address) == address);
    auto const instances = host.agent.instances("").value();
    REQUIRE(instances.size() == 1);
    CHECK(instances[0].status == InstanceStatus::healthy);
    CHECK(to_string(instances[0].address) == address);
    REQUIRE(host.table);
    REQUIRE(host.table->frontends.size() == 1);
    REQUIRE(host.table->frontends[0].backends.size() == 1);
    CHECK(to_string(host.table->frontends[0].backends[0].address) == "10.0.0.1:80");
    // Its address is of no subnet, and so does not say that the host has lost its own.
    host.run(seconds(30));
    CHECK(host.stops == 0);
}
