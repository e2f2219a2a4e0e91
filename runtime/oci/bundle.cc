#include "runtime/oci/bundle.h"

#include <algorithm>

#include <boost/json.hpp>
#include <sys/resource.h>

#include "base/text.h"

namespace runtime {
namespace {

namespace json = boost::json;

constexpr rlim_t open_files_max = 1 << 20;
constexpr std::uint64_t cpu_period_us = 100'000;

constexpr char const* capabilities[] = {
    "CAP_CHOWN",  "CAP_DAC_OVERRIDE", "CAP_FSETID",  "CAP_FOWNER",           "CAP_SETGID",
    "CAP_SETUID", "CAP_SETFCAP",      "CAP_SETPCAP", "CAP_NET_BIND_SERVICE", "CAP_SYS_CHROOT",
    "CAP_KILL"};

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

json::object mount(char const* destination, char const* type,
                   std::initializer_list<char const*> options) {
    return {{"destination", destination},
            {"type", type},
            {"source", type},
            {"options", array_of(options)}};
}

json::array mounts_of(Bundle const& bundle) {
    json::array mounts;
    mounts.push_back(mount("/proc", "proc", {"nosuid", "noexec", "nodev"}));
    mounts.push_back(mount("/dev", "tmpfs", {"nosuid", "strictatime", "mode=755", "size=65536k"}));
    mounts.push_back(
        mount("/dev/pts", "devpts",
              {"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"}));
    mounts.push_back(
        mount("/dev/shm", "tmpfs", {"nosuid", "noexec", "nodev", "mode=1777", "size=65536k"}));
    mounts.push_back(mount("/dev/mqueue", "mqueue", {"nosuid", "noexec", "nodev"}));
    mounts.push_back(mount("/sys", "sysfs", {"nosuid", "noexec", "nodev", "ro"}));
    mounts.push_back(mount("/sys/fs/cgroup", "cgroup", {"nosuid", "noexec", "nodev", "ro"}));
    for (BindMount const& bind : bundle.mounts) {
        mounts.push_back(json::object{{"destination", bind.destination},
                                      {"type", "bind"},
                                      {"source", bind.source},
                                      {"options", {"rbind", "rprivate", "nosuid", "nodev"}}});
    }
    return mounts;
}

// No more than this process may have itself: asking for more makes the runtime fail.
json::array rlimits() {
    rlimit own{};
    getrlimit(RLIMIT_NOFILE, &own);
    rlim_t const files = std::min(own.rlim_max, open_files_max);
    return {{{"type", "RLIMIT_NOFILE"}, {"hard", files}, {"soft", files}}};
}

json::object process_of(Bundle const& bundle) {
    json::array const allowed = array_of(capabilities);
    return {
        {"terminal", false},
        {"user",
         {{"uid", bundle.user.uid},
          {"gid", bundle.user.gid},
          {"additionalGids", array_of(bundle.user.groups)}}},
        {"args", array_of(bundle.arguments)},
        {"env", array_of(bundle.environment)},
        {"cwd", bundle.working_dir},
        {"capabilities", {{"bounding", allowed}, {"effective", allowed}, {"permitted", allowed}}},
        {"rlimits", rlimits()},
        {"oomScoreAdj", 0},
        {"noNewPrivileges", true}};
}

json::object resources_of(Limits const& limits) {
    json::object resources{
        {"devices", json::array{json::object{{"allow", false}, {"access", "rwm"}}}}};
    if (limits.cpu_milli > 0) {
        std::uint64_t const quota =
            std::max<std::uint64_t>(limits.cpu_milli * (cpu_period_us / 1000), 1000);
        resources["cpu"] = {{"period", cpu_period_us}, {"quota", quota}};
    }
    if (limits.memory_bytes > 0) {
        resources["memory"] = {{"limit", limits.memory_bytes}};
    }
    if (limits.pids > 0) {
        resources["pids"] = {{"limit", limits.pids}};
    }
    return resources;
}

json::array namespaces_of(Bundle const& bundle) {
    json::array namespaces;
    for (char const* const type : {"pid", "ipc", "uts", "mount", "cgroup"}) {
        namespaces.push_back(json::object{{"type", type}});
    }
    json::object network{{"type", "network"}};
    if (!bundle.netns_path.empty()) {
        network["path"] = bundle.netns_path;
    }
    namespaces.push_back(network);
    return namespaces;
}

}  // namespace

std::string bundle_config(Bundle const& bundle) {
    json::object const linux_part{
        {"namespaces", namespaces_of(bundle)},
        {"cgroupsPath", bundle.cgroup_path},
        {"resources", resources_of(bundle.limits)},
        // Low ports and ping for everyone: the namespace is the container's own.
        {"sysctl",
         {{"net.ipv4.ip_unprivileged_port_start", "0"},
          {"net.ipv4.ping_group_range", "0 2147483647"}}},
        {"maskedPaths", array_of(masked_paths)},
        {"readonlyPaths", array_of(readonly_paths)}};
    return json::serialize(json::object{{"ociVersion", "1.0.2"},
                                        {"process", process_of(bundle)},
                                        {"root", {{"path", bundle.root_path}}},
                                        {"hostname", bundle.hostname},
                                        {"mounts", mounts_of(bundle)},
                                        {"linux", linux_part}});
}

}  // namespace runtime
