#include <array>

#include "base/text.h"
#include "spec/compose_path.h"
#include "spec/compose_service.h"
#include "spec/compose_text.h"

// The top-level networks, volumes, secrets and configs.
namespace spec {

namespace {

// What the four kinds have in common, and what each has alone.
struct Definition {
    std::string folder;
    std::optional<std::string> name;
    bool external{};
    bool internal{};
    Volume volume;
    FileOrigin origin = FileOrigin::external;
    std::string from;
    std::optional<Field> origin_field;
};

void read_name(Report& report, Field const& field, Definition& definition) {
    definition.name = read_filled_text(report, field);
}

void read_internal(Report& report, Field const& field, Definition& definition) {
    definition.internal = read_bool(report, field).value_or(false);
}

template <std::string_view const& scope>
void read_external(Report& report, Field const& field, Definition& definition) {
    if (field.value->kind == Node::Kind::map) {
        definition.external = true;
        for (Field const& entry : read_entries(report, field, "a map")) {
            if (entry.key->text != "name") {
                report.unknown(entry, scope);
                continue;
            }
            report.note(entry, scope, "name");
            read_name(report, entry, definition);
        }
        return;
    }
    definition.external = read_bool(report, field).value_or(false);
}

void read_driver(Report& report, Field const& field, Definition& definition) {
    std::string driver = read_text(report, field).value_or("");
    definition.volume.driver = driver == "local" ? "" : std::move(driver);
}

void read_driver_opts(Report& report, Field const& field, Definition& definition) {
    definition.volume.driver_opts = read_pairs(report, field, Unset::empty);
}

void read_labels(Report& report, Field const& field, Definition& definition) {
    definition.volume.labels = read_pairs(report, field, Unset::empty);
}

void ignore_labels(Report& report, Field const& field, Definition&) {
    static_cast<void>(read_pairs(report, field, Unset::empty));
}

template <FileOrigin origin>
void read_origin(Report& report, Field const& field, Definition& definition) {
    if (definition.origin_field) {
        report.error(field, base::concat("expected one of file, environment and content, found ",
                                         definition.origin_field->path, " too"));
    }
    definition.origin_field = field;
    definition.origin = origin;
    definition.from = read_text(report, field).value_or("");
    if (origin == FileOrigin::file) {
        definition.from = host_path(report, field, definition.from, definition.folder);
    }
}

constexpr std::string_view network_external = "networks.*.external";
constexpr std::string_view volume_external = "volumes.*.external";
constexpr std::string_view secret_external = "secrets.*.external";
constexpr std::string_view config_external = "configs.*.external";

constexpr std::array<Key<Definition>, 3> network_keys{{
    {"external", read_external<network_external>},
    {"internal", read_internal},
    {"name", read_name},
}};

constexpr std::array<Key<Definition>, 5> volume_keys{{
    {"driver", read_driver},
    {"driver_opts", read_driver_opts},
    {"external", read_external<volume_external>},
    {"labels", read_labels},
    {"name", read_name},
}};

constexpr std::array<Key<Definition>, 5> secret_keys{{
    {"environment", read_origin<FileOrigin::environment>},
    {"external", read_external<secret_external>},
    {"file", read_origin<FileOrigin::file>},
    {"labels", ignore_labels},
    {"name", read_name},
}};

constexpr std::array<Key<Definition>, 6> config_keys{{
    {"content", read_origin<FileOrigin::content>},
    {"environment", read_origin<FileOrigin::environment>},
    {"external", read_external<config_external>},
    {"file", read_origin<FileOrigin::file>},
    {"labels", ignore_labels},
    {"name", read_name},
}};

// The name in the fleet: as it is given, or the key, with the project before it where the thing
// belongs to the project.
std::string name_of(Definition const& definition, std::string const& key,
                    std::string const& project) {
    if (definition.name) {
        return *definition.name;
    }
    return definition.external ? key : base::concat(project, '_', key);
}

template <class Take>
void read_all(Report& report, Field const& field, Definitions const& definitions,
              std::string_view scope, std::span<Key<Definition> const> keys, Take take) {
    if (field.value->kind == Node::Kind::null) {
        return;
    }
    for (Field const& entry : read_entries(report, field, "a map")) {
        if (entry.key->text.starts_with("x-")) {
            continue;
        }
        Definition definition;
        definition.folder = definitions.folder;
        if (entry.value->kind != Node::Kind::null) {
            read_keys<Definition>(report, entry, definition, scope, keys);
        }
        if (definition.external && definition.origin_field) {
            report.error(*definition.origin_field,
                         "expected nothing beside external: true, found a source");
        }
        std::size_t const size = name_of(definition, entry.key->text, definitions.project).size();
        if (entry.key->text.empty() || size > yaml_key_max) {
            report.error(Field{entry.key, nullptr, entry.path},
                         base::concat("expected a name of at most ", yaml_key_max, " bytes"));
            continue;
        }
        take(entry, definition);
    }
}

void read_files(Report& report, Field const& field, Definitions const& definitions,
                std::string_view scope, std::span<Key<Definition> const> keys,
                std::map<std::string, FileMount>& out) {
    read_all(report, field, definitions, scope, keys,
             [&](Field const& entry, Definition const& definition) {
                 if (!definition.external && !definition.origin_field) {
                     report.warning(entry, "no source is given; a service cannot use it");
                     return;
                 }
                 FileMount file;
                 file.name = name_of(definition, entry.key->text, definitions.project);
                 file.origin = definition.origin;
                 file.from = definition.from;
                 out[entry.key->text] = std::move(file);
             });
}

}  // namespace

void read_network_definitions(Report& report, Field const& field, Definitions& definitions) {
    read_all(report, field, definitions, "networks.*", network_keys,
             [&](Field const& entry, Definition const& definition) {
                 definitions.networks[entry.key->text] = {
                     name_of(definition, entry.key->text, definitions.project),
                     definition.internal};
             });
}

void read_volume_definitions(Report& report, Field const& field, Definitions& definitions) {
    read_all(report, field, definitions, "volumes.*", volume_keys,
             [&](Field const& entry, Definition const& definition) {
                 Volume volume = definition.volume;
                 volume.external = definition.external;
                 definitions.volumes[entry.key->text] = {
                     name_of(definition, entry.key->text, definitions.project), std::move(volume)};
             });
}

void read_secret_definitions(Report& report, Field const& field, Definitions& definitions) {
    read_files(report, field, definitions, "secrets.*", secret_keys, definitions.secrets);
}

void read_config_definitions(Report& report, Field const& field, Definitions& definitions) {
    read_files(report, field, definitions, "configs.*", config_keys, definitions.configs);
}

}  // namespace spec
