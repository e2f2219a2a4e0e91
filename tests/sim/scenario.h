#pragma once

#include <cstdint>
#include <string>

namespace sim {

struct Outcome {
    std::string complaint;  // empty: everything held
    std::uint64_t trace{};
    std::uint64_t events{};
    double simulated_seconds{};
};

// A fleet boots, gets services, suffers the faults drawn for this seed while the safety properties
// are checked, is healed, and must then satisfy healed() within heal_bound().
[[nodiscard]] Outcome run_seed(std::uint64_t seed, std::size_t hosts);

}  // namespace sim
