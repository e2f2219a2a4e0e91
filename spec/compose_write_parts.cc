#include "spec/compose_write_parts.h"

#include <algorithm>
#include <array>

#include "base/text.h"

namespace spec {

namespace {

// The key of a name at the top level. Keys that begin with x- are notes, so such names get a letter
// before them, and so do those that have it already.
std::string key_of(std::string const& name) {
    std::size_t const from = std::min(name.find_first_not_of('_'), name.size());
    return name.substr(from).starts_with("x-") ? base::concat('_', name) : name;
}

void set_flag(Out& out, std::string_view key, bool value) {
    if (value) {
        out.set(key, true);
    }
}

template <class Number>
void set_number(Out& out, std::string_view key, Number value, Number unless = {}) {
    if (value != unless) {
        out.set(key, value);
    }
}

void set_duration(Out& out, std::string_view key, base::Duration value,
                  base::Duration unless = {}) {
    if (value != unless) {
        out.set(key, value);
    }
}

// The name of an enumerator, unless it is the first, which is the default.
template <class E, std::size_t size>
void set_choice(Out& out, std::string_view key, E value,
                std::array<std::string_view, size> const& names) {
    if (value != E{}) {
        out.set(key, names[static_cast<std::size_t>(value)]);
    }
}

std::string ratio_text(std::uint32_t ppm) {
    std::string const digits = std::to_string(ppm + 10'000'000);
    return base::concat(ppm / 1'000'000, '.', digits.substr(2));
}

std::string mode_text(std::uint32_t mode) {
    std::string digits;
    for (int shift = 9; shift >= 0; shift -= 3) {
        digits += static_cast<char>('0' + (mode >> shift & 7));
    }
    return digits.front() == '0' ? digits : base::concat('0', digits);
}

Out write_hooks(std::vector<Hook> const& hooks) {
    Out list = Out::list();
    for (Hook const& hook : hooks) {
        Out out = Out::map();
        out.set("command", Out::list_of(hook.command));
        out.set_filled("environment", Out::map_of(hook.environment));
        set_flag(out, "privileged", hook.privileged);
        set_text(out, "user", hook.user);
        set_text(out, "working_dir", hook.working_dir);
        list.add(std::move(out));
    }
    return list;
}

template <class Value>
Out write_rates(std::map<std::string, Value> const& rates, std::string_view key) {
    Out list = Out::list();
    for (auto const& [path, rate] : rates) {
        Out out = Out::map();
        out.set("path", path);
        out.set(key, std::to_string(rate));
        list.add(std::move(out));
    }
    return list;
}

Out write_mount(std::string const& target, Mount const& mount) {
    static constexpr std::array<std::string_view, 4> kinds{"volume", "bind", "tmpfs", "image"};
    static constexpr std::array<std::string_view, 6> propagations{"rprivate", "private", "rshared",
                                                                  "shared",   "rslave",  "slave"};
    static constexpr std::array<std::string_view, 4> recursives{"enabled", "disabled", "writable",
                                                                "readonly"};
    static constexpr std::array<std::string_view, 3> labels{"", "z", "Z"};
    Out out = Out::map();
    Out part = Out::map();
    switch (mount.kind) {
        case MountKind::volume:
            set_flag(part, "nocopy", mount.nocopy);
            set_text(part, "subpath", mount.subpath);
            break;
        case MountKind::bind:
            if (!mount.create_host_path) {
                part.set("create_host_path", false);
            }
            set_choice(part, "propagation", mount.propagation, propagations);
            set_choice(part, "recursive", mount.recursive, recursives);
            set_choice(part, "selinux", mount.selinux, labels);
            break;
        case MountKind::image:
            set_text(part, "subpath", mount.subpath);
            break;
        case MountKind::tmpfs:
            break;
    }
    std::string_view const kind = kinds[static_cast<std::size_t>(mount.kind)];
    out.set_filled(kind, std::move(part));
    set_flag(out, "read_only", mount.read_only);
    set_text(out, "source", mount.kind == MountKind::volume ? key_of(mount.source) : mount.source);
    out.set("target", target);
    out.set("type", kind);
    return out;
}

std::string write_tmpfs(std::string const& target, Mount const& mount) {
    std::string options;
    auto const add = [&options](std::string const& option) {
        options += base::concat(options.empty() ? ':' : ',', option);
    };
    if (mount.tmpfs_mode != 0) {
        add(base::concat("mode=", mode_text(mount.tmpfs_mode)));
    }
    if (mount.read_only) {
        add("ro");
    }
    if (mount.tmpfs_bytes != 0) {
        add(base::concat("size=", mount.tmpfs_bytes));
    }
    for (std::string const& option : mount.options) {
        add(option);
    }
    return target + options;
}

Out write_files(std::map<std::string, FileMount> const& files) {
    Out list = Out::list();
    for (auto const& [path, file] : files) {
        Out out = Out::map();
        set_text(out, "gid", file.gid);
        if (file.mode != FileMount().mode) {
            out.set("mode", mode_text(file.mode));
        }
        out.set("source", key_of(file.name));
        out.set("target", path);
        set_text(out, "uid", file.uid);
        list.add(std::move(out));
    }
    return list;
}

Out write_definition(std::string const& name, FileMount const& file) {
    static constexpr std::array<std::string_view, 4> keys{"external", "file", "environment",
                                                          "content"};
    Out out = Out::map();
    std::string_view const key = keys[static_cast<std::size_t>(file.origin)];
    if (file.origin == FileOrigin::external) {
        out.set(key, true);
    } else {
        out.set(key, file.from);
    }
    out.set("name", name);
    return out;
}

}  // namespace

void set_text(Out& out, std::string_view key, std::string const& text) {
    if (!text.empty()) {
        out.set(key, text);
    }
}

Out write_restart(RestartPolicy const& policy) {
    static constexpr std::array<std::string_view, 3> conditions{"any", "on-failure", "none"};
    Out out = Out::map();
    set_choice(out, "condition", policy.condition, conditions);
    if (policy.delay) {
        out.set("delay", *policy.delay);
    }
    set_number(out, "max_attempts", policy.max_attempts);
    set_duration(out, "window", policy.window);
    return out;
}

Out write_update(UpdateConfig const& config) {
    static constexpr std::array<std::string_view, 3> actions{"pause", "continue", "rollback"};
    static constexpr std::array<std::string_view, 2> orders{"stop-first", "start-first"};
    UpdateConfig const defaults;
    Out out = Out::map();
    set_duration(out, "delay", config.delay);
    set_choice(out, "failure_action", config.failure_action, actions);
    if (config.max_failure_ppm != 0) {
        out.set("max_failure_ratio", ratio_text(config.max_failure_ppm));
    }
    set_duration(out, "monitor", config.monitor, defaults.monitor);
    set_choice(out, "order", config.order, orders);
    set_number(out, "parallelism", config.parallelism, defaults.parallelism);
    return out;
}

Out write_extension(Extension const& extension) {
    static constexpr std::array<std::string_view, 2> partitions{"available", "single"};
    static constexpr std::array<std::string_view, 3> strategies{"rolling", "blue-green", "canary"};
    static constexpr std::array<std::string_view, 2> overlaps{"skip", "replace"};
    static constexpr std::array<std::string_view, 3> balances{"hash", "least-connections",
                                                              "nearest"};
    static constexpr std::array<std::string_view, 2> affinities{"none", "client-ip"};
    static constexpr std::array<std::string_view, 3> protocols{"off", "v1", "v2"};
    Out out = Out::map();
    Autoscale const& autoscale = extension.autoscale;
    Out scale = Out::map();
    if (autoscale.max != 0) {
        set_number(scale, "connections", autoscale.connections);
        set_duration(scale, "cooldown", autoscale.cooldown, Autoscale().cooldown);
        set_number(scale, "cpu", autoscale.cpu_percent);
        scale.set("max", autoscale.max);
        set_number(scale, "memory", autoscale.memory_percent);
        scale.set("min", autoscale.min);
    }
    out.set_filled("autoscale", std::move(scale));
    Out lb = Out::map();
    set_choice(lb, "affinity", extension.lb.affinity, affinities);
    set_choice(lb, "balance", extension.lb.balance, balances);
    set_number(lb, "max_connections", extension.lb.max_connections);
    set_choice(lb, "proxy_protocol", extension.lb.proxy_protocol, protocols);
    out.set_filled("lb", std::move(lb));
    set_choice(out, "partition", extension.partition, partitions);
    set_number(out, "priority", extension.priority);
    Out schedule = Out::map();
    set_text(schedule, "cron", extension.schedule.cron);
    set_choice(schedule, "overlap", extension.schedule.overlap, overlaps);
    set_text(schedule, "timezone", extension.schedule.timezone);
    out.set_filled("schedule", std::move(schedule));
    set_number(out, "standby", extension.standby);
    Out strategy = Out::map();
    set_duration(strategy, "bake", extension.strategy.bake);
    set_number(strategy, "percent", extension.strategy.percent);
    set_choice(strategy, "type", extension.strategy.kind, strategies);
    out.set_filled("strategy", std::move(strategy));
    return out;
}

Out write_device_requests(Storage const& storage) {
    Out list = Out::list();
    for (DeviceRequest const& request : storage.device_requests) {
        Out out = Out::map();
        out.set_filled("capabilities", Out::list_of(request.capabilities));
        if (request.count != 0) {
            out.set("count", request.count);
        }
        out.set_filled("device_ids", Out::list_of(request.ids));
        set_text(out, "driver", request.driver);
        out.set_filled("options", Out::map_of(request.options));
        list.add(std::move(out));
    }
    return list;
}

void write_process(Out& service, Process const& process) {
    service.set_filled("group_add", Out::list_of(process.group_add));
    set_flag(service, "init", process.init);
    Out logging = Out::map();
    set_text(logging, "driver", process.logging.driver);
    logging.set_filled("options", Out::map_of(process.logging.options));
    service.set_filled("logging", std::move(logging));
    set_number(service, "oom_score_adj", process.oom_score_adj);
    service.set_filled("post_start", write_hooks(process.post_start));
    service.set_filled("pre_stop", write_hooks(process.pre_stop));
    set_flag(service, "stdin_open", process.stdin_open);
    set_text(service, "stop_signal", process.stop_signal);
    set_flag(service, "tty", process.tty);
    Out ulimits = Out::map();
    for (auto const& [name, ulimit] : process.ulimits) {
        Out sides = Out::map();
        sides.set("hard", ulimit.hard);
        sides.set("soft", ulimit.soft);
        ulimits.set(name, std::move(sides));
    }
    service.set_filled("ulimits", std::move(ulimits));
}

void write_security(Out& service, ServiceSpec const& spec) {
    static constexpr std::array<std::string_view, 2> namespaces{"private", "host"};
    static constexpr std::array<std::string_view, 3> ipc{"private", "host", "none"};
    Security const& security = spec.security;
    service.set_filled("cap_add", Out::list_of(security.cap_add));
    service.set_filled("cap_drop", Out::list_of(security.cap_drop));
    set_flag(service, "privileged", security.privileged);
    set_flag(service, "read_only", security.read_only);
    service.set_filled("security_opt", Out::list_of(security.security_opt));
    Isolation const& isolation = spec.isolation;
    set_choice(service, "cgroup", isolation.cgroup, namespaces);
    set_choice(service, "ipc", isolation.ipc, ipc);
    set_choice(service, "pid", isolation.pid, namespaces);
    set_text(service, "runtime", isolation.runtime);
    service.set_filled("sysctls", Out::map_of(isolation.sysctls));
    set_choice(service, "userns_mode", isolation.user, namespaces);
    set_choice(service, "uts", isolation.uts, namespaces);
}

void write_networking(Out& service, ServiceSpec const& spec) {
    static constexpr std::array<std::string_view, 3> modes{"bridge", "host", "none"};
    Networking const& networking = spec.networking;
    service.set_filled("dns", Out::list_of(networking.dns));
    service.set_filled("dns_opt", Out::list_of(networking.dns_opt));
    service.set_filled("dns_search", Out::list_of(networking.dns_search));
    set_text(service, "domainname", networking.domainname);
    Out hosts = Out::map();
    for (auto const& [name, addresses] : networking.extra_hosts) {
        hosts.set(name, Out::list_of(addresses));
    }
    service.set_filled("extra_hosts", std::move(hosts));
    set_text(service, "hostname", networking.hostname);
    set_text(service, "mac_address", networking.mac_address);
    set_choice(service, "network_mode", networking.mode, modes);
    Out networks = Out::map();
    for (auto const& [name, attachment] : networking.networks) {
        Out out = Out::map();
        out.set_filled("aliases", Out::list_of(attachment.aliases));
        set_number(out, "gw_priority", attachment.priority);
        networks.set(key_of(name), std::move(out));
    }
    service.set_filled("networks", std::move(networks));
}

void write_cgroup(Out& service, Cgroup const& cgroup) {
    Out io = Out::map();
    io.set_filled("device_read_bps", write_rates(cgroup.block_io.read_bps, "rate"));
    io.set_filled("device_read_iops", write_rates(cgroup.block_io.read_iops, "rate"));
    io.set_filled("device_write_bps", write_rates(cgroup.block_io.write_bps, "rate"));
    io.set_filled("device_write_iops", write_rates(cgroup.block_io.write_iops, "rate"));
    set_number(io, "weight", cgroup.block_io.weight);
    io.set_filled("weight_device", write_rates(cgroup.block_io.weight_device, "weight"));
    service.set_filled("blkio_config", std::move(io));
    set_number(service, "cpu_period", cgroup.cpu_period);
    set_number(service, "cpu_quota", cgroup.cpu_quota);
    set_number(service, "cpu_shares", cgroup.cpu_shares);
    set_text(service, "cpuset", cgroup.cpuset);
    if (cgroup.swappiness) {
        service.set("mem_swappiness", *cgroup.swappiness);
    }
    if (cgroup.memory_swap) {
        service.set("memswap_limit", std::to_string(*cgroup.memory_swap));
    }
    set_flag(service, "oom_kill_disable", cgroup.oom_kill_disable);
}

void write_storage(Out& service, Storage const& storage) {
    service.set_filled("configs", write_files(storage.configs));
    service.set_filled("device_cgroup_rules", Out::list_of(storage.device_cgroup_rules));
    Out devices = Out::list();
    for (auto const& [target, device] : storage.devices) {
        Out out = Out::map();
        out.set("permissions", device.permissions);
        out.set("source", device.source);
        out.set("target", target);
        devices.add(std::move(out));
    }
    service.set_filled("devices", std::move(devices));
    service.set_filled("secrets", write_files(storage.secrets));
    if (storage.shm_bytes != 0) {
        service.set("shm_size", std::to_string(storage.shm_bytes));
    }
    Out tmpfs = Out::list();
    Out volumes = Out::list();
    for (auto const& [target, mount] : storage.mounts) {
        if (mount.kind == MountKind::tmpfs) {
            tmpfs.add(write_tmpfs(target, mount));
        } else {
            volumes.add(write_mount(target, mount));
        }
    }
    service.set_filled("tmpfs", std::move(tmpfs));
    service.set_filled("volumes", std::move(volumes));
}

void Named::add(ServiceSpec const& spec) {
    for (auto const& [name, attachment] : spec.networking.networks) {
        networks_[name] = attachment.internal;
    }
    for (auto const& [target, mount] : spec.storage.mounts) {
        if (mount.kind == MountKind::volume && !mount.source.empty()) {
            volumes_[mount.source] = mount.volume;
        }
    }
    for (auto const& [path, file] : spec.storage.secrets) {
        secrets_[file.name] = file;
    }
    for (auto const& [path, file] : spec.storage.configs) {
        configs_[file.name] = file;
    }
}

void Named::write(Out& root) const {
    auto const files = [](std::map<std::string, FileMount> const& all) {
        Out out = Out::map();
        for (auto const& [name, file] : all) {
            out.set(key_of(name), write_definition(name, file));
        }
        return out;
    };
    root.set_filled("configs", files(configs_));
    Out networks = Out::map();
    for (auto const& [name, internal] : networks_) {
        Out out = Out::map();
        set_flag(out, "internal", internal);
        out.set("name", name);
        networks.set(key_of(name), std::move(out));
    }
    root.set_filled("networks", std::move(networks));
    root.set_filled("secrets", files(secrets_));
    Out volumes = Out::map();
    for (auto const& [name, volume] : volumes_) {
        Out out = Out::map();
        set_text(out, "driver", volume.driver);
        out.set_filled("driver_opts", Out::map_of(volume.driver_opts));
        set_flag(out, "external", volume.external);
        out.set_filled("labels", Out::map_of(volume.labels));
        out.set("name", name);
        volumes.set(key_of(name), std::move(out));
    }
    root.set_filled("volumes", std::move(volumes));
}

}  // namespace spec
