#include "runtime/oci/fitting.h"

#include <algorithm>

#include "base/text.h"

namespace runtime {
namespace {

constexpr std::string_view ipc_sysctls[] = {
    "kernel.msgmax",      "kernel.msgmnb",      "kernel.msgmni",     "kernel.sem",
    "kernel.shmall",      "kernel.shmmax",      "kernel.shmmni",     "kernel.shm_rmid_forced",
    "kernel.msg_next_id", "kernel.sem_next_id", "kernel.shm_next_id"};

constexpr std::string_view tmpfs_flags[] = {
    "rw",    "ro",    "exec",    "noexec",   "suid",       "nosuid",   "dev",
    "nodev", "atime", "noatime", "diratime", "nodiratime", "relatime", "strictatime"};
constexpr std::string_view tmpfs_numbers[] = {"uid=", "gid=", "nr_inodes=", "nr_blocks="};

// The namespace that keeps a setting of the kernel to the container, or why there is none.
base::Result<void> check_sysctl(std::string const& name, ContainerSpec const& spec) {
    auto const shared = [&](char const* key) {
        return base::fail(base::concat("sysctl ", name,
                                       " would change the host: the container "
                                       "shares its namespace (",
                                       key, ")"));
    };
    if (name.find_first_not_of(
            "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") !=
        std::string::npos) {
        return base::fail(
            base::concat("'", name, "' is no sysctl: write it as net.core.somaxconn"));
    }
    if (name.starts_with("net.")) {
        return spec.networking.mode == NetworkMode::host ? shared("network_mode: host")
                                                         : base::Result<void>();
    }
    if (name.starts_with("fs.mqueue.") ||
        std::ranges::find(ipc_sysctls, name) != std::end(ipc_sysctls)) {
        return spec.isolation.ipc == IpcMode::host ? shared("ipc: host") : base::Result<void>();
    }
    if (name == "kernel.domainname") {
        return spec.isolation.uts == Namespace::host ? shared("uts: host") : base::Result<void>();
    }
    return base::fail(base::concat(
        "sysctl ", name,
        " would change the whole host: only net.*, fs.mqueue.*, kernel.domainname and those of "
        "System V IPC are a container's own; set it on the host"));
}

std::string_view normal_architecture(std::string_view name) {
    if (name == "x86_64" || name == "x86-64") {
        return "amd64";
    }
    return name == "aarch64" ? "arm64" : name;
}

base::Result<void> check_platform(std::string const& platform, HostAbilities const& host) {
    auto const parts = base::split(platform, '/');
    std::string const own = base::concat("linux/", host.architecture);
    bool const fits = parts[0] == "linux" &&
                      (parts.size() == 1 || normal_architecture(parts[1]) == host.architecture);
    if (!fits) {
        return base::fail(base::concat("platform ", platform, ": this host runs ", own));
    }
    return {};
}

base::Result<void> check_tmpfs(std::string const& path, Tmpfs const& tmpfs) {
    if (!path.starts_with('/') || path == "/" || path.contains("/../") || path.ends_with("/..")) {
        return base::fail(base::concat("tmpfs '", path, "' is no absolute path below /"));
    }
    for (std::string const& option : tmpfs.options) {
        bool const flag = std::ranges::find(tmpfs_flags, option) != std::end(tmpfs_flags);
        bool const number = std::ranges::any_of(tmpfs_numbers, [&](std::string_view name) {
            return option.starts_with(name) &&
                   base::parse_integer<std::uint64_t>(std::string_view(option).substr(name.size()))
                       .has_value();
        });
        if (!flag && !number) {
            return base::fail(base::concat("tmpfs ", path, ": option '", option, "' is unknown"));
        }
    }
    return {};
}

}  // namespace

base::Result<Fitted> fit(ContainerSpec const& spec, HostAbilities const& host) {
    if (!spec.platform.empty()) {
        TRY_VOID(check_platform(spec.platform, host));
    }
    for (auto const& [name, value] : spec.isolation.sysctls) {
        TRY_VOID(check_sysctl(name, spec));
    }
    for (auto const& [path, tmpfs] : spec.tmpfs) {
        TRY_VOID(check_tmpfs(path, tmpfs));
    }
    for (auto const* hooks : {&spec.process.post_start, &spec.process.pre_stop}) {
        if (std::ranges::any_of(*hooks, [](Hook const& hook) { return hook.command.empty(); })) {
            return base::fail("a hook needs a command");
        }
    }
    Fitted fitted;
    fitted.limits = TRY(fit_limits(spec.limits, host, fitted.notices));
    fitted.confinement = TRY(confine(spec.security, host, fitted.notices));
    fitted.init = spec.process.init && !host.init_program.empty();
    if (spec.process.init && !fitted.init) {
        fitted.notices.push_back(
            "init: the program is process 1 itself, for this agent needs libraries to run");
    }
    if (spec.pull == PullPolicy::always) {
        fitted.notices.push_back(
            "pull_policy always: the image is the one this host has, pulling is not supported yet");
    }
    return fitted;
}

}  // namespace runtime
