#pragma once

#include <string>
#include <vector>

#include <sys/types.h>

// What a run makes on this machine carries its name, so that anybody can find it, whoever made it
// and however that ended: files and mounts below one directory, control groups with one prefix,
// network namespaces bound below the directory, and the processes in those.
namespace fleet {

// All of a run, or one host of it.
struct Scope {
    std::string directory;
    // "covey-7-host1", or "covey-7-" for every control group whose name begins like that.
    std::string cgroup;
};

[[nodiscard]] std::string run_directory(std::string const& run);
[[nodiscard]] Scope scope_of_run(std::string const& run);

// Those in the scope's network namespaces and control groups; neither this one nor zombies.
[[nodiscard]] std::vector<pid_t> processes_of(Scope const& scope);

// Some thread of it does. A zombie that nobody waits for is not running; one whose other threads
// still end is, and may hold locks.
[[nodiscard]] bool is_running(pid_t process);

// Kills all of them, and those that they start meanwhile.
void kill_processes(Scope const& scope);
// Kills, unmounts, and removes control groups; the directory's files stay.
void release(Scope const& scope);

// Releases a run and deletes its directory. Does what it can and returns within seconds.
void clean_up(std::string const& run);

// A line for each thing of the run that is there: processes, mounts, network namespaces, control
// groups, files.
[[nodiscard]] std::vector<std::string> leftovers(std::string const& run);

}  // namespace fleet
