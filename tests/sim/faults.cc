#include "tests/sim/faults.h"

#include <algorithm>

namespace sim {

using base::milliseconds;
using base::seconds;

namespace {

constexpr std::array<std::string_view, fault_kinds> names{
    "loss",      "lossy_hosts", "duplication", "delay",         "reorder",    "corruption",
    "mtu",       "clog",        "partition",   "one_way",       "isolation",  "crash",
    "kill",      "pause",       "stall",       "drift",         "step",       "slow_disk",
    "full_disk", "death",       "hang",        "start_failure", "slow_start", "sickness"};

void leave_out(Fault kind, Faults& faults) {
    Faults const none;
    switch (kind) {
        case Fault::loss:
            faults.loss = 0;
            break;
        case Fault::lossy_hosts:
            faults.lossy_hosts = 0;
            break;
        case Fault::duplication:
            faults.duplication = 0;
            break;
        case Fault::delay:
            faults.delay_max = none.delay_max;
            break;
        case Fault::reorder:
            faults.reorder = 0;
            break;
        case Fault::corruption:
            faults.corruption = 0;
            break;
        case Fault::mtu:
            faults.mtu_links = 0;
            break;
        case Fault::clog:
            faults.clog = {};
            break;
        case Fault::partition:
            faults.partition = {};
            break;
        case Fault::one_way:
            faults.one_way = {};
            break;
        case Fault::isolation:
            faults.isolation = {};
            break;
        case Fault::crash:
            faults.crash = {};
            break;
        case Fault::kill:
            faults.kill = {};
            break;
        case Fault::pause:
            faults.pause = {};
            break;
        case Fault::stall:
            faults.stalling_hosts = 0;
            break;
        case Fault::drift:
            faults.drift = 0;
            break;
        case Fault::step:
            faults.step = {};
            break;
        case Fault::slow_disk:
            faults.write_max = none.write_max;
            break;
        case Fault::full_disk:
            faults.full_disk = {};
            break;
        case Fault::death:
            faults.death = {};
            break;
        case Fault::hang:
            faults.hang = 0;
            break;
        case Fault::start_failure:
            faults.start_failure = 0;
            break;
        case Fault::slow_start:
            faults.slow_start = 0;
            break;
        case Fault::sickness:
            faults.sickness = 0;
            break;
    }
}

}  // namespace

std::string_view to_string(Fault kind) {
    return names[static_cast<std::size_t>(kind)];
}

std::optional<Fault> parse_fault(std::string_view name) {
    auto const at = std::ranges::find(names, name);
    return at == names.end() ? std::nullopt : std::optional(static_cast<Fault>(at - names.begin()));
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
    return faults;
}

void Faults::leave_out(std::span<Fault const> kinds) {
    for (Fault const kind : kinds) {
        sim::leave_out(kind, *this);
    }
}

}  // namespace sim
