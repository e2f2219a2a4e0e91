#pragma once

#include "spec/spec.h"
#include "spec/tagged.h"

// The tags of every field that came after version 1 of the encoding. Tags ascend within a record
// and are never given a second meaning; a field that goes leaves its number unused.
namespace spec {

namespace tagged {
template <>
inline constexpr Protocol enum_last<Protocol> = Protocol::udp;
template <>
inline constexpr PortMode enum_last<PortMode> = PortMode::host;
template <>
inline constexpr Condition enum_last<Condition> = Condition::completed;
template <>
inline constexpr Namespace enum_last<Namespace> = Namespace::host;
template <>
inline constexpr IpcMode enum_last<IpcMode> = IpcMode::none;
template <>
inline constexpr MountKind enum_last<MountKind> = MountKind::image;
template <>
inline constexpr Propagation enum_last<Propagation> = Propagation::slave;
template <>
inline constexpr Recursive enum_last<Recursive> = Recursive::readonly;
template <>
inline constexpr Selinux enum_last<Selinux> = Selinux::private_;
template <>
inline constexpr FileOrigin enum_last<FileOrigin> = FileOrigin::content;
template <>
inline constexpr NetworkMode enum_last<NetworkMode> = NetworkMode::none;
template <>
inline constexpr RestartCondition enum_last<RestartCondition> = RestartCondition::none;
template <>
inline constexpr FailureAction enum_last<FailureAction> = FailureAction::rollback;
template <>
inline constexpr UpdateOrder enum_last<UpdateOrder> = UpdateOrder::start_first;
template <>
inline constexpr EndpointMode enum_last<EndpointMode> = EndpointMode::dnsrr;
template <>
inline constexpr PullPolicy enum_last<PullPolicy> = PullPolicy::refresh;
template <>
inline constexpr Partition enum_last<Partition> = Partition::single;
template <>
inline constexpr StrategyKind enum_last<StrategyKind> = StrategyKind::canary;
template <>
inline constexpr Overlap enum_last<Overlap> = Overlap::replace;
template <>
inline constexpr Balance enum_last<Balance> = Balance::nearest;
template <>
inline constexpr Affinity enum_last<Affinity> = Affinity::client_ip;
template <>
inline constexpr ProxyProtocol enum_last<ProxyProtocol> = ProxyProtocol::v2;
}  // namespace tagged

template <class T, class Target>
concept Is = std::same_as<std::remove_const_t<T>, Target>;

template <Is<Port> T, class Visit>
void fields(T& port, Visit const& visit) {
    visit(1, port.target);
    visit(2, port.published);
    visit(3, port.protocol);
    visit(4, port.mode);
    visit(5, port.published_last);
    visit(6, port.host_ip);
    visit(7, port.name);
    visit(8, port.app_protocol);
}

template <Is<Dependency> T, class Visit>
void fields(T& dependency, Visit const& visit) {
    visit(1, dependency.service);
    visit(2, dependency.condition);
    visit(3, dependency.restart);
    visit(4, dependency.required);
}

template <Is<Hook> T, class Visit>
void fields(T& hook, Visit const& visit) {
    visit(1, hook.command);
    visit(2, hook.user);
    visit(3, hook.working_dir);
    visit(4, hook.environment);
    visit(5, hook.privileged);
}

template <Is<Ulimit> T, class Visit>
void fields(T& ulimit, Visit const& visit) {
    visit(1, ulimit.soft);
    visit(2, ulimit.hard);
}

template <Is<Logging> T, class Visit>
void fields(T& logging, Visit const& visit) {
    visit(1, logging.driver);
    visit(2, logging.options);
}

template <Is<Process> T, class Visit>
void fields(T& process, Visit const& visit) {
    visit(1, process.init);
    visit(2, process.tty);
    visit(3, process.stdin_open);
    visit(4, process.stop_signal);
    visit(5, process.group_add);
    visit(6, process.ulimits);
    visit(7, process.oom_score_adj);
    visit(8, process.post_start);
    visit(9, process.pre_stop);
    visit(10, process.logging);
}

template <Is<Security> T, class Visit>
void fields(T& security, Visit const& visit) {
    visit(1, security.privileged);
    visit(2, security.read_only);
    visit(3, security.cap_add);
    visit(4, security.cap_drop);
    visit(5, security.security_opt);
}

template <Is<Isolation> T, class Visit>
void fields(T& isolation, Visit const& visit) {
    visit(1, isolation.pid);
    visit(2, isolation.uts);
    visit(3, isolation.user);
    visit(4, isolation.cgroup);
    visit(5, isolation.ipc);
    visit(6, isolation.sysctls);
    visit(7, isolation.runtime);
}

template <Is<Volume> T, class Visit>
void fields(T& volume, Visit const& visit) {
    visit(1, volume.driver);
    visit(2, volume.driver_opts);
    visit(3, volume.labels);
    visit(4, volume.external);
}

template <Is<Mount> T, class Visit>
void fields(T& mount, Visit const& visit) {
    visit(1, mount.kind);
    visit(2, mount.source);
    visit(3, mount.read_only);
    visit(4, mount.subpath);
    visit(5, mount.nocopy);
    visit(6, mount.volume);
    visit(7, mount.propagation);
    visit(8, mount.recursive);
    visit(9, mount.selinux);
    visit(10, mount.create_host_path);
    visit(11, mount.tmpfs_bytes);
    visit(12, mount.tmpfs_mode);
    visit(13, mount.options);
}

template <Is<FileMount> T, class Visit>
void fields(T& file, Visit const& visit) {
    visit(1, file.name);
    visit(2, file.origin);
    visit(3, file.from);
    visit(4, file.uid);
    visit(5, file.gid);
    visit(6, file.mode);
}

template <Is<Device> T, class Visit>
void fields(T& device, Visit const& visit) {
    visit(1, device.source);
    visit(2, device.permissions);
}

template <Is<DeviceRequest> T, class Visit>
void fields(T& request, Visit const& visit) {
    visit(1, request.driver);
    visit(2, request.count);
    visit(3, request.ids);
    visit(4, request.capabilities);
    visit(5, request.options);
}

template <Is<Storage> T, class Visit>
void fields(T& storage, Visit const& visit) {
    visit(1, storage.mounts);
    visit(2, storage.secrets);
    visit(3, storage.configs);
    visit(4, storage.shm_bytes);
    visit(5, storage.devices);
    visit(6, storage.device_cgroup_rules);
    visit(7, storage.device_requests);
}

template <Is<Attachment> T, class Visit>
void fields(T& attachment, Visit const& visit) {
    visit(1, attachment.aliases);
    visit(2, attachment.internal);
    visit(3, attachment.priority);
}

template <Is<Networking> T, class Visit>
void fields(T& networking, Visit const& visit) {
    visit(1, networking.mode);
    visit(2, networking.networks);
    visit(3, networking.dns);
    visit(4, networking.dns_search);
    visit(5, networking.dns_opt);
    visit(6, networking.extra_hosts);
    visit(7, networking.hostname);
    visit(8, networking.domainname);
    visit(9, networking.mac_address);
}

template <Is<BlockIo> T, class Visit>
void fields(T& io, Visit const& visit) {
    visit(1, io.weight);
    visit(2, io.weight_device);
    visit(3, io.read_bps);
    visit(4, io.read_iops);
    visit(5, io.write_bps);
    visit(6, io.write_iops);
}

template <Is<Cgroup> T, class Visit>
void fields(T& cgroup, Visit const& visit) {
    visit(1, cgroup.cpu_shares);
    visit(2, cgroup.cpu_quota);
    visit(3, cgroup.cpu_period);
    visit(4, cgroup.cpuset);
    visit(5, cgroup.memory_swap);
    visit(6, cgroup.swappiness);
    visit(7, cgroup.oom_kill_disable);
    visit(8, cgroup.block_io);
}

template <Is<RestartPolicy> T, class Visit>
void fields(T& policy, Visit const& visit) {
    visit(1, policy.condition);
    visit(2, policy.delay);
    visit(3, policy.max_attempts);
    visit(4, policy.window);
}

template <Is<UpdateConfig> T, class Visit>
void fields(T& config, Visit const& visit) {
    visit(1, config.parallelism);
    visit(2, config.delay);
    visit(3, config.failure_action);
    visit(4, config.monitor);
    visit(5, config.max_failure_ppm);
    visit(6, config.order);
}

template <Is<Deploy> T, class Visit>
void fields(T& deploy, Visit const& visit) {
    visit(1, deploy.restart);
    visit(2, deploy.update);
    visit(3, deploy.rollback);
    visit(4, deploy.endpoint_mode);
    visit(5, deploy.spread);
    visit(6, deploy.labels);
    visit(7, deploy.pull_policy);
    visit(8, deploy.pull_refresh_after);
}

template <Is<Strategy> T, class Visit>
void fields(T& strategy, Visit const& visit) {
    visit(1, strategy.kind);
    visit(2, strategy.percent);
    visit(3, strategy.bake);
}

template <Is<Schedule> T, class Visit>
void fields(T& schedule, Visit const& visit) {
    visit(1, schedule.cron);
    visit(2, schedule.timezone);
    visit(3, schedule.overlap);
}

template <Is<Autoscale> T, class Visit>
void fields(T& autoscale, Visit const& visit) {
    visit(1, autoscale.min);
    visit(2, autoscale.max);
    visit(3, autoscale.cpu_percent);
    visit(4, autoscale.memory_percent);
    visit(5, autoscale.connections);
    visit(6, autoscale.cooldown);
}

template <Is<LoadBalancing> T, class Visit>
void fields(T& lb, Visit const& visit) {
    visit(1, lb.balance);
    visit(2, lb.affinity);
    visit(3, lb.proxy_protocol);
    visit(4, lb.max_connections);
}

template <Is<Extension> T, class Visit>
void fields(T& extension, Visit const& visit) {
    visit(1, extension.partition);
    visit(2, extension.strategy);
    visit(3, extension.schedule);
    visit(4, extension.autoscale);
    visit(5, extension.lb);
    visit(6, extension.priority);
    visit(7, extension.standby);
}

// Of `ports` and `depends_on` those that version 1 cannot say.
template <Is<ServiceSpec> T, class Visit>
void fields(T& spec, Visit const& visit) {
    visit(1, spec.ports);
    visit(2, spec.depends_on);
    visit(3, spec.health.disabled);
    visit(4, spec.container_name);
    visit(5, spec.platform);
    visit(6, spec.annotations);
    visit(7, spec.process);
    visit(8, spec.security);
    visit(9, spec.isolation);
    visit(10, spec.storage);
    visit(11, spec.networking);
    visit(12, spec.cgroup);
    visit(13, spec.deploy);
    visit(14, spec.extension);
}

}  // namespace spec
