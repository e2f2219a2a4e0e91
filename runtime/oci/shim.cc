#include "runtime/oci/shim.h"

#include <algorithm>
#include <cerrno>
#include <ctime>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/text.h"
#include "runtime/oci/console_socket.h"
#include "runtime/oci/log_ring.h"
#include "runtime/oci/records.h"
#include "runtime/system/file.h"
#include "runtime/system/process.h"

namespace runtime {
namespace {

constexpr std::size_t buffer_size = 65536;
constexpr std::size_t small_file_max = 65536;
constexpr int runtime_timeout_ms = 60'000;
constexpr int exit_record_tries = 50;

constexpr std::string_view inputs[] = {"none", "pipe", "terminal"};  // by ShimInput

base::Result<ShimOptions> parse_options(std::span<std::string const> arguments) {
    auto const* const input =
        arguments.size() == 7 ? std::ranges::find(inputs, arguments[6]) : std::end(inputs);
    if (input == std::end(inputs) || arguments[0] != "shim") {
        return base::fail(
            "usage: shim DIRECTORY LOG_DIRECTORY RUNTIME RUNTIME_ROOT ID none|pipe|terminal");
    }
    return ShimOptions{.directory = arguments[1],
                       .log_directory = arguments[2],
                       .runtime = arguments[3],
                       .runtime_root = arguments[4],
                       .id = arguments[5],
                       .input = static_cast<ShimInput>(input - std::begin(inputs))};
}

// How often the kernel killed a process of a cgroup for want of memory; the file is
// memory.oom_control of cgroup v1 or memory.events of v2.
std::string out_of_memory_file(pid_t container) {
    auto const text = read_file(base::concat("/proc/", container, "/cgroup"), small_file_max);
    if (!text) {
        return {};
    }
    std::string unified;
    for (std::string_view const line : base::split(*text, '\n')) {
        auto const fields = base::split(line, ':');
        if (fields.size() != 3) {
            continue;
        }
        for (std::string_view const controller : base::split(fields[1], ',')) {
            if (controller == "memory") {
                return base::concat("/sys/fs/cgroup/memory", fields[2], "/memory.oom_control");
            }
        }
        if (fields[0] == "0") {
            unified = base::concat("/sys/fs/cgroup", fields[2], "/memory.events");
        }
    }
    return unified;
}

bool ran_out_of_memory(std::string const& file) {
    auto const text = read_file(file, small_file_max);
    if (!text) {
        return false;
    }
    for (std::string_view const line : base::split(*text, '\n')) {
        if (line.starts_with("oom_kill ")) {
            return line != "oom_kill 0";
        }
    }
    return false;
}

class Shim {
public:
    explicit Shim(ShimOptions options)
        : options_(std::move(options)), log_(options_.log_directory) {}

    // In the process that is to stay.
    int run() {
        detach();
        base::Result<void> const started = start();
        if (!started && container_fd_) {
            // Whoever adopts it by its record must learn how it ended.
            send_signal(container_fd_, SIGKILL);
            write_exit(watch());
        }
        std::string const answer = started ? "ok\n" : started.error().message;
        // Nobody listens if the agent died meanwhile; the next one finds the records.
        static_cast<void>(write_all(shim_answer_fd, answer));
        close(shim_answer_fd);
        if (!started) {
            return 1;
        }
        write_exit(watch());
        return 0;
    }

private:
    static void detach() {
        setsid();
        static_cast<void>(chdir("/"));
        fcntl(shim_answer_fd, F_SETFD, FD_CLOEXEC);
        close_range(shim_answer_fd + 1, ~0U, 0);
        prctl(PR_SET_CHILD_SUBREAPER, 1);
        signal(SIGPIPE, SIG_IGN);
        signal(SIGHUP, SIG_IGN);
        signal(SIGINT, SIG_IGN);
        // Without privileges the shim is as killable as anything else.
        if (auto const file = open_file("/proc/self/oom_score_adj", O_WRONLY)) {
            static_cast<void>(write_all(file->get(), "-999"));
        }
    }

    base::Result<void> start() {
        lock_ = TRY(open_file(base::concat(options_.directory, "/lock"), O_RDWR));
        if (flock(lock_.get(), LOCK_EX | LOCK_NB) != 0) {
            return base::fail_errno(errno, base::concat("lock ", options_.directory));
        }
        Pipe output = TRY(make_pipe());
        output_ = std::move(output.read);
        fcntl(output_.get(), F_SETFL, O_NONBLOCK);
        std::string const pid_file = base::concat(options_.directory, "/pid");
        TRY_VOID(create(pid_file, output.write.get()));
        std::string const pid_text = TRY(read_file(pid_file, small_file_max));
        container_ = base::parse_integer<pid_t>(base::trim(pid_text)).value_or(-1);
        ProcessId const container = TRY(identify_process(container_));
        container_fd_ = TRY(open_process(container));
        out_of_memory_file_ = out_of_memory_file(container_);
        ShimRecord const record{.shim = TRY(identify_process(getpid())), .container = container};
        base::Result<void> started =
            write_record(base::concat(options_.directory, "/shim.json"), record);
        if (started) {
            started = call_runtime({"start", options_.id}, -1, output.write.get());
        }
        return started;
    }

    base::Result<void> create(std::string const& pid_file, int output) {
        std::vector<std::string> arguments{"create", "--bundle", options_.directory, "--pid-file",
                                           pid_file};
        Pipe input;
        switch (options_.input) {
            case ShimInput::none:
                break;
            case ShimInput::pipe:
                input = TRY(make_pipe());
                input_ = std::move(input.write);
                break;
            case ShimInput::terminal: {
                ConsoleSocket const socket = TRY(ConsoleSocket::create(options_.directory));
                arguments.insert(arguments.end(), {"--console-socket", ConsoleSocket::name});
                arguments.push_back(options_.id);
                TRY_VOID(call_runtime(std::move(arguments), -1, output));
                terminal_ = TRY(socket.receive());
                fcntl(terminal_.get(), F_SETFL, O_NONBLOCK);
                static_cast<void>(chdir("/"));
                return {};
            }
        }
        arguments.push_back(options_.id);
        return call_runtime(std::move(arguments), input.read.get(), output);
    }

    // Runs it to its end. What it prints goes where the container's output goes, for `create`
    // hands its own descriptors on.
    base::Result<void> call_runtime(std::vector<std::string> arguments, int input, int output) {
        std::vector<std::string> line{options_.runtime, "--root", options_.runtime_root};
        line.insert(line.end(), arguments.begin(), arguments.end());
        pid_t const child = TRY(spawn({.arguments = line, .input = input, .output = output}));
        base::Descriptor const process = TRY(open_process(child));
        pollfd polled{process.get(), POLLIN, 0};
        if (poll(&polled, 1, runtime_timeout_ms) == 0) {
            kill(child, SIGKILL);
        }
        int const status = TRY(wait_for(child));
        if (status == 0) {
            return {};
        }
        return base::fail(base::concat(options_.runtime, " ", arguments.front(), ": ",
                                       describe_wait_status(status), ": ",
                                       base::trim(read_output(small_file_max))));
    }

    std::string read_output(std::size_t size_max) {
        std::string text(size_max, '\0');
        ssize_t const size = read(output_.get(), text.data(), text.size());
        text.resize(static_cast<std::size_t>(std::max<ssize_t>(size, 0)));
        return text;
    }

    // False: nobody can write any more. A read that brings nothing this time is no end; taken for
    // one, the container would block on a full pipe.
    bool copy_output() {
        std::string text(buffer_size, '\0');
        ssize_t const size = read(source(), text.data(), text.size());
        if (size <= 0) {
            return size < 0 && (errno == EAGAIN || errno == EINTR);
        }
        log_.write(std::string_view(text).substr(0, static_cast<std::size_t>(size)));
        return true;
    }

    // A terminal that nobody has open any more gives an error, EIO.
    [[nodiscard]] int source() const { return terminal_ ? terminal_.get() : output_.get(); }

    // The output is read before the end is noticed: who has ended writes no more, and its process
    // is asked about first.
    ExitStatus watch() {
        bool open = true;
        for (;;) {
            pollfd polled[2] = {{container_fd_.get(), POLLIN, 0}, {source(), POLLIN, 0}};
            if (poll(polled, open ? 2 : 1, -1) < 0) {
                continue;
            }
            if (open && polled[1].revents != 0) {
                open = copy_output();
            } else if (polled[0].revents != 0) {
                break;
            }
        }
        auto const status = wait_for(container_);
        if (!status) {
            return lost_status;
        }
        ExitStatus result{.code = WEXITSTATUS(*status)};
        if (WIFSIGNALED(*status)) {
            result.signal = WTERMSIG(*status);
            result.code = 128 + result.signal;
            result.out_of_memory =
                result.signal == SIGKILL && ran_out_of_memory(out_of_memory_file_);
        }
        return result;
    }

    // A full disk may have room again soon; without the record the agent reports a lost container.
    void write_exit(ExitStatus const& status) const {
        std::string const path = base::concat(options_.directory, "/exit.json");
        for (int attempt = 0; attempt < exit_record_tries; ++attempt) {
            if (write_record(path, status)) {
                return;
            }
            timespec const pause{.tv_sec = 0, .tv_nsec = 200'000'000};
            nanosleep(&pause, nullptr);
        }
    }

    ShimOptions options_;
    LogRing log_;
    base::Descriptor lock_;
    base::Descriptor output_;
    base::Descriptor input_;     // held open, so that the program does not read the end of file
    base::Descriptor terminal_;  // the end that is not the program's
    base::Descriptor container_fd_;
    pid_t container_ = -1;
    std::string out_of_memory_file_;
};

}  // namespace

std::vector<std::string> shim_arguments(ShimOptions const& options) {
    return {"shim",
            options.directory,
            options.log_directory,
            options.runtime,
            options.runtime_root,
            options.id,
            std::string(inputs[static_cast<std::size_t>(options.input)])};
}

int shim_main(std::span<std::string const> arguments) {
    auto options = parse_options(arguments);
    if (!options) {
        static_cast<void>(write_all(STDERR_FILENO, options.error().message + "\n"));
        return 2;
    }
    pid_t const child = fork();
    if (child < 0) {
        return 1;
    }
    if (child > 0) {
        return 0;
    }
    return Shim(std::move(*options)).run();
}

}  // namespace runtime
