// ./dev sim: runs seeds of the simulator and says which failed and how to run them again.
#include <cstdio>
#include <string>
#include <string_view>

#include "base/text.h"
#include "tests/sim/scenario.h"

namespace {

constexpr int exit_usage = 2;
constexpr int exit_violation = 129;

struct Options {
    std::uint64_t first = 1;
    std::uint64_t seeds = 100;
    std::uint64_t hosts = 0;  // 0: drawn per seed, 3 to 12
};

bool parse(int count, char** arguments, Options& options) {
    for (int at = 1; at + 1 < count; at += 2) {
        std::string_view const name = arguments[at];
        auto const value = base::parse_integer<std::uint64_t>(arguments[at + 1]);
        if (!value) {
            return false;
        }
        if (name == "--seed") {
            options.first = *value;
            options.seeds = 1;
        } else if (name == "--first-seed") {
            options.first = *value;
        } else if (name == "--seeds") {
            options.seeds = *value;
        } else if (name == "--hosts") {
            options.hosts = *value;
        } else {
            return false;
        }
    }
    return count % 2 == 1;
}

}  // namespace

int main(int count, char** arguments) {
    Options options;
    if (!parse(count, arguments, options)) {
        std::fprintf(stderr, "sim [--seeds N] [--hosts M] [--first-seed S] [--seed X]\n");
        return exit_usage;
    }
    std::uint64_t failed = 0;
    for (std::uint64_t seed = options.first; seed < options.first + options.seeds; ++seed) {
        std::size_t const hosts = options.hosts != 0 ? options.hosts : sim::draw_hosts(seed);
        sim::Outcome const outcome =
            sim::run_seed({.seed = seed, .hosts = hosts, .calm = sim::draw_calm(seed)});
        if (!outcome.property.empty()) {
            ++failed;
            std::printf("FAIL seed=%llu hosts=%zu: %s; replay: ./dev sim --seed %llu --hosts %zu\n",
                        static_cast<unsigned long long>(seed), hosts,
                        (outcome.property + " " + outcome.act + " " + outcome.text).c_str(),
                        static_cast<unsigned long long>(seed), hosts);
        } else if (options.seeds == 1) {
            std::printf("seed %llu held: %llu events, %.0f simulated seconds, trace %016llx\n",
                        static_cast<unsigned long long>(seed),
                        static_cast<unsigned long long>(outcome.events),
                        std::chrono::duration<double>(outcome.simulated).count(),
                        static_cast<unsigned long long>(outcome.trace));
        }
    }
    std::printf("%llu passed, %llu failed\n",
                static_cast<unsigned long long>(options.seeds - failed),
                static_cast<unsigned long long>(failed));
    return failed == 0 ? 0 : exit_violation;
}
