#pragma once

#include <optional>
#include <vector>

#include "agent/agent.h"
#include "base/address.h"
#include "base/result.h"
#include "cmd/options.h"

// What this machine is, asked of the kernel once at start.
namespace cmd {

// CPUs, memory, architecture; name and labels from the options.
[[nodiscard]] agent::Facts host_facts(DaemonOptions const& options, std::string runtime);

// Where the others reach this host: what was given, else the address from which it reaches a
// member, else the first address of an interface that is up. An error when there is none.
[[nodiscard]] base::Result<base::IpAddress> reachable_address(
    DaemonOptions const& options, std::vector<base::SocketAddress> const& members);

// The nameservers of /etc/resolv.conf, without those of the fleet's own range.
[[nodiscard]] std::vector<base::SocketAddress> host_resolvers(base::Prefix fleet_range);

}  // namespace cmd
