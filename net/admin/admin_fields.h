#pragma once

#include <array>
#include <concepts>
#include <string_view>
#include <type_traits>
#include <utility>

#include "net/admin/admin_json.h"

// The fields of every body of the admin protocol, by name, and the forms of those that JSON has no
// type for (internal to admin_json.cc).
namespace net {

inline constexpr auto node_status_names =
    std::to_array<std::pair<agent::NodeStatus, std::string_view>>({
        {agent::NodeStatus::alive, "alive"},
        {agent::NodeStatus::suspect, "suspect"},
        {agent::NodeStatus::unsteady, "unsteady"},
        {agent::NodeStatus::restarting, "restarting"},
        {agent::NodeStatus::leaving, "leaving"},
        {agent::NodeStatus::down, "down"},
        {agent::NodeStatus::left, "left"},
        {agent::NodeStatus::evicted, "evicted"},
    });

inline constexpr auto instance_status_names =
    std::to_array<std::pair<agent::InstanceStatus, std::string_view>>({
        {agent::InstanceStatus::pending, "pending"},
        {agent::InstanceStatus::waiting, "waiting"},
        {agent::InstanceStatus::starting, "starting"},
        {agent::InstanceStatus::running, "running"},
        {agent::InstanceStatus::healthy, "healthy"},
        {agent::InstanceStatus::draining, "draining"},
        {agent::InstanceStatus::stopping, "stopping"},
        {agent::InstanceStatus::backoff, "backoff"},
        {agent::InstanceStatus::failed, "failed"},
        {agent::InstanceStatus::completed, "completed"},
    });

inline constexpr auto settling_names = std::to_array<std::pair<agent::Settling, std::string_view>>({
    {agent::Settling::restore, "restore"},
    {agent::Settling::dismiss, "dismiss"},
});

inline constexpr auto change_kind_names =
    std::to_array<std::pair<agent::ChangeKind, std::string_view>>({
        {agent::ChangeKind::start, "start"},
        {agent::ChangeKind::stop, "stop"},
        {agent::ChangeKind::move, "move"},
        {agent::ChangeKind::replace, "replace"},
        {agent::ChangeKind::wait, "wait"},
    });

constexpr auto const& names_of(agent::ChangeKind) {
    return change_kind_names;
}

constexpr auto const& names_of(agent::Settling) {
    return settling_names;
}

constexpr auto const& names_of(agent::NodeStatus) {
    return node_status_names;
}

constexpr auto const& names_of(agent::InstanceStatus) {
    return instance_status_names;
}

// A 64-bit hash: as a string, since many JSON readers keep 53 bits of a number.
template <class Value>
struct Digest {
    Value& value;
};

// A duration below milliseconds.
template <class Value>
struct Microseconds {
    Value& value;
};

// A field that bodies of earlier versions lack: it stays as it is then.
template <class Value>
struct Later {
    Value& value;
};

// "usual", "local", "all" or a number.
template <class Terms>
struct AckHosts {
    Terms& terms;
};

// Bytes that need not be text.
template <class Value>
struct Blob {
    Value& value;
};

template <class T, class Target>
concept Is = std::same_as<std::remove_const_t<T>, Target>;

// One list of fields serves both directions: `Body` is const when an archive writes.
template <class Archive, Is<agent::NodeReport> Body>
void fields(Archive& archive, Body& body) {
    archive("id", body.id);
    archive("name", body.name);
    archive("address", body.address);
    archive("status", body.status);
    archive("self", body.self);
    archive("current", body.current);
    archive("disk_full", body.disk_full);
    archive("subnet", body.subnet);
    archive("cpu_milli", body.cpu_milli);
    archive("memory_bytes", body.memory_bytes);
    archive("arch", body.arch);
    archive("runtime", body.runtime);
    archive("version", body.version);
    archive("labels", body.labels);
    archive("instances", body.instances);
    archive("since_ms", body.since);
    archive("silent_ms", body.silent);
    archive("round_trip_us", Microseconds{body.round_trip});
    archive("distance_us", Microseconds{body.distance});
}

template <class Archive, Is<agent::InstanceReport> Body>
void fields(Archive& archive, Body& body) {
    archive("service", body.service);
    archive("slot", body.slot);
    archive("status", body.status);
    archive("id", body.id);
    archive("node", body.node);
    archive("node_id", body.node_id);
    archive("address", body.address);
    archive("revision", body.revision);
    archive("old_revision", body.old_revision);
    archive("restarts", body.restarts);
    archive("exit_code", body.exit_code);
    archive("message", body.message);
}

template <class Archive, Is<agent::ChangeReport> Body>
void fields(Archive& archive, Body& body) {
    archive("kind", body.kind);
    archive("service", body.service);
    archive("slot", body.slot);
    archive("node", body.node);
    archive("from", body.from);
    archive("revision", body.revision);
    archive("message", body.message);
}

template <class Archive, Is<agent::ServiceReport> Body>
void fields(Archive& archive, Body& body) {
    archive("service", body.service);
    archive("image", body.image);
    archive("global", body.global);
    archive("replicas", body.replicas);
    archive("healthy", body.healthy);
    archive("running", body.running);
    archive("revision", body.revision);
    archive("updating", body.updating);
    archive("vip", body.vip);
    archive("ports", body.ports);
    archive("message", body.message);
}

template <class Archive, Is<agent::FileReport> Body>
void fields(Archive& archive, Body& body) {
    archive("name", body.name);
    archive("usable", body.usable);
    archive("services", body.services);
    archive("messages", body.messages);
}

template <class Archive, Is<agent::StatusReport> Body>
void fields(Archive& archive, Body& body) {
    archive("id", body.id);
    archive("name", body.name);
    archive("address", body.address);
    archive("profile", body.profile);
    archive("settled", body.settled);
    archive("nodes_alive", body.nodes_alive);
    archive("nodes_known", body.nodes_known);
    archive("services", body.services);
    archive("replicas_wanted", body.replicas_wanted);
    archive("replicas_healthy", body.replicas_healthy);
    archive("subnet", body.subnet);
    archive("entries", body.entries);
    archive("state_digest", Digest{body.state_digest});
    archive("plan_digest", Digest{body.plan_digest});
    archive("conflicts", body.conflicts);
    archive("packets_in", body.packets_in);
    archive("packets_dropped", body.packets_dropped);
    archive("refutations", body.refutations);
    archive("hosts_lost", body.hosts_lost);
    archive("cuts", body.cuts);
    archive("loss_plans", body.loss_plans);
    archive("files", body.files);
    archive("problems", body.problems);
}

template <class Archive, Is<ImageReport> Body>
void fields(Archive& archive, Body& body) {
    archive("reference", body.reference);
    archive("id", body.id);
    archive("bytes", body.bytes);
}

template <class Archive, Is<InfoReport> Body>
void fields(Archive& archive, Body& body) {
    archive("version", body.version);
    archive("runtime", body.runtime);
    archive("pid", body.pid);
}

template <class Archive, Is<agent::ConflictReport> Body>
void fields(Archive& archive, Body& body) {
    archive("id", body.id);
    archive("key", body.key);
    archive("kept", body.kept);
    archive("kept_by", body.kept_by);
    archive("lost", body.lost);
    archive("lost_by", body.lost_by);
    archive("current", body.current);
}

template <class Archive, Is<ChangeReport> Body>
void fields(Archive& archive, Body& body) {
    archive("changed", body.changed);
    archive("hosts", body.hosts);
    archive("wanted", body.wanted);
}

template <class Archive, Is<agent::AckTerms> Body>
void fields(Archive& archive, Body& body) {
    AckHosts hosts{body};
    archive("ack", Later{hosts});
    archive("ack_timeout_ms", Later{body.timeout});
}

template <class Archive, Is<runtime::LogPart> Body>
void fields(Archive& archive, Body& body) {
    archive("from", body.from);
    archive("base64", Blob{body.text});
    archive("end", body.end);
}

template <class Archive, Is<ApplyRequest> Body>
void fields(Archive& archive, Body& body) {
    archive("specs", body.services);
    fields(archive, body.terms);
}

template <class Archive, Is<RemoveRequest> Body>
void fields(Archive& archive, Body& body) {
    archive("service", body.service);
    fields(archive, body.terms);
}

template <class Archive, Is<ScaleRequest> Body>
void fields(Archive& archive, Body& body) {
    archive("service", body.service);
    archive("replicas", body.replicas);
    fields(archive, body.terms);
}

template <class Archive, Is<EvictRequest> Body>
void fields(Archive& archive, Body& body) {
    archive("host", body.host);
    archive("undo", body.undo);
    fields(archive, body.terms);
}

template <class Archive, Is<ConflictRequest> Body>
void fields(Archive& archive, Body& body) {
    archive("id", body.id);
    archive("how", body.how);
    fields(archive, body.terms);
}

template <class Archive, Is<TokenRequest> Body>
void fields(Archive& archive, Body& body) {
    archive("ttl_seconds", body.ttl_seconds);
    archive("uses", body.uses);
}

template <class Archive, Is<LoadRequest> Body>
void fields(Archive& archive, Body& body) {
    archive("path", body.path);
}

template <class Archive, Is<TokenReply> Body>
void fields(Archive& archive, Body& body) {
    archive("token", body.token);
}

template <class Archive, Is<ErrorReply> Body>
void fields(Archive& archive, Body& body) {
    archive("error", body.error);
}

template <class Archive, Is<EmptyReply> Body>
void fields(Archive&, Body&) {}

}  // namespace net
