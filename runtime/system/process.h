#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <sys/types.h>

#include "base/result.h"
#include "base/time.h"
#include "runtime/system/file.h"

namespace runtime {

// A process that stays recognisable when its number is used again.
struct ProcessId {
    pid_t pid{};
    std::uint64_t start_time{};  // of /proc/PID/stat, in clock ticks since boot
    friend bool operator==(ProcessId const&, ProcessId const&) = default;
};

// Changes with every boot of the kernel.
[[nodiscard]] base::Result<std::string> boot_id();
// A process that lives now, zombies excepted.
[[nodiscard]] base::Result<ProcessId> identify_process(pid_t pid);
// A pidfd of a child that nobody has waited for yet.
[[nodiscard]] base::Result<base::Descriptor> open_process(pid_t child);
// A pidfd of exactly this process; an error if it has ended.
[[nodiscard]] base::Result<base::Descriptor> open_process(ProcessId const& process);
// False: it has ended.
bool send_signal(base::Descriptor const& process, int signal);

struct Pipe {
    base::Descriptor read;
    base::Descriptor write;
};

[[nodiscard]] base::Result<Pipe> make_pipe();

// Starts a program with the given descriptors (-1: /dev/null) and no others but those that are
// not close-on-exec. Safe in a process with many threads. `inherited` becomes descriptor 3.
struct Program {
    std::vector<std::string> arguments;  // the first is its path
    int input = -1;
    int output = -1;  // for stdout and stderr
    int inherited = -1;
};

[[nodiscard]] base::Result<pid_t> spawn(Program const& program);
// The status of waitpid(2) of a child.
[[nodiscard]] base::Result<int> wait_for(pid_t child);
// "exit code 1" or "signal 9".
[[nodiscard]] std::string describe_wait_status(int status);

struct Outcome {
    int wait_status{};
    bool timed_out = false;
    std::string output;  // its beginning
};

// Runs a program to its end, or kills it after `timeout` or when the descriptor `stop` becomes
// readable, which counts as timed out. Reads at most `output_max` bytes of what it prints, the rest
// is dropped. `on_timeout` is called before it is killed.
[[nodiscard]] base::Result<Outcome> run_program(std::vector<std::string> arguments,
                                                base::Duration timeout, std::size_t output_max,
                                                void (*on_timeout)(void*) = nullptr,
                                                void* context = nullptr, int stop = -1);

}  // namespace runtime
