#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/time.h"
#include "tests/sim/faults.h"

namespace sim {

struct Settings {
    std::uint64_t seed{};
    std::size_t hosts{};
    std::vector<Fault> without{};  // kinds of fault that are left out
    base::Duration fault_phase = base::seconds(30);
    bool calm = false;       // no fault at all
    std::size_t vanish = 0;  // so many hosts are lost at once in the end
};

enum class Verdict : std::uint8_t {
    held,
    liveness,  // what must come true did not, in time
    safety,    // what must never happen did
};

struct Outcome {
    Verdict verdict{};
    std::string property;  // which one, in which act, and how; empty when all held
    std::string act;
    std::string text;
    std::string figures;    // what was measured, for a person; most runs measure nothing
    std::uint64_t trace{};  // the same for the same settings
    std::uint64_t events{};
    base::Duration simulated{};
};

// How many hosts a seed has when nobody says: 3 to 30, most fleets being small.
[[nodiscard]] std::size_t draw_hosts(std::uint64_t seed);
// One seed in sixteen has no faults, and is held to more.
[[nodiscard]] bool draw_calm(std::uint64_t seed);

// One story. A fleet boots and its users deploy; faults befall it while they work on; everything is
// repaired and it must heal; in the quiet that follows a service is updated and a host is lost.
[[nodiscard]] Outcome run_seed(Settings const& settings);

}  // namespace sim
