#include "spec/validity.h"

#include <algorithm>

#include "base/address.h"
#include "spec/rules.h"

namespace spec {

namespace {

bool valid_duration(base::Duration value) {
    return value >= base::Duration::zero() && value <= duration_max;
}

bool valid_texts(std::vector<std::string> const& texts) {
    return texts.size() <= list_max && std::ranges::all_of(texts, valid_text);
}

bool valid_texts(std::map<std::string, std::string> const& texts) {
    return texts.size() <= list_max && std::ranges::all_of(texts, [](auto const& entry) {
               return valid_text(entry.first) && valid_text(entry.second);
           });
}

// Ascending without repetition: the one order that a list without an order is written in.
template <class T>
bool canonical(std::vector<T> const& list) {
    return list.size() <= list_max &&
           std::ranges::adjacent_find(list, std::ranges::greater_equal{}) == list.end();
}

bool valid(Port const& port) {
    bool const range =
        port.published_last == 0 || (port.published != 0 && port.published_last > port.published);
    return port.target != 0 && port.protocol <= Protocol::udp && range &&
           (port.host_ip.empty() || port.published != 0) &&
           (port.mode == PortMode::ingress || port.published != 0);
}

bool valid(Constraint const& constraint) {
    return valid_attribute(constraint.left) && valid_text(constraint.right) &&
           !constraint.right.empty();
}

bool valid(Dependency const& dependency) {
    return valid_name(dependency.service) && dependency.condition <= Condition::completed;
}

bool valid(Resources const& resources) {
    return resources.cpu_milli <= cpu_milli_max && resources.memory_bytes <= memory_max &&
           resources.pids <= pids_max;
}

template <class T>
bool all_valid(std::vector<T> const& list) {
    return canonical(list) && std::ranges::all_of(list, [](T const& item) { return valid(item); });
}

bool valid(HealthCheck const& health) {
    bool const timing =
        valid_duration(health.interval) && valid_duration(health.timeout) &&
        valid_duration(health.start_period) && valid_duration(health.start_interval) &&
        health.interval > base::Duration::zero() && health.timeout > base::Duration::zero() &&
        health.start_interval > base::Duration::zero() && health.retries >= 1 &&
        health.retries <= retries_max;
    if (health.disabled) {
        HealthCheck off;
        off.disabled = true;
        return health == off;
    }
    if (!timing || !valid_texts(health.command) || !valid_text(health.path)) {
        return false;
    }
    // What a kind does not use is empty, so that checks that mean the same are equal.
    switch (health.kind) {
        case CheckKind::none:
            return health == HealthCheck{};
        case CheckKind::exec:
            return !health.command.empty() && health.port == 0 && health.path.empty();
        case CheckKind::tcp:
            return health.command.empty() && health.port != 0 && health.path.empty();
        case CheckKind::http:
            return health.command.empty() && health.port != 0 && health.path.starts_with('/');
    }
    return false;
}

bool valid(Process const& process) {
    auto const runs = [](Hook const& hook) { return !hook.command.empty(); };
    auto const ordered = [](auto const& entry) {
        Ulimit const& ulimit = entry.second;
        return ulimit.soft >= -1 && ulimit.hard >= -1 &&
               (ulimit.hard == -1 || (ulimit.soft != -1 && ulimit.soft <= ulimit.hard));
    };
    return std::ranges::all_of(process.post_start, runs) &&
           std::ranges::all_of(process.pre_stop, runs) &&
           std::ranges::all_of(process.ulimits, ordered) &&
           process.oom_score_adj >= -oom_score_max && process.oom_score_adj <= oom_score_max;
}

// A kind uses its fields only, so that mounts that mean the same are equal.
bool valid(Mount const& mount) {
    Mount rest = mount;
    rest.kind = {};
    rest.source = {};
    rest.read_only = {};
    switch (mount.kind) {
        case MountKind::volume:
            rest.subpath = {};
            rest.nocopy = {};
            rest.volume = {};
            break;
        case MountKind::bind:
            rest.propagation = {};
            rest.recursive = {};
            rest.selinux = {};
            rest.create_host_path = true;
            break;
        case MountKind::tmpfs:
            rest.tmpfs_bytes = {};
            rest.tmpfs_mode = {};
            rest.options = {};
            break;
        case MountKind::image:
            rest.subpath = {};
            break;
    }
    bool const source = mount.kind == MountKind::bind    ? mount.source.starts_with('/')
                        : mount.kind == MountKind::tmpfs ? mount.source.empty()
                        : mount.kind == MountKind::image ? valid_image(mount.source)
                                                         : true;
    return rest == Mount{} && source && mount.tmpfs_bytes <= memory_max &&
           mount.tmpfs_mode <= file_mode_max;
}

bool valid(FileMount const& file) {
    return !file.name.empty() && file.mode <= file_mode_max &&
           (file.origin != FileOrigin::external || file.from.empty());
}

template <class T>
bool valid_at_paths(std::map<std::string, T> const& by_path) {
    return std::ranges::all_of(by_path, [](auto const& entry) {
        return valid_container_path(entry.first) && valid(entry.second);
    });
}

bool valid(Storage const& storage) {
    return valid_at_paths(storage.mounts) && valid_at_paths(storage.secrets) &&
           valid_at_paths(storage.configs) && storage.shm_bytes <= memory_max;
}

bool valid(Networking const& networking) {
    auto const address = [](std::string const& text) { return base::parse_ip(text).has_value(); };
    bool const alone = networking.mode == NetworkMode::bridge || networking.networks.empty();
    return alone && std::ranges::all_of(networking.dns, address);
}

bool valid(Cgroup const& cgroup) {
    return cgroup.cpu_quota >= -1 && cgroup.memory_swap.value_or(0) >= -1 &&
           cgroup.swappiness.value_or(0) <= 100;
}

bool valid(UpdateConfig const& config) {
    return config.parallelism <= replicas_max && config.max_failure_ppm <= 1'000'000;
}

bool valid(Deploy const& deploy) {
    bool const refreshes = deploy.pull_refresh_after > base::Duration::zero();
    return valid(deploy.update) && valid(deploy.rollback) &&
           refreshes == (deploy.pull_policy == PullPolicy::refresh) &&
           std::ranges::all_of(deploy.spread, valid_attribute);
}

bool valid(Extension const& extension) {
    Strategy const& strategy = extension.strategy;
    bool const canary = strategy.kind == StrategyKind::canary;
    Autoscale const& autoscale = extension.autoscale;
    return canary == (strategy.percent != 0) && strategy.percent < 100 &&
           (autoscale.max == 0 ? autoscale == Autoscale{} : autoscale.min <= autoscale.max) &&
           autoscale.max <= replicas_max && extension.standby <= replicas_max &&
           extension.priority >= -priority_max && extension.priority <= priority_max;
}

}  // namespace

bool valid(ServiceSpec const& spec) {
    return valid_name(spec.project) && valid_name(spec.name) && valid_image(spec.image) &&
           (!spec.entrypoint || valid_texts(*spec.entrypoint)) &&
           (!spec.command || valid_texts(*spec.command)) && valid_texts(spec.environment) &&
           std::ranges::all_of(spec.environment,
                               [](auto const& entry) { return valid_variable(entry.first); }) &&
           valid_text(spec.working_dir) && valid_text(spec.user) && all_valid(spec.ports) &&
           canonical(spec.expose) && (spec.expose.empty() || spec.expose.front() != 0) &&
           valid(spec.health) && spec.mode <= Mode::global && spec.replicas <= replicas_max &&
           all_valid(spec.constraints) && spec.max_replicas_per_node <= replicas_max &&
           valid(spec.limits) && valid(spec.reservations) && all_valid(spec.depends_on) &&
           valid_texts(spec.labels) && valid_duration(spec.stop_grace_period) &&
           valid(spec.process) && valid(spec.storage) && valid(spec.networking) &&
           valid(spec.cgroup) && valid(spec.deploy) && valid(spec.extension);
}

}  // namespace spec
