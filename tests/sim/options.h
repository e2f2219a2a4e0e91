#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tests/sim/scenario.h"

namespace sim {

// What `./dev sim` is asked for.
struct Options {
    std::uint64_t first_seed = 1;
    std::uint64_t seeds = 100;
    std::size_t hosts = 0;  // 0: drawn per seed
    std::vector<Fault> without;
    base::Duration fault_phase = Settings().fault_phase;
    std::optional<bool> calm;  // nothing: drawn per seed
    std::size_t vanish = 0;
    std::size_t jobs = 1;
    bool shrink = false;
    bool help = false;

    [[nodiscard]] Settings settings(std::uint64_t seed) const;
};

// Nothing when the arguments are not understood.
[[nodiscard]] std::optional<Options> parse_options(std::vector<std::string_view> const& arguments);
[[nodiscard]] std::string_view usage();

// The command that repeats a run.
[[nodiscard]] std::string replay_command(Settings const& settings);

}  // namespace sim
