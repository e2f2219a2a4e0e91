#pragma once

#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "spec/compose_report.h"
#include "spec/spec.h"

namespace spec {

// What the top level says about the things that services name.
struct Definitions {
    struct Network {
        std::string name;
        bool internal{};
    };

    struct NamedVolume {
        std::string name;
        Volume volume;
    };

    std::string project;
    std::string folder;                       // of the file, for paths relative to it
    std::map<std::string, Network> networks;  // by key, as the others
    std::map<std::string, NamedVolume> volumes;
    std::map<std::string, FileMount> secrets;  // name, origin and from
    std::map<std::string, FileMount> configs;
};

void read_network_definitions(Report& report, Field const& field, Definitions& definitions);
void read_volume_definitions(Report& report, Field const& field, Definitions& definitions);
void read_secret_definitions(Report& report, Field const& field, Definitions& definitions);
void read_config_definitions(Report& report, Field const& field, Definitions& definitions);

// A service as far as its own part of the file says; where its ports, dependencies and counts are
// written, for the checks that need more than one key.
struct Draft {
    ServiceSpec spec;
    Field field;
    Definitions const* definitions{};
    std::vector<std::pair<Port, Field>> ports;
    std::vector<std::pair<Dependency, Field>> depends_on;
    std::optional<std::pair<std::uint32_t, Field>> scale;
    std::optional<std::pair<std::uint32_t, Field>> replicas;
    Resources limits;                // as the service's own keys say, not `deploy`
    Resources reservations;          // the same
    std::optional<Field> resources;  // of `deploy`
    std::optional<Field> networks;
    std::optional<Field> network_mode;
    std::optional<base::Duration> pull_refresh_after;
    bool has_restart_policy{};  // which goes before `restart`
};

inline ServiceSpec const& essence(Draft const& draft) {
    return draft.spec;
}

// The service under services.NAME. What is wrong with it is in the report.
[[nodiscard]] Draft read_service(Report& report, Field const& field,
                                 Definitions const& definitions);

inline constexpr std::string_view service_scope = "services.*";

// The keys of a service by subject; each file has a table of its own.
[[nodiscard]] std::span<Key<Draft> const> isolation_keys();
[[nodiscard]] std::span<Key<Draft> const> networking_keys();
[[nodiscard]] std::span<Key<Draft> const> process_keys();
[[nodiscard]] std::span<Key<Draft> const> resource_keys();
[[nodiscard]] std::span<Key<Draft> const> storage_keys();

// The keys with a grammar of their own, one file each.
void read_ports(Report& report, Field const& field, Draft& draft);
void read_expose(Report& report, Field const& field, Draft& draft);
void read_healthcheck(Report& report, Field const& field, Draft& draft);
void read_deploy(Report& report, Field const& field, Draft& draft);
void read_restart(Report& report, Field const& field, Draft& draft);
void read_extension(Report& report, Field const& field, Draft& draft);
// Puts a service that names no networks on the project's default one.
void attach_default(Draft& draft);
void read_devices(Report& report, Field const& field, Draft& draft);
void read_device_requests(Report& report, Field const& field, Draft& draft);
void read_file_mounts(Report& report, Field const& field, Draft& draft);

// Text cut into words, or a list.
[[nodiscard]] std::optional<std::vector<std::string>> read_argv(Report& report, Field const& field);
// A path in the container in its one form (valid_container_path).
[[nodiscard]] std::optional<std::string> read_container_path(Report& report, Field const& field,
                                                             std::string_view text);

// Readers of one member, for tables of keys: of a group of the service, or of the service.
template <auto group, auto member>
void read_flag(Report& report, Field const& field, Draft& draft) {
    auto& target = draft.spec.*group.*member;
    target = read_bool(report, field).value_or(target);
}

template <auto group, auto member>
void read_line(Report& report, Field const& field, Draft& draft) {
    draft.spec.*group.*member = read_text(report, field).value_or("");
}

template <auto group, auto member>
void read_set(Report& report, Field const& field, Draft& draft) {
    draft.spec.*group.*member = read_text_set(report, field);
}

template <auto group, auto member>
void read_list(Report& report, Field const& field, Draft& draft) {
    draft.spec.*group.*member = read_texts(report, field);
}

template <auto group, auto member>
void read_map(Report& report, Field const& field, Draft& draft) {
    draft.spec.*group.*member = read_pairs(report, field, Unset::empty);
}

}  // namespace spec
