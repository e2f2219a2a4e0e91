#pragma once

#include <string>
#include <vector>

namespace runtime {

// An OCI runtime of this host, found out by running a container with it.
struct RuntimeChoice {
    std::string path;         // empty: none works
    std::string description;  // "runc 1.1.5"
    // One line per candidate: what it is, and why it cannot be used.
    std::vector<std::string> findings;
};

// Tries the names in order and takes the first that works. A trial makes a container below
// `directory` that runs one tiny program, and removes it.
[[nodiscard]] RuntimeChoice choose_runtime(std::vector<std::string> const& names,
                                           std::string const& directory,
                                           std::string const& cgroup_parent);

}  // namespace runtime
