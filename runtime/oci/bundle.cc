#include "runtime/oci/bundle.h"

#include <algorithm>
#include <charconv>

#include <boost/json.hpp>

#include "base/text.h"
#include "runtime/oci/bundle_resources.h"
#include "runtime/system/file.h"

namespace runtime {
namespace {

namespace json = boost::json;

constexpr std::uint64_t shm_bytes = 64 << 20;
constexpr std::uint32_t tmpfs_mode = 01777;

constexpr char const* masked_paths[] = {"/proc/acpi",
                                        "/proc/asound",
                                        "/proc/interrupts",
                                        "/proc/kcore",
                                        "/proc/keys",
                                        "/proc/latency_stats",
                                        "/proc/sched_debug",
                                        "/proc/scsi",
                                        "/proc/timer_list",
                                        "/proc/timer_stats",
                                        "/sys/devices/virtual/powercap",
                                        "/sys/firmware"};

constexpr char const* readonly_paths[] = {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys",
                                          "/proc/sysrq-trigger"};

template <class Items>
json::array array_of(Items const& items) {
    json::array result;
    for (auto const& item : items) {
        result.emplace_back(json::value_from(item));
    }
    return result;
}

// The kernel tells there how often each CPU was slowed down, which tells what others compute.
std::vector<std::string> const& thermal_paths() {
    static std::vector<std::string> const found = [] {
        std::vector<std::string> paths;
        std::string const cpus = "/sys/devices/system/cpu";
        for (std::string const& name : list_directory(cpus)) {
            std::string path = base::concat(cpus, "/", name, "/thermal_throttle");
            if (name.starts_with("cpu") && file_exists(path)) {
                paths.push_back(std::move(path));
            }
        }
        return paths;
    }();
    return found;
}

json::object mount(char const* destination, char const* type,
                   std::initializer_list<char const*> options) {
    return {{"destination", destination},
            {"type", type},
            {"source", type},
            {"options", array_of(options)}};
}

json::object bind(std::string const& source, std::string const& destination,
                  std::initializer_list<char const*> options) {
    return {{"destination", destination},
            {"type", "bind"},
            {"source", source},
            {"options", array_of(options)}};
}

std::string octal(std::uint32_t number) {
    char text[12];
    auto const end = std::to_chars(std::begin(text), std::end(text), number, 8).ptr;
    return {text, end};
}

json::object tmpfs_mount(std::string const& path, Tmpfs const& tmpfs) {
    json::array options;
    // Runtimes differ in which of two that contradict they take.
    for (std::string const word : {"suid", "dev", "exec"}) {
        if (!tmpfs.options.contains(word)) {
            options.emplace_back("no" + word);
        }
    }
    for (std::string const& option : tmpfs.options) {
        options.emplace_back(option);
    }
    if (tmpfs.read_only) {
        options.emplace_back("ro");
    }
    options.emplace_back(base::concat("mode=", octal(tmpfs.mode != 0 ? tmpfs.mode : tmpfs_mode)));
    if (tmpfs.size_bytes > 0) {
        options.emplace_back(base::concat("size=", tmpfs.size_bytes));
    }
    return {{"destination", path},
            {"type", "tmpfs"},
            {"source", "tmpfs"},
            {"options", std::move(options)}};
}

// Of System V and POSIX IPC: they belong to the namespace.
void add_ipc_mounts(Bundle const& bundle, json::array& mounts) {
    switch (bundle.isolation.ipc) {
        case IpcMode::host:
            for (char const* const path : {"/dev/shm", "/dev/mqueue"}) {
                if (file_exists(path)) {
                    mounts.push_back(bind(path, path, {"rbind", "nosuid", "noexec", "nodev"}));
                }
            }
            return;
        case IpcMode::own: {
            std::uint64_t const size =
                bundle.limits.shm_bytes > 0 ? bundle.limits.shm_bytes : shm_bytes;
            mounts.push_back(tmpfs_mount("/dev/shm", {.size_bytes = size}));
            break;
        }
        case IpcMode::none:
            break;
    }
    mounts.push_back(mount("/dev/mqueue", "mqueue", {"nosuid", "noexec", "nodev"}));
}

json::array mounts_of(Bundle const& bundle) {
    char const* const access = bundle.confinement.kernel_writable ? "rw" : "ro";
    json::array mounts;
    mounts.push_back(mount("/proc", "proc", {"nosuid", "noexec", "nodev"}));
    mounts.push_back(mount("/dev", "tmpfs", {"nosuid", "strictatime", "mode=755", "size=65536k"}));
    mounts.push_back(
        mount("/dev/pts", "devpts",
              {"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"}));
    add_ipc_mounts(bundle, mounts);
    mounts.push_back(mount("/sys", "sysfs", {"nosuid", "noexec", "nodev", access}));
    mounts.push_back(mount("/sys/fs/cgroup", "cgroup", {"nosuid", "noexec", "nodev", access}));
    for (auto const& [path, tmpfs] : bundle.tmpfs) {
        mounts.push_back(tmpfs_mount(path, tmpfs));
    }
    for (BindMount const& each : bundle.mounts) {
        mounts.push_back(
            bind(each.source, each.destination,
                 {"rbind", "rprivate", "nosuid", "nodev", each.read_only ? "ro" : "rw"}));
    }
    return mounts;
}

json::object process_of(Bundle const& bundle) {
    Confinement const& confinement = bundle.confinement;
    json::array const allowed = array_of(capability_names(confinement.capabilities));
    json::object process{
        {"terminal", bundle.terminal},
        {"user",
         {{"uid", bundle.user.uid},
          {"gid", bundle.user.gid},
          {"additionalGids", array_of(bundle.user.groups)}}},
        {"args", array_of(bundle.arguments)},
        {"env", array_of(bundle.environment)},
        {"cwd", bundle.working_dir},
        {"capabilities", {{"bounding", allowed}, {"effective", allowed}, {"permitted", allowed}}},
        {"rlimits", rlimits_of(bundle.limits)},
        {"oomScoreAdj", bundle.limits.oom_score_adj},
        {"noNewPrivileges", confinement.no_new_privileges}};
    if (!confinement.apparmor_profile.empty()) {
        process["apparmorProfile"] = confinement.apparmor_profile;
    }
    return process;
}

json::array namespaces_of(Bundle const& bundle) {
    json::array namespaces{json::object{{"type", "mount"}}};
    auto const add = [&](char const* type, bool own) {
        if (own) {
            namespaces.push_back(json::object{{"type", type}});
        }
    };
    add("pid", bundle.isolation.pid == Namespace::own);
    add("uts", bundle.isolation.uts == Namespace::own);
    add("cgroup", bundle.isolation.cgroup == Namespace::own);
    add("ipc", bundle.isolation.ipc != IpcMode::host);
    if (bundle.network != NetworkMode::host) {
        json::object network{{"type", "network"}};
        if (!bundle.netns_path.empty()) {
            network["path"] = bundle.netns_path;
        }
        namespaces.push_back(std::move(network));
    }
    return namespaces;
}

json::object sysctls_of(Bundle const& bundle) {
    json::object sysctls;
    if (bundle.network != NetworkMode::host) {
        // Low ports and ping for everyone: the namespace is the container's own.
        sysctls["net.ipv4.ip_unprivileged_port_start"] = "0";
        sysctls["net.ipv4.ping_group_range"] = "0 2147483647";
    }
    if (!bundle.domain_name.empty() && bundle.isolation.uts == Namespace::own) {
        // Runtimes of before version 1.1 of the specification know no other way.
        sysctls["kernel.domainname"] = bundle.domain_name;
    }
    for (auto const& [name, value] : bundle.isolation.sysctls) {
        sysctls[name] = value;
    }
    return sysctls;
}

json::array device_nodes_of(Bundle const& bundle) {
    json::array nodes;
    for (DeviceNode const& node : bundle.devices.nodes) {
        nodes.push_back(json::object{{"path", node.path},
                                     {"type", std::string(1, node.type)},
                                     {"major", node.number.major},
                                     {"minor", node.number.minor},
                                     {"fileMode", node.mode},
                                     {"uid", node.uid},
                                     {"gid", node.gid}});
    }
    return nodes;
}

}  // namespace

std::string bundle_config(Bundle const& bundle) {
    json::object linux_part{{"namespaces", namespaces_of(bundle)},
                            {"cgroupsPath", bundle.cgroup_path},
                            {"resources", resources_of(bundle)},
                            {"sysctl", sysctls_of(bundle)},
                            {"devices", device_nodes_of(bundle)}};
    if (bundle.confinement.kernel_paths_hidden) {
        json::array masked = array_of(masked_paths);
        for (std::string const& path : thermal_paths()) {
            masked.emplace_back(path);
        }
        linux_part["maskedPaths"] = std::move(masked);
        linux_part["readonlyPaths"] = array_of(readonly_paths);
    }
    json::object config{{"ociVersion", "1.0.2"},
                        {"process", process_of(bundle)},
                        {"root", {{"path", bundle.root_path}, {"readonly", bundle.read_only_root}}},
                        {"mounts", mounts_of(bundle)},
                        {"linux", std::move(linux_part)}};
    if (bundle.isolation.uts == Namespace::own) {
        config["hostname"] = bundle.hostname;
    }
    if (!bundle.annotations.empty()) {
        config["annotations"] = json::value_from(bundle.annotations);
    }
    return json::serialize(config);
}

}  // namespace runtime
