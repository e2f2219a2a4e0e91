#include <algorithm>
#include <ranges>

#include "agent/machine.h"
#include "base/hash.h"
#include "base/text.h"

namespace agent {

namespace {

constexpr std::size_t full_disks_named_max = 8;

NodeStatus to_status(gossip::State state) {
    switch (state) {
        case gossip::State::alive:
            return NodeStatus::alive;
        case gossip::State::suspect:
            return NodeStatus::suspect;
        case gossip::State::unsteady:
        case gossip::State::absent:
            return NodeStatus::unsteady;
        case gossip::State::restarting:
            return NodeStatus::restarting;
        case gossip::State::leaving:
            return NodeStatus::leaving;
        case gossip::State::down:
            return NodeStatus::down;
        case gossip::State::left:
            return NodeStatus::left;
        case gossip::State::evicted:
            return NodeStatus::evicted;
    }
    return NodeStatus::down;
}

InstanceStatus to_status(runtime::Phase phase) {
    switch (phase) {
        case runtime::Phase::starting:
            return InstanceStatus::starting;
        case runtime::Phase::running:
            return InstanceStatus::running;
        case runtime::Phase::healthy:
            return InstanceStatus::healthy;
        case runtime::Phase::draining:
            return InstanceStatus::draining;
        case runtime::Phase::stopping:
            return InstanceStatus::stopping;
        case runtime::Phase::backoff:
            return InstanceStatus::backoff;
        case runtime::Phase::failed:
            return InstanceStatus::failed;
        case runtime::Phase::completed:
            return InstanceStatus::completed;
    }
    return InstanceStatus::failed;
}

std::string port_text(spec::Port const& port) {
    std::string_view const protocol = port.protocol == spec::Protocol::udp ? "/udp" : "/tcp";
    return port.published != 0 ? base::concat(port.published, "->", port.target, protocol)
                               : base::concat(port.target, protocol);
}

std::string brake_text(Sight const& sight, base::Instant now) {
    auto const left = std::chrono::ceil<base::seconds>(sight.full_again - now);
    return base::concat("sees ", sight.seen, " of ", sight.roster,
                        " hosts: keeps what it runs, starts only services it sees nowhere; "
                        "fills up in ",
                        std::max<std::int64_t>(left.count(), 0), " s");
}

// The first few by name; empty if no disk is full.
std::string full_disks_text(Roster const& roster, State const& state) {
    std::vector<std::string_view> names;
    for (auto const& [id, live] : roster) {
        auto const facts = state.nodes().find(id);
        if (facts != state.nodes().end() && facts->second.disk_full) {
            names.push_back(live.name);
        }
    }
    if (names.empty()) {
        return {};
    }
    std::ranges::sort(names);
    std::string text;
    for (std::string_view const name : names | std::views::take(full_disks_named_max)) {
        text += base::concat(text.empty() ? "" : ", ", name);
    }
    if (names.size() > full_disks_named_max) {
        text += base::concat(" and ", names.size() - full_disks_named_max, " more");
    }
    return base::concat("disk full, or takes no writes, on ", text,
                        ": nothing new is placed there; make room");
}

InstanceReport not_placed(std::string const& service, std::uint32_t slot,
                          std::string_view message) {
    InstanceReport report;
    report.service = service;
    report.slot = slot;
    report.status = InstanceStatus::pending;
    report.message = message;
    return report;
}

// Services and slots that this host cannot run, or no host can, and why.
void add_what_does_not_run(State const& state, placement::Plan const& plan,
                           std::vector<std::string>& problems) {
    for (std::string const& service : state.newer()) {
        problems.push_back(
            base::concat(service,
                         ": written by a later version of the agent, which this one does not "
                         "understand: what it runs here stays as it is. Upgrade it"));
    }
    for (placement::Pending const& pending : plan.pending) {
        problems.push_back(
            base::concat(pending.service, '/', pending.slot, ": ", words(pending.obstacle)));
    }
}

}  // namespace

StatusReport Agent::Machine::status(base::Instant now) const {
    StatusReport report;
    report.id = config.id;
    report.name = config.facts.name;
    report.address = config.address;
    report.settled = settled;
    for (auto const& [id, member] : gossip.members()) {
        ++report.nodes_known;
        report.nodes_alive += answers(member.state) ? 1U : 0U;
    }
    report.subnet = subnet ? to_string(*subnet) : std::string();
    report.entries = map.size();
    report.state_digest = map.digest();
    report.plan_digest = digest(plan);
    report.conflicts = static_cast<std::uint32_t>(map.conflicts().all().size());
    report.packets_in = gossip.counters().packets_in;
    report.packets_dropped = gossip.counters().packets_dropped;
    report.refutations = gossip.counters().refutations;
    report.hosts_lost = cuts.lost();
    report.cuts = cuts.count();
    report.loss_plans = loss_plans;
    report.files = files.reports([&](std::string const& key) -> std::optional<std::uint64_t> {
        auto const found = state.services().find(key);
        if (found == state.services().end()) {
            return std::nullopt;
        }
        return base::stable_hash(spec::encode(found->second.spec));
    });
    for (ServiceReport const& service : services()) {
        ++report.services;
        report.replicas_wanted += service.replicas;
        report.replicas_healthy += service.healthy;
        if (!service.message.empty()) {
            report.problems.push_back(base::concat(service.service, ": ", service.message));
        }
    }
    add_what_does_not_run(state, plan, report.problems);
    if (evicted) {
        report.problems.push_back(base::concat(
            "this host was evicted from the fleet and runs nothing: on another host `agent evict "
            "--undo ",
            config.facts.name, "` takes it back"));
    }
    for (std::string& line : troubles.lines(now)) {
        report.problems.push_back(std::move(line));
    }
    report.problems.insert(report.problems.end(), clashing.begin(), clashing.end());
    if (std::string text = full_disks_text(roster, state); !text.empty()) {
        report.problems.push_back(std::move(text));
    }
    if (sight.braked()) {
        report.problems.push_back(brake_text(sight, now));
    }
    if (map.size() >= crdt::entries_max) {
        report.problems.push_back("the shared state is full: nothing new can be written");
    }
    for (FileReport const& file : report.files) {
        if (!file.usable) {
            report.problems.push_back(
                base::concat(file.name, ": not usable; what it asked for before stays"));
        }
    }
    return report;
}

std::vector<NodeReport> Agent::Machine::nodes(base::Instant now) const {
    std::map<base::NodeId, base::Prefix> subnets;
    for (auto const& [prefix, owner] : state.subnets()) {
        subnets[owner] = prefix;
    }
    std::vector<NodeReport> reports;
    for (auto const& [id, member] : gossip.members()) {
        NodeReport report;
        report.id = id;
        report.name = member.name;
        report.address = member.address;
        report.status = to_status(member.state);
        report.self = id == config.id;
        report.current = roster.contains(id);
        report.since = now - member.since;
        report.silent = member.state == gossip::State::absent ? report.since : base::Duration{};
        report.round_trip = member.round_trip;
        if (!report.self && gossip::is_live(member.state)) {
            report.distance = gossip.distance(config.id, id).value_or(base::Duration{});
        }
        if (auto const facts = state.nodes().find(id); facts != state.nodes().end()) {
            report.disk_full = facts->second.disk_full;
            report.cpu_milli = facts->second.cpu_milli;
            report.memory_bytes = facts->second.memory_bytes;
            report.arch = facts->second.arch;
            report.runtime = facts->second.runtime;
            report.version = facts->second.version;
            for (auto const& [name, value] : facts->second.labels) {
                report.labels.push_back(base::concat(name, '=', value));
            }
        }
        if (auto const claimed = subnets.find(id); claimed != subnets.end()) {
            report.subnet = to_string(claimed->second);
        }
        auto const held = state.instances().find(id);
        if (held != state.instances().end() && report.current) {
            report.instances = static_cast<std::uint32_t>(held->second.size());
        }
        reports.push_back(std::move(report));
    }
    std::ranges::sort(reports, {},
                      [](NodeReport const& report) { return std::pair(report.name, report.id); });
    return reports;
}

std::vector<ServiceReport> Agent::Machine::services() const {
    std::map<std::string_view, std::vector<InstanceRecord const*>> held;
    for (auto const& [node, records] : state.instances()) {
        if (roster.contains(node)) {
            for (auto const& [slot, record] : records) {
                held[slot.service].push_back(&record);
            }
        }
    }
    std::map<std::string_view, std::uint32_t> planned;
    for (placement::Assignment const& assignment : plan.assignments) {
        ++planned[assignment.service];
    }
    std::vector<ServiceReport> reports;
    for (auto const& [key, service] : state.services()) {
        ServiceReport report;
        report.service = key;
        report.image = service.spec.image;
        report.global = service.spec.mode == spec::Mode::global;
        report.replicas = report.global ? planned[key] : state.replicas(key);
        report.revision = service.revision;
        report.vip = state.vip(key);
        for (spec::Port const& port : service.spec.ports) {
            report.ports.push_back(port_text(port));
        }
        for (InstanceRecord const* record : held[key]) {
            bool const healthy = record->phase == runtime::Phase::healthy;
            report.healthy += healthy ? 1U : 0U;
            report.running += healthy || record->phase == runtime::Phase::running ? 1U : 0U;
            report.updating = report.updating || record->revision != service.revision;
        }
        if (auto const refused = balancing.refused.find(key); refused != balancing.refused.end()) {
            report.message = refused->second;
        }
        reports.push_back(std::move(report));
    }
    return reports;
}

std::vector<InstanceReport> Agent::Machine::instances(std::string const& service) const {
    std::vector<InstanceReport> reports;
    for (auto const& [node, records] : state.instances()) {
        auto const live = roster.find(node);
        if (live == roster.end()) {
            continue;
        }
        for (auto const& [slot, record] : records) {
            if (!service.empty() && slot.service != service) {
                continue;
            }
            InstanceReport report;
            report.service = slot.service;
            report.slot = slot.slot;
            report.status = to_status(record.phase);
            if (record.container.empty() && !record.message.empty()) {
                report.status = InstanceStatus::waiting;
            }
            report.id = record.container;
            report.node = live->second.name;
            report.node_id = node;
            report.address = record.address;
            report.revision = record.revision;
            auto const known = state.services().find(slot.service);
            report.old_revision =
                known == state.services().end() || known->second.revision != record.revision;
            report.restarts = record.restarts;
            report.exit_code = record.exit_code;
            report.message = record.message;
            reports.push_back(std::move(report));
        }
    }
    for (placement::Pending const& waiting : plan.pending) {
        if (service.empty() || waiting.service == service) {
            reports.push_back(not_placed(waiting.service, waiting.slot, words(waiting.obstacle)));
        }
    }
    for (placement::Assignment const& waiting : held_back) {
        if (service.empty() || waiting.service == service) {
            reports.push_back(
                not_placed(waiting.service, waiting.slot,
                           "too little of the fleet is in sight: see `agent status`"));
        }
    }
    std::ranges::sort(reports, {}, [](InstanceReport const& report) {
        return std::tuple(report.service, report.slot, report.node_id);
    });
    return reports;
}

}  // namespace agent
