#include "cmd/render.h"

#include <algorithm>
#include <string_view>
#include <tuple>

#include "base/text.h"
#include "cmd/table.h"
#include "cmd/units.h"
#include "net/admin/admin_json.h"

namespace cmd {
namespace {

std::string_view to_string(agent::NodeStatus status) {
    switch (status) {
        case agent::NodeStatus::alive:
            return "alive";
        case agent::NodeStatus::suspect:
            return "suspect";
        case agent::NodeStatus::unsteady:
            return "unsteady";
        case agent::NodeStatus::restarting:
            return "restarting";
        case agent::NodeStatus::leaving:
            return "leaving";
        case agent::NodeStatus::down:
            return "down";
        case agent::NodeStatus::left:
            return "left";
        case agent::NodeStatus::evicted:
            return "evicted";
    }
    return {};
}

std::string_view to_string(agent::InstanceStatus status) {
    switch (status) {
        case agent::InstanceStatus::pending:
            return "pending";
        case agent::InstanceStatus::waiting:
            return "waiting";
        case agent::InstanceStatus::starting:
            return "starting";
        case agent::InstanceStatus::running:
            return "running";
        case agent::InstanceStatus::healthy:
            return "healthy";
        case agent::InstanceStatus::draining:
            return "draining";
        case agent::InstanceStatus::stopping:
            return "stopping";
        case agent::InstanceStatus::backoff:
            return "backoff";
        case agent::InstanceStatus::failed:
            return "failed";
        case agent::InstanceStatus::completed:
            return "completed";
    }
    return {};
}

std::string status_text(agent::NodeReport const& node) {
    std::string_view const status = to_string(node.status);
    return base::concat(
        status,
        node.silent == base::Duration{}
            ? std::string()
            : base::concat(" (not answering for ", human_duration(node.silent), ")"),
        node.disk_full ? ", disk full" : "");
}

std::string joined(std::vector<std::string> const& parts) {
    std::string out;
    for (std::string const& part : parts) {
        out += out.empty() ? part : base::concat(",", part);
    }
    return out;
}

std::string address_or_empty(base::IpAddress const& address) {
    return address.is_unspecified() ? std::string() : to_string(address);
}

std::string digest(std::uint64_t value) {
    base::ByteWriter bytes;
    bytes.u64(value);
    return base::hex(bytes.view());
}

template <class Report>
std::string json_line(Report const& report) {
    return net::to_json(report) + '\n';
}

std::string files_text(std::vector<agent::FileReport> const& files) {
    std::string out;
    for (agent::FileReport const& file : files) {
        out += base::concat("  ", printable(file.name), ": ");
        out += file.usable ? file.services.empty() ? "no services" : joined(file.services)
                           : "not usable; its previous services keep running";
        out += '\n';
        for (std::string const& message : file.messages) {
            out += base::concat("    ", printable(message), "\n");
        }
    }
    return out;
}

}  // namespace

std::string render(agent::StatusReport const& status, Listing listing) {
    if (listing == Listing::json) {
        return json_line(status);
    }
    std::string out = base::concat(
        "host       ", printable(status.name), " (", short_string(status.id), ") at ",
        to_string(status.address), "\n",  //
        "fleet      ", status.nodes_alive, " of ", status.nodes_known, " hosts alive",
        status.settled ? "" : "; still learning the fleet's state", "\n",  //
        "membership ", status.profile, "\n",                               //
        "services   ", status.services, ", ", status.replicas_healthy, " of ",
        status.replicas_wanted, " replicas healthy\n",  //
        "subnet     ", status.subnet.empty() ? "none claimed yet" : status.subnet, "\n");
    if (listing == Listing::wide) {
        out += base::concat("state      ", status.entries, " entries, digest ",
                            digest(status.state_digest), ", ", status.conflicts, " conflicts\n",
                            "plan       digest ", digest(status.plan_digest), "\n",  //
                            "packets    ", status.packets_in, " in, ", status.packets_dropped,
                            " dropped, ", status.refutations, " suspicions refuted\n",  //
                            "losses     ", status.hosts_lost, " hosts in ", status.cuts, " cuts, ",
                            status.loss_plans, " plans because of them\n");
    }
    if (!status.files.empty()) {
        out += base::concat("files\n", files_text(status.files));
    }
    if (!status.problems.empty()) {
        out += "problems\n";
        for (std::string const& problem : status.problems) {
            out += base::concat("  ", printable(problem), "\n");
        }
    }
    return out;
}

void sort_nearest(std::vector<agent::NodeReport>& nodes) {
    std::ranges::sort(nodes, {}, [](agent::NodeReport const& node) {
        bool const known = node.self || node.distance != base::Duration{};
        return std::tuple(!known, node.distance, std::string_view(node.name), node.id);
    });
}

std::string render(std::vector<agent::NodeReport> const& nodes, Listing listing) {
    if (listing == Listing::json) {
        return json_line(nodes);
    }
    bool const wide = listing == Listing::wide;
    Table table = wide ? Table{"NAME",      "STATUS", "FOR",      "ADDRESS", "SUBNET",
                               "INSTANCES", "RTT",    "MEASURED", "ID",      "CPUS",
                               "MEMORY",    "ARCH",   "RUNTIME",  "VERSION", "LABELS"}
                       : Table{"NAME", "STATUS", "FOR", "ADDRESS", "SUBNET", "INSTANCES", "RTT"};
    for (agent::NodeReport const& node : nodes) {
        std::vector<std::string> row{node.self ? base::concat(node.name, " *") : node.name,
                                     status_text(node),
                                     human_duration(node.since),
                                     to_string(node.address),
                                     node.subnet,
                                     std::to_string(node.instances),
                                     human_round_trip(node.distance)};
        if (wide) {
            row.insert(row.end(), {human_round_trip(node.round_trip), to_string(node.id),
                                   human_cpus(node.cpu_milli), human_bytes(node.memory_bytes),
                                   node.arch, node.runtime, node.version, joined(node.labels)});
        }
        table.add(std::move(row));
    }
    return table.text();
}

std::string render(std::vector<agent::ServiceReport> const& services, Listing listing) {
    if (listing == Listing::json) {
        return json_line(services);
    }
    bool const wide = listing == Listing::wide;
    Table table = wide ? Table{"SERVICE", "HEALTHY", "VIP",      "PORTS", "IMAGE",
                               "RUNNING", "MODE",    "REVISION", "NOTE"}
                       : Table{"SERVICE", "HEALTHY", "VIP", "PORTS", "IMAGE", "NOTE"};
    for (agent::ServiceReport const& service : services) {
        std::vector<std::string> row{service.service,
                                     base::concat(service.healthy, "/", service.replicas),
                                     service.vip ? to_string(*service.vip) : std::string(),
                                     joined(service.ports), service.image};
        if (wide) {
            row.insert(row.end(), {std::to_string(service.running),
                                   service.global ? "global" : "replicated", service.revision});
        }
        row.push_back(!service.message.empty() ? service.message
                      : service.updating       ? "updating"
                                               : "");
        table.add(std::move(row));
    }
    return table.text();
}

std::string render(std::vector<agent::InstanceReport> const& instances, Listing listing) {
    if (listing == Listing::json) {
        return json_line(instances);
    }
    bool const wide = listing == Listing::wide;
    Table table = wide ? Table{"INSTANCE",  "STATUS",   "NODE", "ADDRESS", "RESTARTS",
                               "CONTAINER", "REVISION", "EXIT", "NOTE"}
                       : Table{"INSTANCE", "STATUS", "NODE", "ADDRESS", "RESTARTS", "NOTE"};
    for (agent::InstanceReport const& instance : instances) {
        std::vector<std::string> row{
            base::concat(instance.service, "/", instance.slot),
            base::concat(to_string(instance.status), instance.old_revision ? " (old)" : ""),
            instance.node, address_or_empty(instance.address), std::to_string(instance.restarts)};
        if (wide) {
            row.insert(row.end(),
                       {instance.id, instance.revision,
                        instance.exit_code ? std::to_string(*instance.exit_code) : std::string()});
        }
        row.push_back(instance.message);
        table.add(std::move(row));
    }
    return table.text();
}

std::string render(std::vector<agent::ConflictReport> const& conflicts, Listing listing) {
    if (listing == Listing::json) {
        return json_line(conflicts);
    }
    bool const wide = listing == Listing::wide;
    constexpr std::size_t short_id = 8;
    Table table{"ID", "WHAT", "KEPT", "WRITTEN BY", "LOST", "WRITTEN BY", "NOTE"};
    for (agent::ConflictReport const& conflict : conflicts) {
        table.add({wide ? conflict.id : conflict.id.substr(0, short_id), conflict.key,
                   conflict.kept, conflict.kept_by, conflict.lost, conflict.lost_by,
                   conflict.current ? "" : "changed again since"});
    }
    return table.text();
}

std::string render(std::vector<agent::ChangeReport> const& changes, Listing listing) {
    if (listing == Listing::json) {
        return json_line(changes);
    }
    if (changes.empty()) {
        return "nothing would start, stop, move or be replaced\n";
    }
    static constexpr std::array<std::string_view, 5> verbs{"start", "stop", "move", "replace",
                                                           "wait"};
    Table table{"INSTANCE", "CHANGE", "NODE", "FROM", "REVISION", "NOTE"};
    for (agent::ChangeReport const& change : changes) {
        table.add({base::concat(change.service, "/", change.slot),
                   std::string(verbs[static_cast<std::size_t>(change.kind)]), change.node,
                   change.from, change.revision, change.message});
    }
    return table.text();
}

std::string render(std::vector<net::ImageReport> const& images, Listing listing) {
    if (listing == Listing::json) {
        return json_line(images);
    }
    constexpr std::size_t short_id = 19;  // "sha256:" and 12 digits
    Table table{"IMAGE", "ID", "SIZE"};
    for (net::ImageReport const& image : images) {
        table.add({image.reference,
                   listing == Listing::wide ? image.id : image.id.substr(0, short_id),
                   human_bytes(image.bytes)});
    }
    return table.text();
}

}  // namespace cmd
