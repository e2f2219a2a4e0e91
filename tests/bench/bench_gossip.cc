#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <string_view>
#include <vector>

#include "base/text.h"
#include "tests/bench/measurements.h"
#include "tests/bench/table.h"

// ./dev bench gossip: membership in simulated time, as tables for docs/benchmarks.md.
namespace {

struct Measurement {
    std::string_view name;
    void (*run)();
};

constexpr std::array measurements{
    Measurement{"deaths", bench::measure_deaths},
    Measurement{"processes", bench::measure_killed_processes},
    Measurement{"together", bench::measure_deaths_together},
    Measurement{"loss", bench::measure_loss},
    Measurement{"stalls", bench::measure_stalls},
    Measurement{"deaf", bench::measure_deaf_hosts},
    Measurement{"semidetached", bench::measure_semidetached_host},
    Measurement{"idle", bench::measure_idle_traffic},
    Measurement{"bootstrap", bench::measure_bootstrap},
    Measurement{"broadcast", bench::measure_broadcast},
    Measurement{"memory", bench::measure_memory},
};

void run(Measurement const& measurement) {
    auto const began = std::chrono::steady_clock::now();
    measurement.run();
    std::chrono::duration<double> const taken = std::chrono::steady_clock::now() - began;
    bench::remark(
        base::concat("`", measurement.name, "` took ", bench::number(taken.count(), 1), " s."));
}

}  // namespace

int main(int argc, char** argv) {
    std::vector<std::string_view> const names(argv + 1, argv + argc);
    for (std::string_view const name : names) {
        if (std::ranges::find(measurements, name, &Measurement::name) == measurements.end()) {
            std::fputs("usage: bench_gossip [NAME...], of:", stderr);
            for (Measurement const& known : measurements) {
                std::fprintf(stderr, " %s", known.name.data());
            }
            std::fputs("\n", stderr);
            return 2;
        }
    }
    for (Measurement const& measurement : measurements) {
        if (names.empty() || std::ranges::find(names, measurement.name) != names.end()) {
            run(measurement);
        }
    }
    bench::remark(base::concat(bench::missed(), " targets missed."));
    return bench::missed() == 0 ? 0 : 1;
}
