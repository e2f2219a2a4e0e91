#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "runtime/container.h"
#include "runtime/oci/capabilities.h"
#include "runtime/system/process.h"

namespace runtime {

// Where `exec` of an OCI runtime finds a container, and what it leaves.
struct ExecPlace {
    std::vector<std::string> runtime;  // its command line up to the subcommand
    std::string id;
    std::string bundle;    // the container's directory
    std::string pid_file;  // of one program at a time
    std::string cgroup;    // of the container
};

inline constexpr std::size_t exec_output_max = 4096;

// Runs a command inside a running container to its end; `options` may name it instead. After
// `timeout`, or when the descriptor `stop` becomes readable, what it started is killed, and it
// counts as timed out.
[[nodiscard]] base::Result<Outcome> execute(ExecPlace const& place,
                                            std::vector<std::string> const& options,
                                            std::vector<std::string> const& command,
                                            base::Duration timeout, int stop);

// Runs a hook as the container's first process is run, but for what the hook says; an error is that
// it failed, with what it printed. `granted` is what a privileged
// hook may do.
[[nodiscard]] base::Result<void> run_hook(ExecPlace const& place, Hook const& hook,
                                          CapabilitySet granted, base::Duration timeout, int stop);

}  // namespace runtime
