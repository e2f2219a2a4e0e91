#include "spec/compose_write.h"

#include <array>

#include "base/text.h"
#include "spec/compose_out.h"
#include "spec/compose_write_parts.h"

namespace spec {

namespace {

Out write_constraints(ServiceSpec const& spec) {
    Out list = Out::list();
    for (Constraint const& constraint : spec.constraints) {
        list.add(
            base::concat(constraint.left, constraint.equal ? " == " : " != ", constraint.right));
    }
    return list;
}

// Thousandths as a decimal number.
std::string cpus_text(std::uint64_t milli) {
    std::string const digits = std::to_string(milli + 1'000'000'000).substr(1);
    std::string const fraction = digits.substr(digits.size() - 3);
    return base::concat(milli / 1000, '.', fraction);
}

Out write_resources(Resources const& resources) {
    Out out = Out::map();
    if (resources.cpu_milli != 0) {
        out.set("cpus", cpus_text(resources.cpu_milli));
    }
    if (resources.memory_bytes != 0) {
        out.set("memory", std::to_string(resources.memory_bytes));
    }
    if (resources.pids != 0) {
        out.set("pids", resources.pids);
    }
    return out;
}

Out write_placement(ServiceSpec const& spec) {
    Out out = Out::map();
    out.set_filled("constraints", write_constraints(spec));
    if (spec.max_replicas_per_node != 0) {
        out.set("max_replicas_per_node", spec.max_replicas_per_node);
    }
    Out preferences = Out::list();
    for (std::string const& attribute : spec.deploy.spread) {
        Out preference = Out::map();
        preference.set("spread", attribute);
        preferences.add(std::move(preference));
    }
    out.set_filled("preferences", std::move(preferences));
    return out;
}

Out write_deploy(ServiceSpec const& spec) {
    Out out = Out::map();
    if (spec.deploy.endpoint_mode == EndpointMode::dnsrr) {
        out.set("endpoint_mode", "dnsrr");
    }
    out.set_filled("labels", Out::map_of(spec.deploy.labels));
    if (spec.mode == Mode::global) {
        out.set("mode", "global");
    }
    out.set_filled("placement", write_placement(spec));
    if (spec.mode == Mode::replicated && spec.replicas != 1) {
        out.set("replicas", spec.replicas);
    }
    Out resources = Out::map();
    resources.set_filled("limits", write_resources(spec.limits));
    Out reservations = write_resources(spec.reservations);
    reservations.set_filled("devices", write_device_requests(spec.storage));
    resources.set_filled("reservations", std::move(reservations));
    out.set_filled("resources", std::move(resources));
    out.set_filled("restart_policy", write_restart(spec.deploy.restart));
    out.set_filled("rollback_config", write_update(spec.deploy.rollback));
    out.set_filled("update_config", write_update(spec.deploy.update));
    return out;
}

Out write_health(HealthCheck const& health) {
    Out out = Out::map();
    HealthCheck const defaults;
    if (health.disabled) {
        out.set("disable", true);
        return out;
    }
    if (health.kind == CheckKind::none) {
        return out;
    }
    if (health.interval != defaults.interval) {
        out.set("interval", health.interval);
    }
    if (health.retries != defaults.retries) {
        out.set("retries", health.retries);
    }
    if (health.start_interval != defaults.start_interval) {
        out.set("start_interval", health.start_interval);
    }
    if (health.start_period != defaults.start_period) {
        out.set("start_period", health.start_period);
    }
    if (health.kind == CheckKind::exec) {
        Out test = Out::list_of(std::vector<std::string>{"CMD"});
        for (std::string const& word : health.command) {
            test.add(word);
        }
        out.set("test", std::move(test));
    }
    if (health.timeout != defaults.timeout) {
        out.set("timeout", health.timeout);
    }
    Out ours = Out::map();
    if (health.kind == CheckKind::http) {
        ours.set("http", base::concat(health.port, health.path));
    } else if (health.kind == CheckKind::tcp) {
        ours.set("tcp", health.port);
    }
    out.set_filled("x-covey", std::move(ours));
    return out;
}

Out write_depends_on(ServiceSpec const& spec) {
    static constexpr std::array<std::string_view, 3> conditions{
        "service_started", "service_healthy", "service_completed_successfully"};
    Out out = Out::map();
    for (Dependency const& dependency : spec.depends_on) {
        Out each = Out::map();
        each.set("condition", conditions[static_cast<std::size_t>(dependency.condition)]);
        if (!dependency.required) {
            each.set("required", false);
        }
        if (dependency.restart) {
            each.set("restart", true);
        }
        out.set(dependency.service, std::move(each));
    }
    return out;
}

Out write_ports(ServiceSpec const& spec) {
    Out list = Out::list();
    for (Port const& port : spec.ports) {
        Out out = Out::map();
        set_text(out, "app_protocol", port.app_protocol);
        set_text(out, "host_ip", port.host_ip);
        if (port.mode == PortMode::host) {
            out.set("mode", "host");
        }
        set_text(out, "name", port.name);
        if (port.protocol == Protocol::udp) {
            out.set("protocol", "udp");
        }
        if (port.published_last != 0) {
            out.set("published", base::concat(port.published, '-', port.published_last));
        } else if (port.published != 0) {
            out.set("published", std::to_string(port.published));
        }
        out.set("target", port.target);
        list.add(std::move(out));
    }
    return list;
}

Out write_argv(std::optional<std::vector<std::string>> const& argv) {
    return argv ? Out::list_of(*argv) : Out();
}

Out write_expose(ServiceSpec const& spec) {
    Out list = Out::list();
    for (std::uint16_t const port : spec.expose) {
        list.add(std::to_string(port));
    }
    return list;
}

void write_pull(Out& out, Deploy const& deploy) {
    static constexpr std::array<std::string_view, 4> policies{"missing", "always", "never",
                                                              "refresh"};
    if (deploy.pull_policy != PullPolicy::missing) {
        out.set("pull_policy", policies[static_cast<std::size_t>(deploy.pull_policy)]);
    }
    if (deploy.pull_policy == PullPolicy::refresh) {
        out.set("pull_refresh_after", deploy.pull_refresh_after);
    }
}

Out write_service(ServiceSpec const& spec) {
    Out out = Out::map();
    out.set_filled("annotations", Out::map_of(spec.annotations));
    out.set_filled("deploy", write_deploy(spec));
    out.set_filled("depends_on", write_depends_on(spec));
    if (spec.command) {
        out.set("command", write_argv(spec.command));
    }
    set_text(out, "container_name", spec.container_name);
    if (spec.entrypoint) {
        out.set("entrypoint", write_argv(spec.entrypoint));
    }
    out.set_filled("environment", Out::map_of(spec.environment));
    out.set_filled("expose", write_expose(spec));
    out.set_filled("healthcheck", write_health(spec.health));
    out.set("image", spec.image);
    out.set_filled("labels", Out::map_of(spec.labels));
    set_text(out, "platform", spec.platform);
    out.set_filled("ports", write_ports(spec));
    write_pull(out, spec.deploy);
    if (spec.stop_grace_period != ServiceSpec().stop_grace_period) {
        out.set("stop_grace_period", spec.stop_grace_period);
    }
    set_text(out, "user", spec.user);
    set_text(out, "working_dir", spec.working_dir);
    write_process(out, spec.process);
    write_security(out, spec);
    write_networking(out, spec);
    write_cgroup(out, spec.cgroup);
    write_storage(out, spec.storage);
    out.set_filled("x-covey", write_extension(spec.extension));
    out.sort();
    return out;
}

}  // namespace

std::string to_compose(std::span<ServiceSpec const> services, TextForm form) {
    Out root = Out::map();
    Out all = Out::map();
    Named named;
    for (ServiceSpec const& spec : services) {
        all.set(spec.name, write_service(spec));
        named.add(spec);
    }
    all.sort();
    named.write(root);
    if (!services.empty()) {
        root.set("name", services.front().project);
    }
    root.set("services", std::move(all));
    root.sort();
    return form == TextForm::yaml ? root.yaml() : root.json();
}

}  // namespace spec
