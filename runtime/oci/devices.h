#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

#include "base/result.h"
#include "runtime/isolation.h"
#include "runtime/limits.h"

namespace runtime {

struct DeviceNumber {
    unsigned major{};
    unsigned minor{};
    friend bool operator==(DeviceNumber const&, DeviceNumber const&) = default;
};

// A file of a device, to be made in a container.
struct DeviceNode {
    std::string path;
    char type{};  // 'c' or 'b'
    DeviceNumber number;
    mode_t mode{};
    uid_t uid{};
    gid_t gid{};
};

// What the control group lets be done with devices.
struct DeviceRule {
    char type{};                      // 'c', 'b', or 'a' for both
    std::optional<unsigned> major{};  // nothing: any
    std::optional<unsigned> minor{};
    std::string access{};  // of "rwm"
    friend bool operator==(DeviceRule const&, DeviceRule const&) = default;
};

struct DeviceSet {
    static constexpr std::size_t nodes_max = 1024;

    std::vector<DeviceNode> nodes;
    std::vector<DeviceRule> rules;
};

// The devices that `security` names; if it is privileged, all below /dev. Symbolic links are
// followed. An error is one that this host has not, that would not be below /dev in the container
// (elsewhere device files do not work), or a rule or permission that cannot be read.
[[nodiscard]] base::Result<DeviceSet> find_devices(Security const& security);

// "c 1:3 rwm", "b 8:* r", "a *:* m".
[[nodiscard]] base::Result<DeviceRule> parse_device_rule(std::string_view text);

// The numbers of all block devices that `io` names.
[[nodiscard]] base::Result<std::map<std::string, DeviceNumber>> find_block_devices(
    BlockIo const& io);

}  // namespace runtime
