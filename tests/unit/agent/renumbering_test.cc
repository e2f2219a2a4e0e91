#include <array>
#include <optional>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "agent/agent.h"
#include "crdt/codec.h"
#include "crdt/map.h"
#include "tests/support/fake_keys.h"
#include "tests/unit/agent/support.h"

using namespace agent;
using base::milliseconds;
using base::seconds;

namespace {

// One agent, alone, whose disk and driver answer at once.
struct Lone {
    support::FakeKeys keys{node(1)};
    Agent agent{config(), base::Prng(1), keys};
    base::Instant now{};
    std::optional<NetworkPlan> network;
    std::size_t held = 0;  // containers that have not been removed

    static Config config() {
        Config out;
        out.id = node(1);
        out.address = {base::IpAddress::v4(0x0a000001), 7700};
        out.facts.name = "host1";
        return out;
    }

    void start(crdt::Loaded loaded, std::vector<runtime::Adopted> adopted) {
        held = adopted.size();
        Effects effects;
        agent.start(now, std::move(loaded), std::move(adopted), {}, effects);
        carry(effects);
    }

    void carry(Effects& effects) {
        if (effects.network) {
            // The driver refuses to change the subnet under a container.
            CHECK(held == 0);
            network = effects.network;
        }
        for (Persist const& persist : effects.persists) {
            Effects more;
            agent.on_persisted(now, persist.sequence, Disk::written, more);
            carry(more);
        }
        for (runtime::Action const& action : effects.actions) {
            Effects more;
            if (auto const* stop = std::get_if<runtime::Stop>(&action)) {
                agent.on_runtime(now, runtime::Exited{stop->id, {}}, more);
            } else if (auto const* removal = std::get_if<runtime::Remove>(&action)) {
                --held;
                agent.on_runtime(now, runtime::Removed{removal->id}, more);
            }
            carry(more);
        }
    }

    // Ticks only when the agent asked to be woken.
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

    // Another host's claim of our subnet, which saw ours and so wins.
    void lose(base::Prefix subnet) {
        crdt::Map other(node(2));
        REQUIRE(other.merge(*agent.map().find(subnet_entry(subnet))));
        auto const claim = other.put(subnet_entry(subnet), base::to_bytes(to_string(node(2))));
        REQUIRE(claim);
        base::Bytes message = crdt::encode(**claim);
        constexpr std::byte entries{3};
        message.insert(message.begin(), entries);
        Effects effects;
        agent.on_message(now, node(2), {base::IpAddress::v4(0x0a000002), 7700},
                         gossip::Channel::stream, message, effects);
        carry(effects);
    }
};

}  // namespace

TEST_CASE("a host that lost its subnet takes another, unasked") {
    Lone host;
    host.start({}, {});
    host.run(seconds(1));
    REQUIRE(host.network);
    base::Prefix const before = host.network->subnet;
    host.network.reset();
    host.lose(before);
    host.run(seconds(2));
    REQUIRE(host.network);
    CHECK(host.network->subnet != before);
}

TEST_CASE("containers on a subnet that was lost while the agent was away are stopped first") {
    Lone host;
    // It runs, but no record says that its subnet is ours.
    host.start({}, {{"shop.web.1.0123456789abcdef.1",
                     {"shop/web", 1, "0123456789abcdef"},
                     base::IpAddress::v4(0x0a800502),
                     std::nullopt}});
    CHECK_FALSE(host.network);
    host.run(seconds(5));
    REQUIRE(host.network);
    CHECK_FALSE(host.network->subnet.contains(base::IpAddress::v4(0x0a800502)));
}
