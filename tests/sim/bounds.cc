#include "tests/sim/bounds.h"

#include <algorithm>
#include <cmath>

namespace sim {

using base::milliseconds;
using base::seconds;

namespace {

// Started and healthy: FakeMachine and World take 200 ms at most, and a check is repeated.
constexpr base::Duration start_max = milliseconds(500);
// World looks at the disks this often.
constexpr base::Duration disk_watch = seconds(5);

std::int64_t rounds(World const& world) {
    auto const hosts = static_cast<double>(world.hosts().size());
    return static_cast<std::int64_t>(std::ceil(std::log2(std::max(2.0, hosts))));
}

std::uint32_t most_replicas(World const& world) {
    std::uint32_t most = 0;
    for (auto const& host : world.hosts()) {
        if (host->agent) {
            for (agent::ServiceReport const& service : host->agent->services()) {
                most = std::max(most, service.replicas);
            }
            break;
        }
    }
    return most;
}

// A probe that fails, and a suspicion that nobody else happens to share.
base::Duration suspicion_max(World const& world) {
    gossip::Config const& config = world.config().gossip;
    double const scale = std::max(1.0, std::log10(static_cast<double>(world.hosts().size())));
    base::Duration const answer = std::max(config.probe_interval, config.probe_timeout_max);
    return 3 * answer + config.suspicion_mult * config.suspicion_max_mult *
                            std::chrono::ceil<milliseconds>(answer * scale);
}

}  // namespace

base::Duration planned(World const& world) {
    // As in the product: agent/deciding.cc (pace).
    auto const pace = 1 + static_cast<std::int64_t>(world.hosts().size() / 40);
    return 4 * pace * world.config().plan_interval;
}

base::Duration heal_bound(World const& world) {
    agent::Config const& config = world.config();
    auto const hosts = static_cast<std::int64_t>(world.hosts().size());
    base::Duration const grace = spec::ServiceSpec().stop_grace_period;
    // A host that was lost again and again, or that believes the others lost, waits first.
    base::Duration const holds = config.gossip.flap_hold_max + config.gossip.restart_hold +
                                 config.mass_loss_hold + agent::DiskWatch::works_for + disk_watch;
    return holds + 4 * config.gossip.reconnect_interval +
           2 * hosts * config.gossip.gossip_interval + 10 * config.sync.interval +
           5 * config.settle + 2 * config.runtime.backoff_max + grace + slow_start_max +
           reorder_max + 10 * config.runtime.drain + 10 * planned(world) +
           rollout_bound(world, most_replicas(world));
}

base::Duration detection_bound(World const& world) {
    gossip::Config const& config = world.config().gossip;
    // Every host probes every other within two rounds of the fleet; that none of many does for
    // twenty intervals has a probability of e^-20.
    auto const hosts = static_cast<std::int64_t>(world.hosts().size());
    return (std::min<std::int64_t>(2 * hosts, 20) + 1) * config.probe_interval +
           suspicion_max(world) + 2 * gossip_bound(world);
}

base::Duration recovery_bound(World const& world) {
    return gossip_bound(world) + 2 * planned(world) + 2 * start_max + world.config().sync.interval;
}

base::Duration gossip_bound(World const& world) {
    return (rounds(world) + 3) * world.config().gossip.gossip_interval + milliseconds(50);
}

base::Duration news_bound(World const& world) {
    return gossip_bound(world) + 4 * world.config().sync.interval;
}

base::Duration rollout_bound(World const& world, std::uint32_t replicas) {
    // Drained, stopped and removed, started, healthy, heard of.
    base::Duration const step =
        world.config().runtime.drain + start_max + gossip_bound(world) + planned(world);
    return news_bound(world) + (replicas + 1) * step;
}

double idle_traffic_max(World const& world) {
    gossip::Config const& config = world.config().gossip;
    constexpr double small = 80;    // a ping, an answer or a digest, framed
    constexpr double record = 120;  // of one member
    auto const a_second = [](base::Duration interval) {
        return 1 / std::chrono::duration<double>(interval).count();
    };
    double const probing = 2 * small * a_second(config.probe_interval);
    double const exchanging = 2 * record * static_cast<double>(world.hosts().size()) *
                              a_second(config.push_pull_interval);
    double const syncing = small * a_second(world.config().sync.interval);
    return probing + exchanging + syncing;
}

}  // namespace sim
