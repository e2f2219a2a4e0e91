#pragma once

#include <string>

#include "base/result.h"
#include "cmd/commands.h"
#include "cmd/options.h"

// What makes this host a member of a fleet: files in the state directory, written while no agent
// runs on it.
namespace cmd {

// This host's identity and a new fleet. Refused if it is in one already.
[[nodiscard]] base::Result<void> found_fleet(DaemonOptions const& options);

// This host's identity, and what a member hands over for the token. Gives the member that did, as
// it was given on the command line, or its address if the token had to lead there. Refused if this
// host is in a fleet already; after any failure it is in none.
[[nodiscard]] base::Result<std::string> join_fleet(DaemonOptions const& options,
                                                   JoinCommand const& command);

}  // namespace cmd
