#include "tests/sim/runner.h"

#include <cerrno>
#include <cstdio>
#include <vector>

#include <poll.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/check.h"
#include "base/text.h"

namespace sim {

namespace {

constexpr std::size_t text_max = 4096;
constexpr int exit_held = 0;

base::Bytes pack(Outcome const& outcome) {
    base::ByteWriter out;
    out.u8(static_cast<std::uint8_t>(outcome.verdict));
    out.sized(outcome.property);
    out.sized(outcome.act);
    out.sized(std::string_view(outcome.text).substr(0, text_max));
    out.sized(std::string_view(outcome.figures).substr(0, text_max));
    out.u64(outcome.trace);
    out.u64(outcome.events);
    out.u64(static_cast<std::uint64_t>(outcome.simulated.count()));
    return out.take();
}

bool unpack(std::string const& said, Outcome& outcome) {
    base::ByteReader in(base::as_bytes(said));
    outcome.verdict = static_cast<Verdict>(in.u8());
    outcome.property = in.text(text_max);
    outcome.act = in.text(text_max);
    outcome.text = in.text(text_max);
    outcome.figures = in.text(text_max);
    outcome.trace = in.u64();
    outcome.events = in.u64();
    outcome.simulated = base::Duration(static_cast<std::int64_t>(in.u64()));
    return in.complete();
}

[[noreturn]] void run_and_exit(Settings const& settings, int answer) {
    base::Bytes const packed = pack(run_seed(settings));
    bool const told =
        ::write(answer, packed.data(), packed.size()) == static_cast<ssize_t>(packed.size());
    ::_exit(told ? exit_held : 1);
}

std::string how_it_died(int status) {
    return WIFSIGNALED(status) ? base::concat("ended by signal ", WTERMSIG(status))
                               : base::concat("ended with exit code ", WEXITSTATUS(status));
}

}  // namespace

void Runner::start(Settings const& settings) {
    int ends[2];
    CHECK(::pipe(ends) == 0);
    std::fflush(nullptr);
    pid_t const process = ::fork();
    CHECK(process >= 0);
    if (process == 0) {
        ::close(ends[0]);
        run_and_exit(settings, ends[1]);
    }
    ::close(ends[1]);
    running_.emplace(ends[0], Running{settings, process, {}});
}

std::optional<Result> Runner::wait(int milliseconds) {
    std::vector<pollfd> polled;
    for (auto const& [pipe, running] : running_) {
        polled.push_back({pipe, POLLIN, 0});
    }
    int const ready = ::poll(polled.data(), polled.size(), milliseconds);
    CHECK(ready >= 0 || errno == EINTR);
    for (pollfd const& one : polled) {
        if (ready > 0 && one.revents != 0) {
            char buffer[text_max];
            ssize_t const size = ::read(one.fd, buffer, sizeof buffer);
            if (size <= 0) {
                return finish(one.fd);
            }
            running_.at(one.fd).said.append(buffer, static_cast<std::size_t>(size));
        }
    }
    return std::nullopt;
}

Result Runner::finish(int pipe) {
    Running const running = std::move(running_.extract(pipe).mapped());
    ::close(pipe);
    int status = 0;
    rusage usage{};
    CHECK(::wait4(running.process, &status, 0, &usage) == running.process);
    Result result{.settings = running.settings, .outcome = {}};
    result.rss_kib = static_cast<std::uint64_t>(usage.ru_maxrss);
    bool const ended_well = WIFEXITED(status) && WEXITSTATUS(status) == exit_held;
    if (!ended_well || !unpack(running.said, result.outcome)) {
        result.crashed = true;
        result.outcome = {};
        result.outcome.property = "no-crash";
        result.outcome.text = how_it_died(status);
    }
    return result;
}

Result run_alone(Settings const& settings) {
    Runner runner(1);
    runner.start(settings);
    for (;;) {
        if (auto result = runner.wait(-1)) {
            return *std::move(result);
        }
    }
}

}  // namespace sim
