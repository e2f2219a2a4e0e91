#include "tests/fleet/command.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/text.h"
#include "runtime/network/net_namespace.h"

namespace fleet {
namespace {

constexpr auto poll_interval = base::milliseconds(20);

struct PipeEnds {
    base::Descriptor read;
    base::Descriptor write;
};

PipeEnds make_pipe() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) {
        throw Failure("cannot make a pipe");
    }
    return {base::Descriptor(ends[0]), base::Descriptor(ends[1])};
}

// File actions and attributes of posix_spawn(3), freed at the end.
class SpawnPlan {
public:
    SpawnPlan() {
        posix_spawn_file_actions_init(&actions_);
        posix_spawnattr_init(&attributes_);
        posix_spawn_file_actions_addopen(&actions_, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
        sigset_t none;
        sigemptyset(&none);
        posix_spawnattr_setsigmask(&attributes_, &none);
        flags_ = POSIX_SPAWN_SETSIGMASK;
    }

    SpawnPlan(SpawnPlan const&) = delete;
    SpawnPlan& operator=(SpawnPlan const&) = delete;

    ~SpawnPlan() {
        posix_spawn_file_actions_destroy(&actions_);
        posix_spawnattr_destroy(&attributes_);
    }

    void output_to(base::Descriptor const& out, base::Descriptor const& err) {
        posix_spawn_file_actions_adddup2(&actions_, out.get(), STDOUT_FILENO);
        posix_spawn_file_actions_adddup2(&actions_, err.get(), STDERR_FILENO);
    }

    void in_new_session() { flags_ |= POSIX_SPAWN_SETSID; }

    // The child begins its life in the namespace: whoever looks for the processes of a host finds
    // it from the first moment.
    pid_t spawn_in(base::Descriptor const& netns, Command const& command) {
        std::vector<std::string> environment{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root"};
        environment.insert(environment.end(), command.environment.begin(),
                           command.environment.end());
        std::vector<char*> const argv = pointers(command.arguments);
        std::vector<char*> const envp = pointers(environment);
        posix_spawnattr_setflags(&attributes_, static_cast<short>(flags_));
        pid_t child = -1;
        must(runtime::in_net_namespace(netns, [&]() -> base::Result<void> {
            int const error =
                ::posix_spawnp(&child, argv[0], &actions_, &attributes_, argv.data(), envp.data());
            return error == 0 ? base::Result<void>{}
                              : base::fail_errno(error, base::concat("start ", argv[0]));
        }));
        return child;
    }

private:
    static std::vector<char*> pointers(std::vector<std::string> const& texts) {
        std::vector<char*> out;
        for (std::string const& text : texts) {
            out.push_back(const_cast<char*>(text.c_str()));
        }
        out.push_back(nullptr);
        return out;
    }

    posix_spawn_file_actions_t actions_;
    posix_spawnattr_t attributes_;
    int flags_{};
};

// False at the end of the input.
bool read_some(int fd, std::string& out) {
    std::array<char, 16384> buffer;
    ssize_t const size = ::read(fd, buffer.data(), buffer.size());
    if (size > 0) {
        out.append(buffer.data(), static_cast<std::size_t>(size));
    }
    return size > 0 || (size < 0 && errno == EINTR);
}

// False when the deadline passes before both inputs end.
bool drain(base::Descriptor const& out, base::Descriptor const& err, base::Instant deadline,
           Output& output) {
    std::array<pollfd, 2> entries{pollfd{.fd = out.get(), .events = POLLIN, .revents = 0},
                                  pollfd{.fd = err.get(), .events = POLLIN, .revents = 0}};
    std::array<std::string*, 2> const texts{&output.out, &output.err};
    while (entries[0].fd >= 0 || entries[1].fd >= 0) {
        auto const left = std::chrono::duration_cast<base::milliseconds>(deadline - now());
        if (left.count() <= 0) {
            return false;
        }
        ::poll(entries.data(), entries.size(), static_cast<int>(left.count()));
        for (std::size_t index = 0; index < entries.size(); ++index) {
            if (entries[index].revents != 0 && !read_some(entries[index].fd, *texts[index])) {
                entries[index].fd = -1;
            }
        }
    }
    return true;
}

}  // namespace

base::Instant now() {
    return base::Instant(std::chrono::steady_clock::now().time_since_epoch());
}

void pause_briefly() {
    ::poll(nullptr, 0, static_cast<int>(poll_interval.count()));
}

Output run_in(base::Descriptor const& netns, Command const& command) {
    PipeEnds out = make_pipe();
    PipeEnds err = make_pipe();
    SpawnPlan plan;
    plan.output_to(out.write, err.write);
    pid_t const child = plan.spawn_in(netns, command);
    out.write = {};
    err.write = {};

    Output output;
    bool const ended = drain(out.read, err.read, now() + command.timeout, output);
    if (!ended) {
        ::kill(child, SIGKILL);
    }
    int status = 0;
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    if (!ended) {
        std::string line;
        for (std::string const& argument : command.arguments) {
            line += base::concat(argument, " ");
        }
        throw Failure(base::concat("timed out: ", line, "\n", output.out, output.err));
    }
    output.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return output;
}

pid_t start_in(base::Descriptor const& netns, Command const& command, std::string const& log) {
    base::Descriptor const file(
        ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
    if (!file) {
        throw Failure(base::concat("cannot open ", log));
    }
    SpawnPlan plan;
    plan.output_to(file, file);
    plan.in_new_session();
    return plan.spawn_in(netns, command);
}

}  // namespace fleet
