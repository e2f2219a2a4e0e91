#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>

#include "runtime/oci/capabilities.h"

namespace runtime {

// What this host can give its containers, so that nothing is asked of it that it would refuse.
struct HostAbilities {
    std::string architecture{};    // "amd64", "arm64"
    CapabilitySet capabilities{};  // those of the agent: no container can have others
    std::map<std::string, std::int64_t> ulimits_max{};  // of every RLIMIT_*; -1: no limit
    std::int32_t oom_score_adj_min = -1000;
    std::set<std::uint32_t> cpus{};  // online
    bool swap_limit = false;
    bool swappiness = false;
    bool oom_kill_disable = false;
    bool block_weight = false;
    bool block_device_weight = false;
    bool block_rate = false;
    bool apparmor = false;
    bool selinux = false;
    std::string init_program{};  // an agent that runs without libraries; empty: there is none
};

struct HostQuestion {
    std::string cgroup_parent;  // has been made by the OCI runtime already
    std::string agent_path;
    std::string runtime;  // "runc 1.1.5": what of the host it uses
};

[[nodiscard]] HostAbilities find_host_abilities(HostQuestion const& question);

// "0-2,5" as a set; empty if it is no such list or names a CPU beyond 8191.
[[nodiscard]] std::set<std::uint32_t> parse_cpus(std::string_view text);

}  // namespace runtime
