#include "tests/sim/faults.h"

#include <algorithm>
#include <array>
#include <variant>

namespace sim {

using base::milliseconds;
using base::seconds;

namespace {

// What a fault is called, and the field that brings it about: left out, it is as in no faults.
struct Named {
    std::string_view name;
    std::variant<double Faults::*, base::Duration Faults::*> field;
};

constexpr std::array<Named, fault_kinds> table{{
    {"loss", &Faults::loss},
    {"lossy_hosts", &Faults::lossy_hosts},
    {"duplication", &Faults::duplication},
    {"delay", &Faults::delay_max},
    {"reorder", &Faults::reorder},
    {"corruption", &Faults::corruption},
    {"mtu", &Faults::mtu_links},
    {"clog", &Faults::clog},
    {"partition", &Faults::partition},
    {"one_way", &Faults::one_way},
    {"isolation", &Faults::isolation},
    {"crash", &Faults::crash},
    {"kill", &Faults::kill},
    {"pause", &Faults::pause},
    {"stall", &Faults::stalling_hosts},
    {"drift", &Faults::drift},
    {"step", &Faults::step},
    {"slow_disk", &Faults::write_max},
    {"full_disk", &Faults::full_disk},
    {"death", &Faults::death},
    {"hang", &Faults::hang},
    {"start_failure", &Faults::start_failure},
    {"slow_start", &Faults::slow_start},
    {"sickness", &Faults::sickness},
    {"disk_loss", &Faults::disk_loss},
}};

}  // namespace

std::string_view to_string(Fault kind) {
    return table[static_cast<std::size_t>(kind)].name;
}

std::optional<Fault> parse_fault(std::string_view name) {
    auto const at = std::ranges::find(table, name, &Named::name);
    return at == table.end() ? std::nullopt : std::optional(static_cast<Fault>(at - table.begin()));
}

Faults Faults::draw(base::Prng& prng) {
    auto const part = [&](double most) { return prng.chance(0.5) ? prng.unit() * most : 0; };
    auto const every = [&](std::int64_t low, std::int64_t high) -> base::Duration {
        std::uint64_t const draw = prng.below(static_cast<std::uint64_t>(high - low) * 1000);
        return prng.chance(0.5) ? seconds(low) + milliseconds(draw) : base::Duration{};
    };
    Faults faults;
    faults.loss = part(0.3);
    faults.lossy_hosts = part(0.5);
    faults.lossy_host_loss = prng.unit();
    faults.duplication = part(0.2);
    faults.delay_max = milliseconds(2 + static_cast<std::int64_t>(prng.below(80)));
    faults.reorder = part(0.1);
    faults.corruption = part(0.05);
    faults.mtu_links = part(1);
    faults.mtu = 500 + prng.below(800);
    faults.clog = every(4, 40);
    faults.partition = every(8, 40);
    faults.one_way = every(8, 40);
    faults.isolation = every(8, 40);
    faults.crash = every(5, 40);
    faults.kill = every(3, 40);
    faults.pause = every(8, 40);
    faults.stalling_hosts = part(0.4);
    faults.drift = part(0.05);
    faults.step = every(8, 40);
    faults.write_max = milliseconds(prng.chance(0.3) ? 120 : 8);
    faults.full_disk = every(8, 40);
    faults.death = every(2, 20);
    faults.hang = part(0.3);
    faults.start_failure = part(0.2);
    faults.slow_start = part(0.3);
    faults.sickness = part(0.2);
    faults.disk_loss = prng.chance(0.3) ? 1 : 0;
    return faults;
}

void Faults::leave_out(std::span<Fault const> kinds) {
    Faults const none;
    for (Fault const kind : kinds) {
        std::visit([&](auto const field) { this->*field = none.*field; },
                   table[static_cast<std::size_t>(kind)].field);
    }
}

}  // namespace sim
