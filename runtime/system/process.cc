#include "runtime/system/process.h"

#include <algorithm>
#include <cerrno>
#include <chrono>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/text.h"

namespace runtime {
namespace {

constexpr std::size_t proc_file_max = 16384;

using Clock = std::chrono::steady_clock;

// Reads what there is; false at the end of the output.
bool read_some(int fd, std::string& output, std::size_t output_max) {
    char buffer[4096];
    ssize_t const size = read(fd, buffer, sizeof(buffer));
    if (size <= 0) {
        return size < 0 && errno == EINTR;
    }
    std::size_t const room = output_max - std::min(output_max, output.size());
    output.append(buffer, std::min(room, static_cast<std::size_t>(size)));
    return true;
}

// Waits until the child has ended, or the time is over, or `stop` is readable; reads its output
// meanwhile.
bool read_until_end(base::Descriptor const& process, base::Descriptor const& output, int stop,
                    Clock::time_point deadline, std::size_t output_max, std::string& text) {
    bool open = true;
    for (;;) {
        auto const left =
            std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now());
        if (left.count() <= 0) {
            return false;
        }
        // A negative descriptor is passed over.
        pollfd polled[3] = {
            {process.get(), POLLIN, 0}, {open ? output.get() : -1, POLLIN, 0}, {stop, POLLIN, 0}};
        int const count = poll(polled, 3, static_cast<int>(std::min<long>(left.count(), 60'000)));
        if (count <= 0) {
            continue;
        }
        if (polled[2].revents != 0) {
            return false;
        }
        if (open && polled[1].revents != 0) {
            open = read_some(output.get(), text, output_max);
        } else if (polled[0].revents != 0) {
            return true;
        }
    }
}

}  // namespace

base::Result<std::string> boot_id() {
    std::string const text = TRY(read_file("/proc/sys/kernel/random/boot_id", proc_file_max));
    return std::string(base::trim(text));
}

base::Result<ProcessId> identify_process(pid_t pid) {
    std::string const path = base::concat("/proc/", pid, "/stat");
    std::string const text = TRY(read_file(path, proc_file_max));
    // The second field, the name in parentheses, may hold spaces and parentheses itself.
    std::size_t const name_end = text.rfind(')');
    if (name_end == std::string::npos || name_end + 2 >= text.size()) {
        return base::fail(base::concat(path, ": not understood"));
    }
    auto const fields = base::split(std::string_view(text).substr(name_end + 2), ' ');
    if (fields.size() < 20) {
        return base::fail(base::concat(path, ": not understood"));
    }
    auto const start_time = base::parse_integer<std::uint64_t>(fields[19]);
    if (!start_time || fields[0] == "Z" || fields[0] == "X") {
        return base::fail(base::concat("process ", pid, " has ended"));
    }
    return ProcessId{pid, *start_time};
}

base::Result<base::Descriptor> open_process(pid_t pid) {
    // glibc 2.36 declares its wrappers without C linkage.
    base::Descriptor fd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
    if (!fd) {
        return base::fail_errno(errno, base::concat("open process ", pid));
    }
    return fd;
}

base::Result<base::Descriptor> open_process(ProcessId const& process) {
    base::Descriptor fd = TRY(open_process(process.pid));
    // The descriptor holds the number; if the start time is right now, it was right before.
    ProcessId const found = TRY(identify_process(process.pid));
    if (found != process) {
        return base::fail(base::concat("process ", process.pid, " is another one now"));
    }
    return fd;
}

bool send_signal(base::Descriptor const& process, int signal) {
    return syscall(SYS_pidfd_send_signal, process.get(), signal, nullptr, 0) == 0;
}

base::Result<Pipe> make_pipe() {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) {
        return base::fail_errno(errno, "make a pipe");
    }
    return Pipe{base::Descriptor(ends[0]), base::Descriptor(ends[1])};
}

base::Result<pid_t> spawn(Program const& program) {
    std::vector<char*> arguments;
    for (std::string const& argument : program.arguments) {
        arguments.push_back(const_cast<char*>(argument.c_str()));
    }
    arguments.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    if (program.input < 0) {
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    } else {
        posix_spawn_file_actions_adddup2(&actions, program.input, 0);
    }
    for (int const standard : {1, 2}) {
        if (program.output < 0) {
            posix_spawn_file_actions_addopen(&actions, standard, "/dev/null", O_WRONLY, 0);
        } else {
            posix_spawn_file_actions_adddup2(&actions, program.output, standard);
        }
    }
    if (program.inherited >= 0) {
        posix_spawn_file_actions_adddup2(&actions, program.inherited, 3);
    }
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    sigset_t none;
    sigemptyset(&none);
    sigset_t defaults;
    sigfillset(&defaults);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &defaults);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    pid_t child = -1;
    int const error = posix_spawn(&child, program.arguments.front().c_str(), &actions, &attributes,
                                  arguments.data(), environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    if (error != 0) {
        return base::fail_errno(error, base::concat("start ", program.arguments.front()));
    }
    return child;
}

base::Result<int> wait_for(pid_t child) {
    int status = 0;
    while (waitpid(child, &status, 0) < 0) {
        if (errno != EINTR) {
            return base::fail_errno(errno, base::concat("wait for process ", child));
        }
    }
    return status;
}

std::string describe_wait_status(int status) {
    if (WIFSIGNALED(status)) {
        return base::concat("signal ", WTERMSIG(status));
    }
    return base::concat("exit code ", WEXITSTATUS(status));
}

base::Result<Outcome> run_program(std::vector<std::string> arguments, base::Duration timeout,
                                  std::size_t output_max, void (*on_timeout)(void*), void* context,
                                  int stop) {
    Pipe output = TRY(make_pipe());
    Program program{.arguments = std::move(arguments), .output = output.write.get()};
    pid_t const child = TRY(spawn(program));
    output.write = {};
    Outcome outcome;
    base::Descriptor const process = TRY(open_process(child));
    auto const deadline = Clock::now() + timeout;
    outcome.timed_out =
        !read_until_end(process, output.read, stop, deadline, output_max, outcome.output);
    if (outcome.timed_out) {
        if (on_timeout != nullptr) {
            on_timeout(context);
        }
        kill(child, SIGKILL);
    }
    outcome.wait_status = TRY(wait_for(child));
    return outcome;
}

}  // namespace runtime
