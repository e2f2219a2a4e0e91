#pragma once

#include "base/result.h"
#include "cmd/options.h"

namespace cmd {

// Starts `agent run` with these options in a session of its own, its output appended to agent.log
// in the state directory, and returns when its admin socket answers. If it ends before, or has not
// answered after 15 s and is stopped, the error holds the last lines it wrote.
[[nodiscard]] base::Result<void> launch_daemon(DaemonOptions const& options);

}  // namespace cmd
