#include "spec/compose_keys.h"

#include <algorithm>
#include <array>

#include "base/edit_distance.h"
#include "base/text.h"

namespace spec {

namespace {

using enum Standing;

// clang-format off
constexpr auto rules = std::to_array<KeyRule>({
    {"configs", acts, {}},
    {"configs.*.content", acts, {}},
    {"configs.*.environment", acts, {}},
    {"configs.*.external", acts, {}},
    {"configs.*.external.name", deprecated, "name beside external: true"},
    {"configs.*.file", acts, {}},
    {"configs.*.labels", not_yet, "what is kept has no labels"},
    {"configs.*.name", acts, {}},
    {"configs.*.template_driver", unsupported, "a config is shown as it is"},
    {"include", not_yet, "the services of the other files are not there"},
    {"models", unsupported, "models are not run; run their server as a service"},
    {"name", acts, {}},
    {"networks", acts, {}},
    {"networks.*.attachable", unsupported,
     "there are no containers outside services that could attach"},
    {"networks.*.driver", unsupported, "one network joins the hosts, whatever is below it"},
    {"networks.*.driver_opts", unsupported, "one network joins the hosts, whatever is below it"},
    {"networks.*.enable_ipv4", unsupported,
     "the fleet's network has the same addresses everywhere"},
    {"networks.*.enable_ipv6", unsupported,
     "the fleet's network has the same addresses everywhere"},
    {"networks.*.external", acts, {}},
    {"networks.*.external.name", deprecated, "name beside external: true"},
    {"networks.*.internal", not_yet, "containers reach addresses outside"},
    {"networks.*.ipam", unsupported, "each host claims its own part of the fleet's range"},
    {"networks.*.labels", unsupported, "networks are names, nothing that could carry labels"},
    {"networks.*.name", acts, {}},
    {"secrets", acts, {}},
    {"secrets.*.driver", unsupported, "secrets are kept in the fleet's own state"},
    {"secrets.*.driver_opts", unsupported, "secrets are kept in the fleet's own state"},
    {"secrets.*.environment", acts, {}},
    {"secrets.*.external", acts, {}},
    {"secrets.*.external.name", deprecated, "name beside external: true"},
    {"secrets.*.file", acts, {}},
    {"secrets.*.labels", not_yet, "what is kept has no labels"},
    {"secrets.*.name", acts, {}},
    {"secrets.*.template_driver", unsupported, "a secret is shown as it is"},
    {"services", acts, {}},
    {"services.*.annotations", not_yet, "the OCI runtime is told of none"},
    {"services.*.attach", unsupported, "agent logs shows the output of any service"},
    {"services.*.blkio_config", not_yet, "block devices are shared without weights and limits"},
    {"services.*.blkio_config.device_read_bps", acts, {}},
    {"services.*.blkio_config.device_read_bps.path", acts, {}},
    {"services.*.blkio_config.device_read_bps.rate", acts, {}},
    {"services.*.blkio_config.device_read_iops", acts, {}},
    {"services.*.blkio_config.device_read_iops.path", acts, {}},
    {"services.*.blkio_config.device_read_iops.rate", acts, {}},
    {"services.*.blkio_config.device_write_bps", acts, {}},
    {"services.*.blkio_config.device_write_bps.path", acts, {}},
    {"services.*.blkio_config.device_write_bps.rate", acts, {}},
    {"services.*.blkio_config.device_write_iops", acts, {}},
    {"services.*.blkio_config.device_write_iops.path", acts, {}},
    {"services.*.blkio_config.device_write_iops.rate", acts, {}},
    {"services.*.blkio_config.weight", acts, {}},
    {"services.*.blkio_config.weight_device", acts, {}},
    {"services.*.blkio_config.weight_device.path", acts, {}},
    {"services.*.blkio_config.weight_device.weight", acts, {}},
    {"services.*.build", unsupported,
     "build the image elsewhere, push it to a registry, and name it under image"},
    {"services.*.cap_add", not_yet, "the container has the default capabilities"},
    {"services.*.cap_drop", not_yet, "the container has the default capabilities"},
    {"services.*.cgroup", not_yet, "the container has a control group namespace of its own"},
    {"services.*.cgroup_parent", unsupported,
     "the agent keeps containers below a group of its own on every host"},
    {"services.*.command", acts, {}},
    {"services.*.configs", not_yet, "the files are not there"},
    {"services.*.configs.gid", acts, {}},
    {"services.*.configs.mode", acts, {}},
    {"services.*.configs.source", acts, {}},
    {"services.*.configs.target", acts, {}},
    {"services.*.configs.uid", acts, {}},
    {"services.*.container_name", not_yet, "containers are called SERVICE-SLOT"},
    {"services.*.cpu_count", unsupported, "it is for Windows; use cpus"},
    {"services.*.cpu_percent", unsupported, "it is for Windows; use cpus"},
    {"services.*.cpu_period", not_yet, "only cpus limits the CPU"},
    {"services.*.cpu_quota", not_yet, "only cpus limits the CPU"},
    {"services.*.cpu_rt_period", unsupported, "hosts of a fleet promise no real time"},
    {"services.*.cpu_rt_runtime", unsupported, "hosts of a fleet promise no real time"},
    {"services.*.cpu_shares", not_yet, "only cpus limits the CPU"},
    {"services.*.cpus", acts, {}},
    {"services.*.cpuset", not_yet, "the container runs on any CPU"},
    {"services.*.credential_spec", unsupported, "it is for Windows"},
    {"services.*.depends_on", acts, {}},
    {"services.*.depends_on.*.condition", acts, {}},
    {"services.*.depends_on.*.required", acts, {}},
    {"services.*.depends_on.*.restart", not_yet,
     "the service keeps running when the other is replaced"},
    {"services.*.deploy", acts, {}},
    {"services.*.deploy.endpoint_mode", not_yet,
     "the name of the service has one address that is balanced"},
    {"services.*.deploy.labels", not_yet, "services are found by name only"},
    {"services.*.deploy.mode", acts, {}},
    {"services.*.deploy.placement", acts, {}},
    {"services.*.deploy.placement.constraints", acts, {}},
    {"services.*.deploy.placement.max_replicas_per_node", acts, {}},
    {"services.*.deploy.placement.preferences", not_yet, "replicas go where there is room"},
    {"services.*.deploy.placement.preferences.spread", acts, {}},
    {"services.*.deploy.replicas", acts, {}},
    {"services.*.deploy.resources", acts, {}},
    {"services.*.deploy.resources.limits", acts, {}},
    {"services.*.deploy.resources.limits.cpus", acts, {}},
    {"services.*.deploy.resources.limits.memory", acts, {}},
    {"services.*.deploy.resources.limits.pids", acts, {}},
    {"services.*.deploy.resources.reservations", acts, {}},
    {"services.*.deploy.resources.reservations.cpus", acts, {}},
    {"services.*.deploy.resources.reservations.devices", not_yet,
     "the container sees the default devices only"},
    {"services.*.deploy.resources.reservations.devices.capabilities", acts, {}},
    {"services.*.deploy.resources.reservations.devices.count", acts, {}},
    {"services.*.deploy.resources.reservations.devices.device_ids", acts, {}},
    {"services.*.deploy.resources.reservations.devices.driver", acts, {}},
    {"services.*.deploy.resources.reservations.devices.options", acts, {}},
    {"services.*.deploy.resources.reservations.generic_resources", unsupported,
     "hosts have no user-defined resources; use node labels and constraints"},
    {"services.*.deploy.resources.reservations.memory", acts, {}},
    {"services.*.deploy.resources.reservations.pids", acts, {}},
    {"services.*.deploy.restart_policy", not_yet,
     "a container that ends is started again, after a pause that grows"},
    {"services.*.deploy.restart_policy.condition", acts, {}},
    {"services.*.deploy.restart_policy.delay", acts, {}},
    {"services.*.deploy.restart_policy.max_attempts", acts, {}},
    {"services.*.deploy.restart_policy.window", acts, {}},
    {"services.*.deploy.rollback_config", not_yet, "nothing is rolled back by itself"},
    {"services.*.deploy.rollback_config.delay", acts, {}},
    {"services.*.deploy.rollback_config.failure_action", acts, {}},
    {"services.*.deploy.rollback_config.max_failure_ratio", acts, {}},
    {"services.*.deploy.rollback_config.monitor", acts, {}},
    {"services.*.deploy.rollback_config.order", acts, {}},
    {"services.*.deploy.rollback_config.parallelism", acts, {}},
    {"services.*.deploy.update_config", not_yet,
     "one container after the other is replaced, each when the one before is healthy"},
    {"services.*.deploy.update_config.delay", acts, {}},
    {"services.*.deploy.update_config.failure_action", acts, {}},
    {"services.*.deploy.update_config.max_failure_ratio", acts, {}},
    {"services.*.deploy.update_config.monitor", acts, {}},
    {"services.*.deploy.update_config.order", acts, {}},
    {"services.*.deploy.update_config.parallelism", acts, {}},
    {"services.*.develop", unsupported, "it is for the machine of a developer"},
    {"services.*.device_cgroup_rules", not_yet, "the container sees the default devices only"},
    {"services.*.devices", not_yet, "the container sees the default devices only"},
    {"services.*.devices.permissions", acts, {}},
    {"services.*.devices.source", acts, {}},
    {"services.*.devices.target", acts, {}},
    {"services.*.dns", not_yet, "names outside the fleet are asked of the servers of the host"},
    {"services.*.dns_opt", not_yet, "the resolver has its default options"},
    {"services.*.dns_search", not_yet, "names are searched in the project and in the fleet"},
    {"services.*.domainname", not_yet, "the container has no domain name"},
    {"services.*.entrypoint", acts, {}},
    {"services.*.env_file", not_yet, "the variables are not set"},
    {"services.*.environment", acts, {}},
    {"services.*.expose", acts, {}},
    {"services.*.extends", not_yet, "the service has its own keys only"},
    {"services.*.external_links", unsupported, "containers outside the fleet have no name in it"},
    {"services.*.extra_hosts", not_yet, "the names are not known in the container"},
    {"services.*.gpus", not_yet, "the container sees the default devices only"},
    {"services.*.gpus.capabilities", acts, {}},
    {"services.*.gpus.count", acts, {}},
    {"services.*.gpus.device_ids", acts, {}},
    {"services.*.gpus.driver", acts, {}},
    {"services.*.gpus.options", acts, {}},
    {"services.*.group_add", not_yet, "the user has the groups of the image"},
    {"services.*.healthcheck", acts, {}},
    {"services.*.healthcheck.disable", acts, {}},
    {"services.*.healthcheck.interval", acts, {}},
    {"services.*.healthcheck.retries", acts, {}},
    {"services.*.healthcheck.start_interval", acts, {}},
    {"services.*.healthcheck.start_period", acts, {}},
    {"services.*.healthcheck.test", acts, {}},
    {"services.*.healthcheck.timeout", acts, {}},
    {"services.*.healthcheck.x-covey", acts, {}},
    {"services.*.healthcheck.x-covey.http", acts, {}},
    {"services.*.healthcheck.x-covey.tcp", acts, {}},
    {"services.*.hostname", not_yet, "the host name is SERVICE-SLOT"},
    {"services.*.image", acts, {}},
    {"services.*.init", not_yet, "the command itself is process 1"},
    {"services.*.ipc", not_yet, "the container has IPC of its own"},
    {"services.*.isolation", unsupported, "it is for Windows"},
    {"services.*.label_file", not_yet, "the labels are not set"},
    {"services.*.labels", acts, {}},
    {"services.*.links", deprecated,
     "the names of services, which resolve without links, or aliases under networks"},
    {"services.*.logging", not_yet, "output is kept by Covey itself"},
    {"services.*.logging.driver", acts, {}},
    {"services.*.logging.options", acts, {}},
    {"services.*.mac_address", not_yet, "the address is made by Covey"},
    {"services.*.mem_limit", acts, {}},
    {"services.*.mem_reservation", acts, {}},
    {"services.*.mem_swappiness", not_yet, "the host's own value holds"},
    {"services.*.memswap_limit", not_yet, "only mem_limit limits memory"},
    {"services.*.models", unsupported, "models are not run; run their server as a service"},
    {"services.*.network_mode", not_yet, "the container is on the fleet's network"},
    {"services.*.networks", not_yet, "all services are on one network and reach each other"},
    {"services.*.networks.*.aliases", acts, {}},
    {"services.*.networks.*.driver_opts", unsupported,
     "one network joins the hosts, whatever is below it"},
    {"services.*.networks.*.gw_priority", acts, {}},
    {"services.*.networks.*.interface_name", unsupported, "a container has one interface"},
    {"services.*.networks.*.ipv4_address", unsupported,
     "replicas have the addresses of the hosts they are on; use the name of the service"},
    {"services.*.networks.*.ipv6_address", unsupported,
     "replicas have the addresses of the hosts they are on; use the name of the service"},
    {"services.*.networks.*.link_local_ips", unsupported,
     "replicas have the addresses of the hosts they are on; use the name of the service"},
    {"services.*.networks.*.mac_address", unsupported,
     "a container has one interface; use mac_address of the service"},
    {"services.*.networks.*.priority", unsupported, "networks are joined in no order"},
    {"services.*.oom_kill_disable", not_yet,
     "the kernel may kill the container when memory is short"},
    {"services.*.oom_score_adj", not_yet, "the kernel's own score holds"},
    {"services.*.pid", not_yet, "the container sees its own processes only"},
    {"services.*.pids_limit", acts, {}},
    {"services.*.platform", not_yet, "the image for the platform of the host runs"},
    {"services.*.ports", acts, {}},
    {"services.*.ports.app_protocol", acts, {}},
    {"services.*.ports.host_ip", not_yet, "the port is published on every address of every host"},
    {"services.*.ports.mode", not_yet, "the port is balanced over all replicas"},
    {"services.*.ports.name", acts, {}},
    {"services.*.ports.protocol", acts, {}},
    {"services.*.ports.published", acts, {}},
    {"services.*.ports.target", acts, {}},
    {"services.*.post_start", not_yet, "the commands are not run"},
    {"services.*.post_start.command", acts, {}},
    {"services.*.post_start.environment", acts, {}},
    {"services.*.post_start.privileged", acts, {}},
    {"services.*.post_start.user", acts, {}},
    {"services.*.post_start.working_dir", acts, {}},
    {"services.*.pre_start", not_yet, "the commands are not run"},
    {"services.*.pre_stop", not_yet, "the commands are not run"},
    {"services.*.pre_stop.command", acts, {}},
    {"services.*.pre_stop.environment", acts, {}},
    {"services.*.pre_stop.privileged", acts, {}},
    {"services.*.pre_stop.user", acts, {}},
    {"services.*.pre_stop.working_dir", acts, {}},
    {"services.*.privileged", not_yet, "the container runs without privileges"},
    {"services.*.profiles", not_yet, "the service runs under every profile"},
    {"services.*.provider", unsupported, "a program on one machine cannot provide for all hosts"},
    {"services.*.pull_policy", not_yet, "an image is pulled when it is missing"},
    {"services.*.pull_refresh_after", not_yet, "an image is pulled when it is missing"},
    {"services.*.read_only", not_yet, "the root file system can be written to"},
    {"services.*.restart", not_yet, "a container that ends is started again"},
    {"services.*.runtime", not_yet, "the runtime that agent doctor shows is used"},
    {"services.*.scale", acts, {}},
    {"services.*.secrets", not_yet, "the files are not there"},
    {"services.*.secrets.gid", acts, {}},
    {"services.*.secrets.mode", acts, {}},
    {"services.*.secrets.source", acts, {}},
    {"services.*.secrets.target", acts, {}},
    {"services.*.secrets.uid", acts, {}},
    {"services.*.security_opt", not_yet, "the defaults hold"},
    {"services.*.shm_size", not_yet, "/dev/shm has its default size"},
    {"services.*.stdin_open", not_yet, "standard input is empty"},
    {"services.*.stop_grace_period", acts, {}},
    {"services.*.stop_signal", not_yet, "the container is asked to end with SIGTERM"},
    {"services.*.storage_opt", unsupported,
     "hosts have different file systems, most without such options"},
    {"services.*.sysctls", not_yet, "the kernel's defaults hold"},
    {"services.*.tmpfs", not_yet, "the directories are part of the container's file system"},
    {"services.*.tty", not_yet, "the output is a pipe"},
    {"services.*.ulimits", not_yet, "the limits of the agent hold"},
    {"services.*.ulimits.*.hard", acts, {}},
    {"services.*.ulimits.*.soft", acts, {}},
    {"services.*.use_api_socket", unsupported, "there is no Docker engine on the hosts"},
    {"services.*.user", acts, {}},
    {"services.*.userns_mode", not_yet, "the container is in the user namespace of the host"},
    {"services.*.uts", not_yet, "the container has a host name of its own"},
    {"services.*.volumes", not_yet,
     "nothing is mounted, and what is written goes with the container"},
    {"services.*.volumes.bind", acts, {}},
    {"services.*.volumes.bind.create_host_path", acts, {}},
    {"services.*.volumes.bind.propagation", acts, {}},
    {"services.*.volumes.bind.recursive", acts, {}},
    {"services.*.volumes.bind.selinux", acts, {}},
    {"services.*.volumes.consistency", deprecated,
     "nothing, because binds on Linux are always consistent"},
    {"services.*.volumes.image", acts, {}},
    {"services.*.volumes.image.subpath", acts, {}},
    {"services.*.volumes.read_only", acts, {}},
    {"services.*.volumes.source", acts, {}},
    {"services.*.volumes.target", acts, {}},
    {"services.*.volumes.tmpfs", acts, {}},
    {"services.*.volumes.tmpfs.mode", acts, {}},
    {"services.*.volumes.tmpfs.size", acts, {}},
    {"services.*.volumes.type", acts, {}},
    {"services.*.volumes.volume", acts, {}},
    {"services.*.volumes.volume.labels", not_yet, "what is kept has no labels"},
    {"services.*.volumes.volume.nocopy", acts, {}},
    {"services.*.volumes.volume.subpath", acts, {}},
    {"services.*.volumes_from", unsupported,
     "containers of a service may be on different hosts; name the volume in both"},
    {"services.*.working_dir", acts, {}},
    {"services.*.x-covey", acts, {}},
    {"services.*.x-covey.autoscale", not_yet, "the number of replicas stays as it is"},
    {"services.*.x-covey.autoscale.connections", acts, {}},
    {"services.*.x-covey.autoscale.cooldown", acts, {}},
    {"services.*.x-covey.autoscale.cpu", acts, {}},
    {"services.*.x-covey.autoscale.max", acts, {}},
    {"services.*.x-covey.autoscale.memory", acts, {}},
    {"services.*.x-covey.autoscale.min", acts, {}},
    {"services.*.x-covey.lb", not_yet, "connections are spread by hash"},
    {"services.*.x-covey.lb.affinity", acts, {}},
    {"services.*.x-covey.lb.balance", acts, {}},
    {"services.*.x-covey.lb.max_connections", acts, {}},
    {"services.*.x-covey.lb.proxy_protocol", acts, {}},
    {"services.*.x-covey.partition", not_yet,
     "both sides of a fleet that is cut keep the service running"},
    {"services.*.x-covey.priority", not_yet, "no service gives way to another"},
    {"services.*.x-covey.schedule", not_yet, "the service runs always"},
    {"services.*.x-covey.schedule.cron", acts, {}},
    {"services.*.x-covey.schedule.overlap", acts, {}},
    {"services.*.x-covey.schedule.timezone", acts, {}},
    {"services.*.x-covey.standby", not_yet, "no further containers are kept ready"},
    {"services.*.x-covey.strategy", not_yet, "one container after the other is replaced"},
    {"services.*.x-covey.strategy.bake", acts, {}},
    {"services.*.x-covey.strategy.percent", acts, {}},
    {"services.*.x-covey.strategy.type", acts, {}},
    {"version", deprecated, "no version at all"},
    {"volumes", acts, {}},
    {"volumes.*.driver", acts, {}},
    {"volumes.*.driver_opts", acts, {}},
    {"volumes.*.external", acts, {}},
    {"volumes.*.external.name", deprecated, "name beside external: true"},
    {"volumes.*.labels", not_yet, "what is kept has no labels"},
    {"volumes.*.name", acts, {}},
});
// clang-format on

static_assert(std::ranges::is_sorted(rules, {}, &KeyRule::path));

// Whether the path of a rule is `scope`, a dot, and one more name; `name` is then that name.
std::string_view name_below(std::string_view scope, std::string_view path) {
    if (!scope.empty()) {
        if (!path.starts_with(scope) || path.size() == scope.size() || path[scope.size()] != '.') {
            return {};
        }
        path.remove_prefix(scope.size() + 1);
    }
    return path.contains('.') ? std::string_view() : path;
}

}  // namespace

std::span<KeyRule const> key_rules() {
    return rules;
}

KeyRule const* find_rule(std::string_view scope, std::string_view key) {
    std::string const path = scope.empty() ? std::string(key) : base::concat(scope, '.', key);
    auto const found = std::ranges::lower_bound(rules, path, {}, &KeyRule::path);
    return found != rules.end() && found->path == path ? &*found : nullptr;
}

std::string to_string(KeyRule const& rule) {
    switch (rule.standing) {
        case acts:
            return {};
        case not_yet:
            return base::concat("not yet: ", rule.why);
        case unsupported:
            return base::concat("not supported on a fleet: ", rule.why);
        case deprecated:
            return base::concat("deprecated: use ", rule.why);
    }
    return {};
}

std::string_view nearest_key(std::string_view scope, std::string_view key) {
    static constexpr std::size_t length_max = 32;
    if (key.size() > length_max) {
        return {};
    }
    std::string const lower = base::lower(key);
    std::string_view best;
    std::size_t best_distance = std::max<std::size_t>(1, key.size() / 3) + 1;
    for (KeyRule const& rule : rules) {
        std::string_view const name = name_below(scope, rule.path);
        if (name.empty() || name == "*") {
            continue;
        }
        std::size_t const far = base::edit_distance(lower, name);
        if (far < best_distance) {
            best = name;
            best_distance = far;
        }
    }
    return best;
}

}  // namespace spec
