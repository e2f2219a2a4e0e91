#pragma once

#include <string_view>

#include "cmd/commands.h"
#include "net/admin/admin_client.h"

namespace cmd {

// To standard output, as it is.
void print(std::string_view text);

// "agent: text" to standard error.
ExitCode complain(std::string_view text);
ExitCode complain(net::AdminError const& error);
// Says so when fewer hosts than wanted have confirmed a change: where it is, and what comes of it.
ExitCode confirm(net::ChangeReport const& change);

}  // namespace cmd
