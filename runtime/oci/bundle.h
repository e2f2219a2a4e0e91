#pragma once

#include <string>
#include <vector>

#include "runtime/container.h"
#include "runtime/oci/user.h"

namespace runtime {

struct BindMount {
    std::string source;
    std::string destination;
};

// What the config.json of one container is made of.
struct Bundle {
    std::string root_path;
    std::vector<std::string> arguments;
    std::vector<std::string> environment;  // "NAME=value"
    std::string working_dir = "/";
    User user{};
    std::string hostname;
    std::string netns_path;  // empty: a new one with nothing in it
    std::string cgroup_path;
    Limits limits{};
    std::vector<BindMount> mounts{};
};

// An OCI runtime configuration with Docker's defaults made tighter: without the capabilities for
// raw sockets, device nodes and the audit log, and without gaining privileges by set-user-id.
[[nodiscard]] std::string bundle_config(Bundle const& bundle);

}  // namespace runtime
