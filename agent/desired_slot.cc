// What makes a container of a service: the words of spec in those of runtime.
#include "agent/planning.h"
#include "base/text.h"

namespace agent {

namespace {

runtime::HealthCheck to_check(spec::HealthCheck const& check) {
    runtime::HealthCheck out;
    switch (check.kind) {
        case spec::CheckKind::none:
            out.kind = runtime::CheckKind::none;
            break;
        case spec::CheckKind::exec:
            out.kind = runtime::CheckKind::exec;
            break;
        case spec::CheckKind::tcp:
            out.kind = runtime::CheckKind::tcp;
            break;
        case spec::CheckKind::http:
            out.kind = runtime::CheckKind::http;
            break;
    }
    out.command = check.command;
    out.port = check.port;
    out.path = check.path;
    out.interval = check.interval;
    out.timeout = check.timeout;
    out.start_period = check.start_period;
    out.start_interval = check.start_interval;
    out.retries = check.retries;
    return out;
}

runtime::RestartPolicy to_policy(spec::RestartPolicy const& policy) {
    runtime::RestartPolicy out;
    switch (policy.condition) {
        case spec::RestartCondition::any:
            out.condition = runtime::RestartCondition::any;
            break;
        case spec::RestartCondition::on_failure:
            out.condition = runtime::RestartCondition::on_failure;
            break;
        case spec::RestartCondition::none:
            out.condition = runtime::RestartCondition::none;
            break;
    }
    out.delay = policy.delay;
    out.attempts_max = policy.max_attempts;
    out.window = policy.window;
    return out;
}

std::vector<runtime::Hook> to_hooks(std::vector<spec::Hook> const& hooks) {
    std::vector<runtime::Hook> out;
    for (spec::Hook const& hook : hooks) {
        out.push_back({.command = hook.command,
                       .user = hook.user,
                       .working_dir = hook.working_dir,
                       .environment = hook.environment,
                       .privileged = hook.privileged});
    }
    return out;
}

runtime::Process to_process(spec::Process const& process) {
    return {.init = process.init,
            .tty = process.tty,
            .stdin_open = process.stdin_open,
            .stop_signal = process.stop_signal,
            .post_start = to_hooks(process.post_start),
            .pre_stop = to_hooks(process.pre_stop)};
}

runtime::Security to_security(spec::ServiceSpec const& spec) {
    runtime::Security out;
    out.privileged = spec.security.privileged;
    out.read_only_root = spec.security.read_only;
    out.cap_add = spec.security.cap_add;
    out.cap_drop = spec.security.cap_drop;
    out.options = spec.security.security_opt;
    for (auto const& [path, device] : spec.storage.devices) {
        out.devices[path] = {device.source, device.permissions};
    }
    out.device_rules = spec.storage.device_cgroup_rules;
    out.groups = spec.process.group_add;
    return out;
}

runtime::Namespace to_namespace(spec::Namespace mode) {
    return mode == spec::Namespace::host ? runtime::Namespace::host : runtime::Namespace::own;
}

runtime::Isolation to_isolation(spec::Isolation const& isolation) {
    runtime::Isolation out;
    out.pid = to_namespace(isolation.pid);
    out.uts = to_namespace(isolation.uts);
    out.cgroup = to_namespace(isolation.cgroup);
    switch (isolation.ipc) {
        case spec::IpcMode::own:
            out.ipc = runtime::IpcMode::own;
            break;
        case spec::IpcMode::host:
            out.ipc = runtime::IpcMode::host;
            break;
        case spec::IpcMode::none:
            out.ipc = runtime::IpcMode::none;
            break;
    }
    out.sysctls = isolation.sysctls;
    return out;
}

runtime::Networking to_networking(spec::ServiceSpec const& spec, std::uint32_t slot,
                                  std::string_view zone) {
    spec::Networking const& from = spec.networking;
    runtime::Networking out;
    switch (from.mode) {
        case spec::NetworkMode::bridge:
            out.mode = runtime::NetworkMode::bridge;
            break;
        case spec::NetworkMode::host:
            out.mode = runtime::NetworkMode::host;
            break;
        case spec::NetworkMode::none:
            out.mode = runtime::NetworkMode::none;
            break;
    }
    out.hostname = from.hostname.empty() ? base::concat(spec.name, '-', slot) : from.hostname;
    out.domain_name = from.domainname;
    out.alias = spec.container_name;
    out.mac_address = from.mac_address;
    if (out.mode != runtime::NetworkMode::bridge) {
        // Else this host asks them for it: it tells a bridged container by its address.
        out.nameservers = from.dns;
    }
    out.search_domains = from.dns_search;
    if (out.search_domains.empty() && out.mode != runtime::NetworkMode::none) {
        out.search_domains = {base::concat(spec.project, '.', zone), std::string(zone)};
    }
    out.resolver_options = from.dns_opt;
    out.extra_hosts = from.extra_hosts;
    return out;
}

runtime::Limits to_limits(spec::ServiceSpec const& spec) {
    spec::Cgroup const& from = spec.cgroup;
    runtime::Limits out;
    out.cpu_milli = spec.limits.cpu_milli;
    out.memory_bytes = spec.limits.memory_bytes;
    out.pids = spec.limits.pids;
    out.cpu_shares = from.cpu_shares;
    out.cpu_period_us = from.cpu_period;
    out.cpu_quota_us = from.cpu_quota;
    out.cpus = from.cpuset;
    out.memory_reservation = spec.reservations.memory_bytes;
    out.memory_swap = from.memory_swap;
    out.swappiness = from.swappiness;
    out.oom_kill_disable = from.oom_kill_disable;
    out.oom_score_adj = spec.process.oom_score_adj;
    out.shm_bytes = spec.storage.shm_bytes;
    for (auto const& [name, ulimit] : spec.process.ulimits) {
        out.ulimits[name] = {ulimit.soft, ulimit.hard};
    }
    out.block_io = {.weight = from.block_io.weight,
                    .device_weights = from.block_io.weight_device,
                    .read_bps = from.block_io.read_bps,
                    .read_iops = from.block_io.read_iops,
                    .write_bps = from.block_io.write_bps,
                    .write_iops = from.block_io.write_iops};
    return out;
}

runtime::PullPolicy to_pull(spec::PullPolicy policy) {
    switch (policy) {
        case spec::PullPolicy::always:
        case spec::PullPolicy::refresh:
            return runtime::PullPolicy::always;
        case spec::PullPolicy::never:
            return runtime::PullPolicy::never;
        case spec::PullPolicy::missing:
            break;
    }
    return runtime::PullPolicy::missing;
}

}  // namespace

runtime::Desired desired_slot(ServiceState const& service, std::uint32_t slot,
                              std::string_view zone) {
    spec::ServiceSpec const& spec = service.spec;
    runtime::Desired desired;
    desired.assignment = {service_key(spec), slot, service.revision};
    desired.spec.image = spec.image;
    desired.spec.entrypoint = spec.entrypoint;
    desired.spec.command = spec.command;
    desired.spec.environment = spec.environment;
    desired.spec.working_dir = spec.working_dir;
    desired.spec.user = spec.user;
    desired.spec.platform = spec.platform;
    desired.spec.pull = to_pull(spec.deploy.pull_policy);
    desired.spec.process = to_process(spec.process);
    desired.spec.security = to_security(spec);
    desired.spec.isolation = to_isolation(spec.isolation);
    desired.spec.networking = to_networking(spec, slot, zone);
    for (auto const& [path, mount] : spec.storage.mounts) {
        if (mount.kind == spec::MountKind::tmpfs) {
            desired.spec.tmpfs[path] = {.size_bytes = mount.tmpfs_bytes,
                                        .mode = mount.tmpfs_mode,
                                        .read_only = mount.read_only,
                                        .options = mount.options};
        }
    }
    desired.spec.limits = to_limits(spec);
    desired.spec.labels = spec.labels;
    desired.spec.annotations = spec.annotations;
    desired.health = to_check(spec.health);
    desired.stop_grace = spec.stop_grace_period;
    desired.restart = to_policy(spec.deploy.restart);
    return desired;
}

}  // namespace agent
