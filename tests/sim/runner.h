#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include <sys/types.h>

#include "tests/sim/scenario.h"

namespace sim {

// How a run ended that had a process of its own.
struct Result {
    Settings settings;
    bool crashed = false;  // a CHECK, a signal, or out of memory: `outcome.text` says which
    Outcome outcome;
    std::uint64_t rss_kib{};  // the most memory that the process had

    [[nodiscard]] bool failed() const { return crashed || outcome.verdict != Verdict::held; }
};

// Runs settings in processes, so that one which crashes takes no other with it. The simulation in
// each is single-threaded and the same wherever it runs.
class Runner {
public:
    explicit Runner(std::size_t jobs) : jobs_(jobs) {}

    [[nodiscard]] bool full() const { return running_.size() >= jobs_; }

    [[nodiscard]] bool idle() const { return running_.empty(); }

    void start(Settings const& settings);
    // Waits for one that was started, at most this long; nothing if none has ended.
    [[nodiscard]] std::optional<Result> wait(int milliseconds);

private:
    struct Running {
        Settings settings;
        pid_t process{};
        std::string said;
    };

    [[nodiscard]] Result finish(int pipe);

    std::size_t jobs_;
    std::map<int, Running> running_;  // by the pipe that they answer through
};

// One run, from start to end.
[[nodiscard]] Result run_alone(Settings const& settings);

}  // namespace sim
