#pragma once

#include "cmd/commands.h"

namespace cmd {

// The agent in the foreground, until SIGTERM, SIGINT or a leave: the exit status of the process.
// What goes wrong is told on standard error, one line, before it returns.
[[nodiscard]] int run_daemon(DaemonOptions const& options, RunCommand const& command);

}  // namespace cmd
