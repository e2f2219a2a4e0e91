#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "agent/acks.h"
#include "base/address.h"
#include "base/log.h"
#include "cmd/gossip_options.h"

namespace cmd {

inline constexpr std::uint16_t default_port = 7700;

enum class RuntimeChoice : std::uint8_t { automatic, crun, runc };

// Everything the daemon can be told, with the defaults that need no configuration.
struct DaemonOptions {
    std::string config;  // as given; empty: /etc/covey/agent.toml if it exists
    std::string state_dir = "/var/lib/covey";
    std::string run_dir = "/run/covey";
    std::string socket;  // empty: see socket_path()
    std::string services_dir = "/etc/covey/services";
    base::SocketAddress listen{base::IpAddress::v4(0), default_port};
    std::optional<base::IpAddress> advertise;  // nothing: that of the default route's interface
    std::string name;                          // empty: the host's name
    std::map<std::string, std::string> labels;
    std::string cgroup_parent = "covey";
    std::string bridge = "covey0";
    RuntimeChoice runtime{};
    base::LogLevel log_level = base::LogLevel::info;
    agent::AckTerms ack;      // of changes asked for on the command line
    GossipTexts gossip;       // on the command line or in the environment
    GossipTexts gossip_file;  // in the configuration file; read again by `agent reload`
    friend bool operator==(DaemonOptions const&, DaemonOptions const&) = default;
};

[[nodiscard]] std::string socket_path(DaemonOptions const& options);
// Where the map and the local values are: crdt/rocks_store.h.
[[nodiscard]] std::string store_directory(DaemonOptions const& options);

// The arguments that give another process of this program the same options.
[[nodiscard]] std::vector<std::string> to_arguments(DaemonOptions const& options);

}  // namespace cmd
