#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/address.h"
#include "base/ids.h"
#include "base/time.h"

// What an agent tells people about the fleet, from its own knowledge: every command is answered
// locally, whoever else is reachable.
namespace agent {

enum class NodeStatus : std::uint8_t {
    alive,
    suspect,
    unsteady,
    restarting,
    leaving,
    down,
    left,
    evicted,
};

struct NodeReport {
    base::NodeId id;
    std::string name;
    base::SocketAddress address;
    NodeStatus status{};
    bool self{};
    bool current{};      // its records here are those of its present run
    bool disk_full{};    // nothing new is placed there
    std::string subnet;  // "10.128.3.0/24"; empty: none claimed yet
    std::uint64_t cpu_milli{}, memory_bytes{};
    std::string arch, runtime, version;
    std::vector<std::string> labels;  // "zone=a"
    std::uint32_t instances{};        // live ones it holds
    base::Duration since{};           // how long in this status, as seen here
    base::Duration silent{};          // of an unsteady one: for how long it has not answered
    base::Duration round_trip{};      // to it and back; zero: not measured
    base::Duration distance{};        // the same by network coordinates; zero: not known
};

enum class InstanceStatus : std::uint8_t {
    pending,  // no host can take it now: see `message`
    waiting,  // its host waits for a dependency or a turn in the rollout
    starting,
    running,  // not (yet) healthy
    healthy,
    draining,
    stopping,
    backoff,
    failed,
    completed,  // it ended for good: see its exit code
};

struct InstanceReport {
    std::string service;  // "project/name"
    std::uint32_t slot{};
    InstanceStatus status{};
    std::string id;    // container id; empty: none
    std::string node;  // host name; empty: none
    base::NodeId node_id;
    base::IpAddress address;
    std::string revision;
    bool old_revision{};
    std::uint32_t restarts{};
    std::optional<int> exit_code;  // of the last run
    std::string message;
};

enum class ChangeKind : std::uint8_t { start, stop, move, replace, wait };

// What a change of services would do to one slot.
struct ChangeReport {
    ChangeKind kind{};
    std::string service;  // "project/name"
    std::uint32_t slot{};
    std::string node;      // host name; wait: empty
    std::string from;      // move: the host that it leaves
    std::string revision;  // that the slot will have
    std::string message;   // wait: why no host takes it
};

struct ServiceReport {
    std::string service;
    std::string image;
    bool global{};
    std::uint32_t replicas{};  // wanted
    std::uint32_t healthy{};
    std::uint32_t running{};  // healthy ones included
    std::string revision;
    bool updating{};  // some instance is of an older revision
    std::optional<base::IpAddress> vip;
    std::vector<std::string> ports;  // "8080->80/tcp", "80/tcp" (virtual IP only)
    std::string message;             // "port 8080/tcp is already published by shop/web"
};

// A service file in this host's services directory.
struct FileReport {
    std::string name;
    bool usable{};
    std::vector<std::string> services;
    // "shop.yaml:7:5: ..." of the newest content, and where the fleet has another version.
    std::vector<std::string> messages;
};

// Two edits of one thing, neither of which saw the other.
struct ConflictReport {
    std::string id;       // the same on every host
    std::string key;      // of the shared state
    std::string kept;     // what stands, in words
    std::string kept_by;  // the host where it was written
    std::string lost;
    std::string lost_by;
    bool current{};  // nobody has changed it since
};

struct StatusReport {
    base::NodeId id;
    std::string name;
    base::SocketAddress address;
    std::string profile;  // of membership: "lan", "wan with probe-interval=1s"
    bool settled{};       // has heard of the fleet's state since it started, or knows itself alone
    std::uint32_t nodes_alive{}, nodes_known{};
    std::uint32_t services{}, replicas_wanted{}, replicas_healthy{};
    std::string subnet;
    std::uint64_t entries{};       // in the shared state
    std::uint64_t state_digest{};  // equal on hosts that know the same
    std::uint64_t plan_digest{};   // equal on hosts that decide the same
    std::uint32_t conflicts{};
    std::uint64_t packets_in{}, packets_dropped{}, refutations{};
    // Since the agent started. Hosts lost together are one cut and lead to one plan.
    std::uint64_t hosts_lost{}, cuts{}, loss_plans{};
    std::vector<FileReport> files;
    std::vector<std::string> problems;  // what an operator should know, a line each
};

}  // namespace agent
