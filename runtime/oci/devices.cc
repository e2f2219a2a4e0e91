#include "runtime/oci/devices.h"

#include <algorithm>
#include <cerrno>

#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/text.h"
#include "runtime/system/file.h"

namespace runtime {
namespace {

constexpr int depth_max = 8;

// Every OCI runtime makes these itself, or they are the container's own.
constexpr std::string_view made_anyway[] = {
    "/dev/null", "/dev/zero", "/dev/full",    "/dev/random", "/dev/urandom", "/dev/tty",
    "/dev/ptmx", "/dev/pts",  "/dev/console", "/dev/shm",    "/dev/mqueue",  "/dev/fd"};

base::Result<void> check_access(std::string_view access) {
    bool const valid = !access.empty() && access.size() <= 3 &&
                       access.find_first_not_of("rwm") == std::string_view::npos;
    if (!valid) {
        return base::fail(
            base::concat("device permissions '", access, "' are not made of r, w and m"));
    }
    return {};
}

bool is_device(mode_t mode) {
    return S_ISCHR(mode) || S_ISBLK(mode);
}

DeviceNode node_of(std::string path, struct stat const& status) {
    return {.path = std::move(path),
            .type = S_ISCHR(status.st_mode) ? 'c' : 'b',
            .number = {major(status.st_rdev), minor(status.st_rdev)},
            .mode = status.st_mode & 07777,
            .uid = status.st_uid,
            .gid = status.st_gid};
}

base::Result<void> add_node(DeviceNode node, DeviceSet& out) {
    if (out.nodes.size() >= DeviceSet::nodes_max) {
        return base::fail(
            base::concat("more than ", DeviceSet::nodes_max, " devices for one container"));
    }
    out.nodes.push_back(std::move(node));
    return {};
}

// All devices below a directory; what is in it may vanish meanwhile.
base::Result<void> add_below(std::string const& source, std::string const& path,
                             std::string const& access, int depth, DeviceSet& out) {
    for (std::string const& name : list_directory(source)) {
        std::string const from = base::concat(source, "/", name);
        std::string to = base::concat(path, "/", name);
        struct stat status{};
        bool const skipped = std::ranges::find(made_anyway, to) != std::end(made_anyway);
        if (skipped || lstat(from.c_str(), &status) != 0) {
            continue;
        }
        if (S_ISDIR(status.st_mode) && depth < depth_max) {
            TRY_VOID(add_below(from, to, access, depth + 1, out));
        } else if (is_device(status.st_mode)) {
            DeviceNode node = node_of(std::move(to), status);
            if (!access.empty()) {
                out.rules.push_back({node.type, node.number.major, node.number.minor, access});
            }
            TRY_VOID(add_node(std::move(node), out));
        }
    }
    return {};
}

base::Result<void> add_device(std::string const& path, Device const& device, DeviceSet& out) {
    TRY_VOID(check_access(device.permissions));
    if (!path.starts_with("/dev/") || path.contains("/..") || path.ends_with('/')) {
        return base::fail(base::concat("device ", device.source, ": '", path,
                                       "' is not below /dev, where devices work in a container"));
    }
    char resolved[PATH_MAX];
    struct stat status{};
    if (realpath(device.source.c_str(), resolved) == nullptr || stat(resolved, &status) != 0) {
        return base::fail_errno(errno, base::concat("device ", device.source, " of this host"));
    }
    if (S_ISDIR(status.st_mode)) {
        return add_below(resolved, path, device.permissions, 0, out);
    }
    if (!is_device(status.st_mode)) {
        return base::fail(base::concat(device.source, " of this host is no device"));
    }
    DeviceNode node = node_of(path, status);
    out.rules.push_back({node.type, node.number.major, node.number.minor, device.permissions});
    return add_node(std::move(node), out);
}

}  // namespace

base::Result<DeviceSet> find_devices(Security const& security) {
    DeviceSet out;
    for (auto const& [path, device] : security.devices) {
        TRY_VOID(add_device(path, device, out));
    }
    for (std::string const& rule : security.device_rules) {
        out.rules.push_back(TRY(parse_device_rule(rule)));
    }
    if (security.privileged) {
        std::vector<DeviceNode> const named = std::move(out.nodes);
        out.nodes.clear();
        TRY_VOID(add_below("/dev", "/dev", {}, 0, out));
        for (DeviceNode const& node : named) {
            std::erase_if(out.nodes,
                          [&](DeviceNode const& other) { return other.path == node.path; });
            TRY_VOID(add_node(node, out));
        }
        out.rules = {{.type = 'a', .access = "rwm"}};
    }
    return out;
}

base::Result<DeviceRule> parse_device_rule(std::string_view text) {
    auto const words = base::split(text, ' ');
    auto const numbers =
        words.size() == 3 ? base::split(words[1], ':') : std::vector<std::string_view>();
    bool const known =
        numbers.size() == 2 && (words[0] == "a" || words[0] == "b" || words[0] == "c");
    auto const major_number = known ? base::parse_integer<unsigned>(numbers[0]) : std::nullopt;
    auto const minor_number = known ? base::parse_integer<unsigned>(numbers[1]) : std::nullopt;
    if (!known || (!major_number && numbers[0] != "*") || (!minor_number && numbers[1] != "*")) {
        return base::fail(
            base::concat("device_cgroup_rules: '", text, "' is not like 'c 1:3 rwm'"));
    }
    TRY_VOID(check_access(words[2]));
    return DeviceRule{words[0][0], major_number, minor_number, std::string(words[2])};
}

base::Result<std::map<std::string, DeviceNumber>> find_block_devices(BlockIo const& io) {
    std::map<std::string, DeviceNumber> found;
    auto const add = [&](std::string const& path) -> base::Result<void> {
        struct stat status{};
        if (stat(path.c_str(), &status) != 0) {
            return base::fail_errno(errno, base::concat("blkio_config: ", path));
        }
        if (!S_ISBLK(status.st_mode)) {
            return base::fail(base::concat("blkio_config: ", path, " is no block device"));
        }
        found[path] = {major(status.st_rdev), minor(status.st_rdev)};
        return {};
    };
    for (auto const& [path, weight] : io.device_weights) {
        TRY_VOID(add(path));
    }
    for (auto const* rates : {&io.read_bps, &io.read_iops, &io.write_bps, &io.write_iops}) {
        for (auto const& [path, rate] : *rates) {
            TRY_VOID(add(path));
        }
    }
    return found;
}

}  // namespace runtime
