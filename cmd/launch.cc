#include "cmd/launch.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <vector>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/text.h"
#include "net/admin/admin_client.h"

namespace cmd {
namespace {

constexpr base::Duration ready_max = base::seconds(15);
constexpr base::Duration stop_max = base::seconds(5);
constexpr auto poll_interval = base::milliseconds(50);
constexpr std::size_t lines_shown = 10;

using Clock = std::chrono::steady_clock;

base::Result<pid_t> spawn(std::vector<std::string> arguments, std::string const& log) {
    std::vector<char*> argv;
    for (std::string& argument : arguments) {
        argv.push_back(argument.data());
    }
    argv.push_back(nullptr);

    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, log.c_str(),
                                     O_WRONLY | O_CREAT | O_APPEND, 0600);
    posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO);
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID);

    // By its own path, not /proc/self/exe: the process is then called what the file is called.
    std::error_code unreadable;
    std::string const program = std::filesystem::read_symlink("/proc/self/exe", unreadable);
    pid_t child = -1;
    int const error = posix_spawn(&child, unreadable ? "/proc/self/exe" : program.c_str(), &actions,
                                  &attributes, argv.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    if (error != 0) {
        return base::fail_errno(error, base::concat("start the agent, logging to ", log));
    }
    return child;
}

std::streamoff size_of(std::string const& path) {
    struct stat found{};
    return ::stat(path.c_str(), &found) == 0 ? found.st_size : 0;
}

std::string last_lines(std::string const& path, std::streamoff from) {
    std::ifstream file(path, std::ios::binary);
    file.seekg(from);
    std::string const text{std::istreambuf_iterator<char>(file), {}};
    auto const lines = base::split(base::trim(text), '\n');
    std::string out;
    for (std::size_t i = lines.size() - std::min(lines.size(), lines_shown); i < lines.size();
         ++i) {
        out += base::concat("\n  ", lines[i]);
    }
    return out;
}

// How a process ended, or nothing if it has not within `timeout`.
std::optional<int> wait_for(pid_t child, base::Duration timeout) {
    Clock::time_point const deadline = Clock::now() + timeout;
    int status = 0;
    while (true) {
        if (::waitpid(child, &status, WNOHANG) == child) {
            return status;
        }
        if (Clock::now() >= deadline) {
            return std::nullopt;
        }
        ::poll(nullptr, 0, static_cast<int>(poll_interval.count()));
    }
}

void stop(pid_t child) {
    ::kill(child, SIGTERM);
    if (!wait_for(child, stop_max)) {
        ::kill(child, SIGKILL);
        ::waitpid(child, nullptr, 0);
    }
}

}  // namespace

base::Result<void> launch_daemon(DaemonOptions const& options) {
    std::string const log = base::concat(options.state_dir, "/agent.log");
    std::streamoff const log_start = size_of(log);
    std::vector<std::string> arguments{"agent", "run"};
    std::ranges::copy(to_arguments(options), std::back_inserter(arguments));
    pid_t const child = TRY(spawn(std::move(arguments), log));

    net::AdminClient const client(socket_path(options));
    Clock::time_point const deadline = Clock::now() + ready_max;
    while (Clock::now() < deadline) {
        if (wait_for(child, poll_interval)) {
            return base::fail(base::concat("the agent did not start:", last_lines(log, log_start)));
        }
        net::Answer<net::InfoReport> const info = client.info();
        if (info && info->pid == child) {
            return {};
        }
    }
    stop(child);
    return base::fail(base::concat("the agent did not answer on ", socket_path(options),
                                   " within 15 s and was stopped:", last_lines(log, log_start)));
}

}  // namespace cmd
