// ./dev sim: runs seeds of the simulator and says which failed and how to run them again.
#include <algorithm>
#include <chrono>
#include <cstdio>

#include <unistd.h>

#include "base/text.h"
#include "tests/sim/options.h"
#include "tests/sim/runner.h"
#include "tests/sim/shrink.h"

namespace {

constexpr int exit_usage = 2;
constexpr int exit_crash = 127;
constexpr int exit_liveness = 128;
constexpr int exit_safety = 129;

constexpr std::chrono::milliseconds terminal_interval(200);
constexpr std::chrono::seconds pipe_interval(10);

using WallClock = std::chrono::steady_clock;

double seconds_since(WallClock::time_point start) {
    return std::chrono::duration<double>(WallClock::now() - start).count();
}

// What has been run so far, as a line now and then and as a summary.
class Progress {
public:
    explicit Progress(std::uint64_t seeds) : seeds_(seeds) {}

    void count(sim::Result const& result) {
        ++done_;
        failed_ += result.failed() ? 1U : 0U;
        events_ += result.outcome.events;
        simulated_ += result.outcome.simulated;
        rss_kib_ = std::max(rss_kib_, result.rss_kib);
    }

    void show() {
        auto const interval = terminal_ ? WallClock::duration(terminal_interval) : pipe_interval;
        if (done_ == seeds_ || WallClock::now() - shown_ < interval) {
            return;
        }
        shown_ = WallClock::now();
        std::fprintf(
            stderr,
            terminal_ ? "\r%llu of %llu seeds, %llu failed " : "%llu of %llu seeds, %llu failed\n",
            static_cast<unsigned long long>(done_), static_cast<unsigned long long>(seeds_),
            static_cast<unsigned long long>(failed_));
    }

    // Before anything else is printed.
    void clear() const {
        if (terminal_) {
            std::fprintf(stderr, "\r\033[K");
        }
    }

    void summarize() const {
        clear();
        double const wall = seconds_since(start_);
        std::printf(
            "%llu seeds held, %llu failed: %llu events, %.0f s simulated in %.1f s "
            "(%.1f seeds/s), at most %llu MiB\n",
            static_cast<unsigned long long>(done_ - failed_),
            static_cast<unsigned long long>(failed_), static_cast<unsigned long long>(events_),
            std::chrono::duration<double>(simulated_).count(), wall,
            static_cast<double>(done_) / wall, static_cast<unsigned long long>(rss_kib_ / 1024));
    }

private:
    bool terminal_ = ::isatty(STDERR_FILENO) != 0;
    WallClock::time_point start_ = WallClock::now();
    WallClock::time_point shown_ = WallClock::now();
    std::uint64_t seeds_;
    std::uint64_t done_ = 0, failed_ = 0, events_ = 0, rss_kib_ = 0;
    base::Duration simulated_{};
};

void print_failure(char const* word, sim::Result const& result) {
    std::string const act =
        result.outcome.act.empty() ? "" : base::concat(" act=", result.outcome.act);
    std::printf("%s seed=%llu hosts=%zu property=%s%s %s; replay: %s\n", word,
                static_cast<unsigned long long>(result.settings.seed), result.settings.hosts,
                result.outcome.property.c_str(), act.c_str(), result.outcome.text.c_str(),
                sim::replay_command(result.settings).c_str());
    std::fflush(stdout);
}

int exit_code(sim::Result const& result) {
    if (result.crashed) {
        return exit_crash;
    }
    switch (result.outcome.verdict) {
        case sim::Verdict::held:
            return 0;
        case sim::Verdict::liveness:
            return exit_liveness;
        case sim::Verdict::safety:
            return exit_safety;
    }
    return 0;
}

// A crash is reported before a safety violation, and that before one of liveness.
int worse(int a, int b) {
    if (a == exit_crash || b == exit_crash) {
        return exit_crash;
    }
    return std::max(a, b);
}

int run(sim::Options const& options) {
    Progress progress(options.seeds);
    sim::Runner runner(options.jobs);
    std::uint64_t next = options.first_seed;
    std::uint64_t const end = options.first_seed + options.seeds;
    int code = 0;
    while (next < end || !runner.idle()) {
        while (next < end && !runner.full()) {
            runner.start(options.settings(next++));
        }
        auto const result = runner.wait(static_cast<int>(terminal_interval.count()));
        if (result) {
            progress.count(*result);
            code = worse(code, exit_code(*result));
        }
        progress.show();
        if (result && result->failed()) {
            progress.clear();
            print_failure("FAIL", *result);
            if (options.shrink) {
                print_failure("SMALLEST", sim::shrink(*result, [](sim::Result const& smaller) {
                                  print_failure("smaller", smaller);
                              }));
            }
        } else if (result && options.seeds == 1) {
            progress.clear();
            std::printf("seed %llu held with %zu hosts: trace %016llx\n",
                        static_cast<unsigned long long>(result->settings.seed),
                        result->settings.hosts,
                        static_cast<unsigned long long>(result->outcome.trace));
            if (!result->outcome.figures.empty()) {
                std::printf("%s\n", result->outcome.figures.c_str());
            }
        }
    }
    progress.summarize();
    return code;
}

}  // namespace

int main(int count, char** arguments) {
    auto const options = sim::parse_options({arguments + 1, arguments + count});
    if (!options || options->help) {
        std::fputs(sim::usage().data(), options ? stdout : stderr);
        return options ? 0 : exit_usage;
    }
    return run(*options);
}
