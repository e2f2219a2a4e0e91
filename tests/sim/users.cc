#include "tests/sim/users.h"

#include <algorithm>

#include "base/hash.h"
#include "base/text.h"

namespace sim {

using base::milliseconds;
using base::seconds;

namespace {
constexpr std::uint64_t services_max = 6;
constexpr std::uint64_t replicas_max = 60;
// Above this a global service alone would be most of the fleet's state.
constexpr std::size_t hosts_for_global_max = 100;
constexpr double changes_a_round = 0.03;
constexpr double asked_twice = 0.1;
}  // namespace

Users::Users(World& world, std::uint64_t seed)
    : world_(world), prng_(base::mix(seed ^ 0x75)), services_(1 + prng_.below(services_max)) {}

void Users::deploy() {
    for (std::uint64_t number = 1; number <= services_; ++number) {
        spec::ServiceSpec const service = draw_service(number);
        world_.apply(some_host(), service);
    }
}

void Users::maybe_change() {
    if (prng_.chance(changes_a_round)) {
        change_on(some_host());
    }
}

void Users::change_on(std::size_t host) {
    std::uint64_t const number = 1 + prng_.below(services_);
    std::string const name = base::concat("shop/service", number);
    std::uint64_t const what = prng_.below(4);
    std::uint32_t const replicas = draw_replicas() - 1;
    spec::ServiceSpec const service = draw_service(number);
    // Some do not trust the first answer.
    int const times = prng_.chance(asked_twice) ? 2 : 1;
    for (int time = 0; time < times; ++time) {
        if (what == 0) {
            world_.remove(host, name);
        } else if (what == 1) {
            world_.scale(host, name, replicas);
        } else {
            world_.apply(host, service);
        }
    }
}

spec::ServiceSpec Users::draw_service(std::uint64_t number) {
    spec::ServiceSpec service;
    service.project = "shop";
    service.name = base::concat("service", number);
    service.image = "busybox";
    service.replicas = draw_replicas();
    service.ports = {{static_cast<std::uint16_t>(8000 + number),
                      static_cast<std::uint16_t>(prng_.chance(0.5) ? 8000 + number : 0),
                      spec::Protocol::tcp}};
    bool const global = prng_.chance(0.2);
    if (global && world_.hosts().size() <= hosts_for_global_max) {
        service.mode = spec::Mode::global;
    }
    if (prng_.chance(0.5)) {
        service.health.kind = spec::CheckKind::tcp;
        service.health.port = 80;
        service.health.start_interval = milliseconds(200);
        service.health.start_period = seconds(5);
        service.health.interval = seconds(1);
    }
    return service;
}

std::uint32_t Users::draw_replicas() {
    std::uint64_t const most = std::min<std::uint64_t>(2 * world_.hosts().size(), replicas_max);
    return 1 + static_cast<std::uint32_t>(prng_.below(most));
}

std::size_t Users::some_host() {
    return static_cast<std::size_t>(prng_.below(world_.hosts().size()));
}

}  // namespace sim
