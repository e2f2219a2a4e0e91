// Runs seeds until a checker complains, which is what a planted bug is for.
#include <cstdio>

#include "tests/sim/options.h"
#include "tests/sim/runner.h"

int main(int count, char** arguments) {
    auto const options = sim::parse_options({arguments + 1, arguments + count});
    if (!options) {
        std::fputs(sim::usage().data(), stderr);
        return 2;
    }
    for (std::uint64_t seed = options->first_seed; seed < options->first_seed + options->seeds;
         ++seed) {
        sim::Result const result = sim::run_alone(options->settings(seed));
        if (result.failed()) {
            std::printf("seed %llu: %s %s\n", static_cast<unsigned long long>(seed),
                        result.outcome.property.c_str(), result.outcome.text.c_str());
            // Seen by a property, not by chance.
            return result.crashed ? 1 : 0;
        }
    }
    std::printf("no checker complains\n");
    return 1;
}
