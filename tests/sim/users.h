#pragma once

#include <cstdint>
#include <string>

#include "base/random.h"
#include "spec/spec.h"
#include "tests/sim/world.h"

namespace sim {

// People who work on any host, also on one that is cut off, and do not talk to each other.
class Users {
public:
    Users(World& world, std::uint64_t seed);

    // Applies the services of this seed.
    void deploy();
    // Perhaps somebody changes one.
    void maybe_change();
    // Somebody changes one on this host.
    void change_on(std::size_t host);

    [[nodiscard]] std::uint64_t services() const { return services_; }

private:
    [[nodiscard]] spec::ServiceSpec draw_service(std::uint64_t number);
    [[nodiscard]] std::uint32_t draw_replicas();
    [[nodiscard]] std::size_t some_host();

    World& world_;
    base::Prng prng_;
    std::uint64_t services_;
};

}  // namespace sim
