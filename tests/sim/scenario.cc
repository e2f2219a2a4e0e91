#include "tests/sim/scenario.h"

#include "base/text.h"
#include "tests/sim/checkers.h"
#include "tests/sim/world.h"

namespace sim {

using base::milliseconds;
using base::seconds;

namespace {

spec::ServiceSpec draw_service(base::Prng& prng, std::size_t number, std::size_t hosts) {
    spec::ServiceSpec service;
    service.project = "shop";
    service.name = base::concat("service", number);
    service.image = "busybox";
    service.replicas = 1 + static_cast<std::uint32_t>(prng.below(2 * hosts));
    service.ports = {{static_cast<std::uint16_t>(8000 + number),
                      static_cast<std::uint16_t>(prng.chance(0.5) ? 8000 + number : 0),
                      spec::Protocol::tcp}};
    if (prng.chance(0.2)) {
        service.mode = spec::Mode::global;
    }
    if (prng.chance(0.5)) {
        service.health.kind = spec::CheckKind::tcp;
        service.health.port = 80;
        service.health.start_interval = milliseconds(200);
        service.health.start_period = seconds(5);
        service.health.interval = seconds(1);
    }
    return service;
}

void change_service(World& world, std::uint64_t number) {
    std::size_t const hosts = world.hosts().size();
    auto const host = static_cast<std::size_t>(world.prng().below(hosts));
    std::string const name = base::concat("shop/service", number);
    switch (world.prng().below(4)) {
        case 0:
            world.remove(host, name);
            break;
        case 1:
            world.scale(host, name, static_cast<std::uint32_t>(world.prng().below(2 * hosts)));
            break;
        default:
            world.apply(host, draw_service(world.prng(), number, hosts));
            break;
    }
}

}  // namespace

Outcome run_seed(std::uint64_t seed, std::size_t hosts) {
    World world(seed, hosts);
    world.boot();
    std::uint64_t const services = 1 + world.prng().below(6);
    auto const random_index = [&] { return static_cast<std::size_t>(world.prng().below(hosts)); };
    for (std::uint64_t number = 1; number <= services; ++number) {
        world.apply(random_index(), draw_service(world.prng(), number, hosts));
    }
    world.run_for(seconds(2));
    world.set_faults(Faults::draw(world.prng()));
    Complaint complaint;
    for (int round = 0; round < 300 && !complaint; ++round) {
        world.run_for(milliseconds(100));
        complaint = one_container_per_slot_and_host(world);
        if (world.prng().chance(0.03)) {
            // Users go on working, on hosts that may be cut off.
            change_service(world, 1 + world.prng().below(services));
        }
    }
    world.heal();
    if (!complaint) {
        complaint = heals_for_good(world);
    }
    return {
        .complaint = complaint.value_or(""),
        .trace = world.trace(),
        .events = world.events(),
        .simulated_seconds = std::chrono::duration<double>(world.now().time_since_epoch()).count()};
}

}  // namespace sim
