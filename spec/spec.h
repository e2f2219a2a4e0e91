#pragma once

#include <cstdint>
#include <expected>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/time.h"
#include "spec/cgroup.h"
#include "spec/deploy.h"
#include "spec/extension.h"
#include "spec/isolation.h"
#include "spec/networking.h"
#include "spec/process.h"
#include "spec/storage.h"

namespace spec {

enum class Protocol : std::uint8_t { tcp, udp };
// ingress: balanced over all replicas on every host; host: only to the replica of this host.
enum class PortMode : std::uint8_t { ingress, host };

struct Port {
    std::uint16_t target{};     // inside the container
    std::uint16_t published{};  // on every host; 0: only on the virtual IP
    Protocol protocol{};
    PortMode mode{};
    std::uint16_t published_last{};  // any of published..published_last; 0: just published
    std::string host_ip{};           // an address of the host; empty: all of them
    std::string name{};              // for people
    std::string app_protocol{};      // "http", for those who look
    friend auto operator<=>(Port const&, Port const&) = default;
};

enum class CheckKind : std::uint8_t { none, exec, tcp, http };

struct HealthCheck {
    CheckKind kind{};
    std::vector<std::string> command;  // exec: argv
    std::uint16_t port{};              // tcp, http
    std::string path;                  // http
    base::Duration interval = base::seconds(30);
    base::Duration timeout = base::seconds(30);
    base::Duration start_period{};
    base::Duration start_interval = base::seconds(5);
    std::uint32_t retries = 3;
    bool disabled{};  // the image's own check, too
    friend bool operator==(HealthCheck const&, HealthCheck const&) = default;
};

// Swarm's placement constraint "left == right" or "left != right"; `left` is node.id,
// node.hostname, node.role, node.platform.os, node.platform.arch or node.labels.NAME.
struct Constraint {
    std::string left;
    bool equal{};
    std::string right;
    friend auto operator<=>(Constraint const&, Constraint const&) = default;
};

enum class Condition : std::uint8_t { started, healthy, completed };

struct Dependency {
    std::string service;
    Condition condition{};
    bool restart{};        // with it, when it is replaced
    bool required = true;  // else a service that is not there is not waited for
    friend auto operator<=>(Dependency const&, Dependency const&) = default;
};

// Thousandths of a CPU, bytes of memory, number of processes; 0: not given.
struct Resources {
    std::uint64_t cpu_milli{};
    std::uint64_t memory_bytes{};
    std::uint64_t pids{};
    friend bool operator==(Resources const&, Resources const&) = default;
};

enum class Mode : std::uint8_t { replicated, global };

// What a service is, whatever file it came from: units resolved, defaults filled, lists that have
// no order sorted. Two files that mean the same give equal specs.
struct ServiceSpec {
    std::string project;  // [a-z0-9][a-z0-9_-]*, at most 63 bytes, as for the service name
    std::string name;
    std::string image;
    std::optional<std::vector<std::string>> entrypoint;  // nothing: the image's
    std::optional<std::vector<std::string>> command;     // nothing: the image's
    std::map<std::string, std::string> environment;
    std::string working_dir;  // empty: the image's
    std::string user;         // empty: the image's
    std::vector<Port> ports;
    std::vector<std::uint16_t> expose;  // TCP, on the virtual IP only
    HealthCheck health;
    Mode mode{};
    std::uint32_t replicas = 1;
    std::vector<Constraint> constraints;
    std::uint32_t max_replicas_per_node{};  // 0: no limit
    Resources limits;
    Resources reservations;
    std::vector<Dependency> depends_on;
    std::map<std::string, std::string> labels;
    base::Duration stop_grace_period = base::seconds(10);
    std::string container_name;  // empty: SERVICE-SLOT
    std::string platform;        // "linux/arm64"; empty: the host's
    std::map<std::string, std::string> annotations;
    Process process;
    Security security;
    Isolation isolation;
    Storage storage;
    Networking networking;
    Cgroup cgroup;
    Deploy deploy;
    Extension extension;
    friend bool operator==(ServiceSpec const&, ServiceSpec const&) = default;
};

inline constexpr std::uint32_t replicas_max = 10'000;
inline constexpr std::size_t encoded_max = 128 * 1024;

enum class Errc : std::uint8_t {
    malformed,  // no version writes this
    newer,      // a later version's, with what this build does not know: it is too old to run it
};

// The canonical encoding (versioned): equal specs have equal bytes on every host.
[[nodiscard]] base::Bytes encode(ServiceSpec const& spec);
[[nodiscard]] std::expected<ServiceSpec, Errc> decode(base::ByteView bytes);

// Names what a container of this service is made of: 16 hexadecimal digits of the stable hash of
// the canonical encoding without replicas, mode, constraints, `deploy` and `extension`. Scaling,
// moving and another way to update therefore keep the revision and restart nothing.
[[nodiscard]] std::string revision(ServiceSpec const& spec);

// "project/name", the key of a service in the shared state.
[[nodiscard]] std::string service_key(ServiceSpec const& spec);
[[nodiscard]] bool valid_name(std::string_view name);

}  // namespace spec
