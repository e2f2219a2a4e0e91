#pragma once

#include <map>
#include <string>
#include <vector>

#include "runtime/container.h"
#include "runtime/oci/confinement.h"
#include "runtime/oci/devices.h"
#include "runtime/oci/user.h"

namespace runtime {

struct BindMount {
    std::string source;
    std::string destination;
    bool read_only = false;
};

// What the config.json of one container is made of.
struct Bundle {
    std::string root_path;
    bool read_only_root = false;
    std::vector<std::string> arguments;
    std::vector<std::string> environment;  // "NAME=value"
    std::string working_dir = "/";
    User user{};
    bool terminal = false;
    std::string hostname;  // unused where the host's is shared
    std::string domain_name{};
    NetworkMode network{};
    std::string netns_path;  // of mode bridge; empty: a new one with nothing in it
    Isolation isolation{};
    Confinement confinement{};
    DeviceSet devices{};
    std::string cgroup_path;
    Limits limits{};
    std::map<std::string, DeviceNumber> block_devices{};  // all that `limits` names
    std::map<std::string, Tmpfs> tmpfs{};
    std::vector<BindMount> mounts{};
    std::map<std::string, std::string> annotations{};
};

// An OCI runtime configuration. What is not asked for is as tight as Docker's defaults or tighter:
// see Confinement.
[[nodiscard]] std::string bundle_config(Bundle const& bundle);

}  // namespace runtime
