#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace runtime {

// What a container's program reads. Nobody writes there yet.
enum class ShimInput : std::uint8_t {
    none,      // the end of file
    pipe,      // one that stays open
    terminal,  // one that its output goes to, too
};

// What a shim is told on its command line.
struct ShimOptions {
    std::string directory;  // the container's: config.json is there, records are written there
    std::string log_directory;
    std::string runtime;       // path of runc or crun
    std::string runtime_root;  // where it keeps its state
    std::string id;
    ShimInput input{};
};

// The descriptor on which a shim answers once: "ok\n" when the program runs, else why not.
inline constexpr int shim_answer_fd = 3;

// The arguments that shim_main() understands, "shim" first.
[[nodiscard]] std::vector<std::string> shim_arguments(ShimOptions const& options);

// The process beside each container: makes and starts it, keeps its output, waits for its end and
// writes down how it ended. It forks into a session of its own, so that it outlives the agent. It
// holds a lock on DIRECTORY/lock while it lives: a directory whose lock is free has no shim.
// `arguments` is the command line behind the program's name. Returns the exit code of the process.
[[nodiscard]] int shim_main(std::span<std::string const> arguments);

}  // namespace runtime
