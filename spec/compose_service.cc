#include "spec/compose_service.h"

#include <algorithm>
#include <array>

#include "base/text.h"
#include "spec/compose_text.h"
#include "spec/compose_units.h"
#include "spec/rules.h"

namespace spec {

namespace {

void read_image(Report& report, Field const& field, Draft& draft) {
    std::optional<std::string> image = read_text(report, field);
    if (!image) {
        return;
    }
    if (!valid_image(*image)) {
        report.expected(field, "an image such as nginx:1.27 or registry.example/team/app:2");
        return;
    }
    draft.spec.image = *std::move(image);
}

std::optional<std::vector<std::string>> read_argv(Report& report, Field const& field) {
    if (field.value->kind == Node::Kind::scalar) {
        std::optional<std::string> const line = read_text(report, field);
        if (!line) {
            return std::nullopt;
        }
        auto words = split_command(*line);
        if (!words) {
            report.error(field, base::concat(words.error(), "; found ", quote(*line)));
            return std::nullopt;
        }
        return *std::move(words);
    }
    std::vector<std::string> argv;
    for (Field const& item : read_items(report, field, "text or a list")) {
        argv.push_back(read_text(report, item).value_or(""));
    }
    return argv;
}

void read_command(Report& report, Field const& field, Draft& draft) {
    // Compose reads null as "the image's", unlike an empty list.
    if (field.value->kind != Node::Kind::null) {
        draft.spec.command = read_argv(report, field);
    }
}

void read_entrypoint(Report& report, Field const& field, Draft& draft) {
    if (field.value->kind != Node::Kind::null) {
        draft.spec.entrypoint = read_argv(report, field);
    }
}

void read_environment(Report& report, Field const& field, Draft& draft) {
    draft.spec.environment = read_pairs(report, field, Unset::dropped);
}

void read_labels(Report& report, Field const& field, Draft& draft) {
    draft.spec.labels = read_pairs(report, field, Unset::empty);
}

void read_working_dir(Report& report, Field const& field, Draft& draft) {
    std::optional<std::string> dir = read_text(report, field);
    if (!dir) {
        return;
    }
    if (!dir->starts_with('/')) {
        report.expected(field, "an absolute path");
        return;
    }
    draft.spec.working_dir = *std::move(dir);
}

void read_user(Report& report, Field const& field, Draft& draft) {
    std::optional<std::string> user = read_filled_text(report, field);
    if (!user) {
        return;
    }
    auto const bad = [](char c) { return c == ' ' || c == '\t' || c == '\n' || c == '/'; };
    if (std::ranges::any_of(*user, bad) || std::ranges::count(*user, ':') > 1) {
        report.expected(field, "USER or USER:GROUP, as names or numbers");
        return;
    }
    draft.spec.user = *std::move(user);
}

std::optional<Condition> read_condition(Report& report, Field const& field) {
    static constexpr std::array<std::pair<std::string_view, Condition>, 3> conditions{
        {{"service_started", Condition::started},
         {"service_healthy", Condition::healthy},
         {"service_completed_successfully", Condition::completed}}};
    auto const* const found = std::ranges::find(conditions, std::string_view(field.value->text),
                                                &std::pair<std::string_view, Condition>::first);
    if (field.value->kind != Node::Kind::scalar || found == conditions.end()) {
        report.expected(field,
                        "service_started, service_healthy or service_completed_successfully");
        return std::nullopt;
    }
    return found->second;
}

void read_long_dependency(Report& report, Field const& field, Dependency& dependency) {
    static constexpr std::array<Key<Dependency>, 1> keys{
        {{"condition", [](Report& to, Field const& at, Dependency& target) {
              target.condition = read_condition(to, at).value_or(Condition::started);
          }}}};
    read_keys<Dependency>(report, field, dependency, keys);
}

void read_depends_on(Report& report, Field const& field, Draft& draft) {
    if (field.value->kind == Node::Kind::map) {
        for (Field const& entry : read_entries(report, field, "a map")) {
            Dependency dependency{entry.key->text, Condition::started};
            read_long_dependency(report, entry, dependency);
            draft.depends_on.emplace_back(std::move(dependency), entry);
        }
        return;
    }
    for (Field const& item : read_items(report, field, "a list or a map of services")) {
        std::optional<std::string> name = read_text(report, item);
        if (name) {
            draft.depends_on.emplace_back(Dependency{*std::move(name), Condition::started}, item);
        }
    }
}

void read_stop_grace_period(Report& report, Field const& field, Draft& draft) {
    draft.spec.stop_grace_period =
        read_duration(report, field, base::Duration::zero()).value_or(draft.spec.stop_grace_period);
}

void read_scale(Report& report, Field const& field, Draft& draft) {
    if (auto const count = read_number(report, field, 0, replicas_max)) {
        draft.scale.emplace(static_cast<std::uint32_t>(*count), field);
    }
}

constexpr std::array<Key<Draft>, 14> service_keys{{
    {"command", read_command},
    {"depends_on", read_depends_on},
    {"deploy", read_deploy},
    {"entrypoint", read_entrypoint},
    {"environment", read_environment},
    {"expose", read_expose},
    {"healthcheck", read_healthcheck},
    {"image", read_image},
    {"labels", read_labels},
    {"ports", read_ports},
    {"scale", read_scale},
    {"stop_grace_period", read_stop_grace_period},
    {"user", read_user},
    {"working_dir", read_working_dir},
}};

void settle_replicas(Report& report, Draft& draft) {
    if (draft.scale && draft.replicas && draft.scale->first != draft.replicas->first) {
        report.error(draft.scale->second,
                     base::concat("expected the same number as deploy.replicas, ",
                                  draft.replicas->first, ", found ", draft.scale->first));
    }
    auto const& count = draft.replicas ? draft.replicas : draft.scale;
    if (!count) {
        return;
    }
    if (draft.spec.mode == Mode::global) {
        report.error(count->second,
                     "expected no number of replicas, because mode global runs one on every host");
        return;
    }
    draft.spec.replicas = count->first;
}

template <class T>
void sort_unique(std::vector<T>& list) {
    std::ranges::sort(list);
    auto const repeated = std::ranges::unique(list);
    list.erase(repeated.begin(), repeated.end());
}

// Ports without a published one are `expose` for TCP, which has no list of its own for UDP.
void settle_ports(Draft& draft) {
    ServiceSpec& spec = draft.spec;
    for (auto const& [port, field] : draft.ports) {
        if (port.published == 0 && port.protocol == Protocol::tcp) {
            spec.expose.push_back(port.target);
        } else {
            spec.ports.push_back(port);
        }
    }
    sort_unique(spec.ports);
    sort_unique(spec.expose);
    auto const covered = [&spec](Protocol protocol, std::uint16_t target) {
        return std::ranges::any_of(spec.ports, [&](Port const& port) {
            return port.published != 0 && port.protocol == protocol && port.target == target;
        });
    };
    std::erase_if(spec.expose,
                  [&](std::uint16_t target) { return covered(Protocol::tcp, target); });
    std::erase_if(spec.ports, [&](Port const& port) {
        return port.published == 0 && covered(port.protocol, port.target);
    });
}

}  // namespace

Draft read_service(Report& report, Field const& field, std::string_view project) {
    Draft draft;
    draft.field = field;
    draft.spec.project = project;
    draft.spec.name = field.key->text;
    if (!valid_name(draft.spec.name)) {
        report.error(Field{field.key, nullptr, field.path},
                     "expected a service name of a-z, 0-9, _ and -, at most 63, not beginning "
                     "with _ or -");
    }
    if (field.value->kind != Node::Kind::map) {
        report.expected(field, "a map");
        return draft;
    }
    read_keys<Draft>(report, field, draft, service_keys);
    bool const has_image = std::ranges::any_of(
        field.value->entries, [](Node::Entry const& entry) { return entry.key->text == "image"; });
    if (!has_image) {
        report.error(Field{field.key, nullptr, field.path}, "expected an image, found none");
    }
    settle_replicas(report, draft);
    settle_ports(draft);
    for (auto const& [dependency, at] : draft.depends_on) {
        draft.spec.depends_on.push_back(dependency);
    }
    sort_unique(draft.spec.depends_on);
    return draft;
}

}  // namespace spec
