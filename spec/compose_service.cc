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

void read_dependency_restart(Report& report, Field const& field, Dependency& dependency) {
    dependency.restart = read_bool(report, field).value_or(false);
}

void read_required(Report& report, Field const& field, Dependency& dependency) {
    dependency.required = read_bool(report, field).value_or(true);
}

void read_long_dependency(Report& report, Field const& field, Dependency& dependency) {
    static constexpr std::array<Key<Dependency>, 3> keys{{
        {"condition",
         [](Report& to, Field const& at, Dependency& target) {
             target.condition = read_condition(to, at).value_or(Condition::started);
         }},
        {"required", read_required},
        {"restart", read_dependency_restart},
    }};
    if (field.value->kind != Node::Kind::null) {
        read_keys<Dependency>(report, field, dependency, "services.*.depends_on.*", keys);
    }
}

void read_depends_on(Report& report, Field const& field, Draft& draft) {
    if (field.value->kind == Node::Kind::map) {
        for (Field const& entry : read_entries(report, field, "a map")) {
            Dependency dependency;
            dependency.service = entry.key->text;
            read_long_dependency(report, entry, dependency);
            draft.depends_on.emplace_back(std::move(dependency), entry);
        }
        return;
    }
    for (Field const& item : read_items(report, field, "a list or a map of services")) {
        std::optional<std::string> name = read_text(report, item);
        if (name) {
            Dependency dependency;
            dependency.service = *std::move(name);
            draft.depends_on.emplace_back(std::move(dependency), item);
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

template <std::string ServiceSpec::* member>
void read_word(Report& report, Field const& field, Draft& draft) {
    draft.spec.*member = read_filled_text(report, field).value_or("");
}

void read_container_name(Report& report, Field const& field, Draft& draft) {
    std::string name = read_filled_text(report, field).value_or("");
    auto const known = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               std::string_view("_.-").contains(c);
    };
    if (name.size() > 128 || !std::ranges::all_of(name, known)) {
        report.expected(field, "a name of letters, digits, _, . and -, at most 128");
        return;
    }
    draft.spec.container_name = std::move(name);
}

void read_annotations(Report& report, Field const& field, Draft& draft) {
    draft.spec.annotations = read_pairs(report, field, Unset::empty);
}

// "every_12h"; days and weeks too, which durations elsewhere do not have.
std::optional<base::Duration> parse_age(std::string_view text) {
    bool const days = text.ends_with('d');
    if (!days && !text.ends_with('w')) {
        return parse_duration(text);
    }
    auto const count = base::parse_integer<std::uint16_t>(text.substr(0, text.size() - 1));
    std::chrono::hours const age((days ? 24 : 168) * count.value_or(0));
    return age > age.zero() && age <= duration_max ? std::optional<base::Duration>(age)
                                                   : std::nullopt;
}

void read_pull_policy(Report& report, Field const& field, Draft& draft) {
    static constexpr std::string_view every = "every_";
    std::string const& text = field.value->text;
    Deploy& deploy = draft.spec.deploy;
    if (text.starts_with(every) || text == "daily" || text == "weekly") {
        auto const age =
            parse_age(text == "daily"    ? std::string_view("1d")
                      : text == "weekly" ? std::string_view("1w")
                                         : std::string_view(text).substr(every.size()));
        if (!age || *age == base::Duration::zero()) {
            report.expected(field, "every_ and a duration, such as every_12h");
            return;
        }
        deploy.pull_policy = PullPolicy::refresh;
        deploy.pull_refresh_after = *age;
        return;
    }
    if (text == "build") {
        report.warning(
            field, "not supported on a fleet: hosts build no images; build and load it yourself");
        return;
    }
    static constexpr auto choices =
        std::to_array<Choice<PullPolicy>>({{"always", PullPolicy::always},
                                           {"never", PullPolicy::never},
                                           {"missing", PullPolicy::missing},
                                           {"if_not_present", PullPolicy::missing},
                                           {"refresh", PullPolicy::refresh},
                                           {"daily", PullPolicy::refresh},
                                           {"weekly", PullPolicy::refresh}});
    deploy.pull_policy = read_choice(report, field, choices).value_or(PullPolicy::missing);
}

void read_pull_refresh_after(Report& report, Field const& field, Draft& draft) {
    auto const age = parse_age(field.value->text);
    if (field.value->kind != Node::Kind::scalar || !age || *age == base::Duration::zero()) {
        report.expected(field, "a duration above zero such as 12h");
        return;
    }
    draft.pull_refresh_after = *age;
}

constexpr std::array<Key<Draft>, 21> service_keys{{
    {"annotations", read_annotations},
    {"command", read_command},
    {"container_name", read_container_name},
    {"depends_on", read_depends_on},
    {"deploy", read_deploy},
    {"entrypoint", read_entrypoint},
    {"environment", read_environment},
    {"expose", read_expose},
    {"healthcheck", read_healthcheck},
    {"image", read_image},
    {"labels", read_labels},
    {"platform", read_word<&ServiceSpec::platform>},
    {"ports", read_ports},
    {"pull_policy", read_pull_policy},
    {"pull_refresh_after", read_pull_refresh_after},
    {"restart", read_restart},
    {"scale", read_scale},
    {"stop_grace_period", read_stop_grace_period},
    {"user", read_user},
    {"working_dir", read_working_dir},
    {"x-covey", read_extension},
}};

// Every key that has a reader; a key is in one table.
std::vector<Key<Draft>> const& all_keys() {
    static std::vector<Key<Draft>> const keys = [] {
        std::vector<Key<Draft>> all(service_keys.begin(), service_keys.end());
        for (auto const& some : {isolation_keys(), networking_keys(), process_keys(),
                                 resource_keys(), storage_keys()}) {
            all.insert(all.end(), some.begin(), some.end());
        }
        return all;
    }();
    return keys;
}

// `mem_limit` and the like say what `deploy.resources` says; both may, the same.
void settle_resources(Report& report, Draft& draft) {
    auto const join = [&](std::uint64_t& deploy, std::uint64_t own, std::string_view what) {
        if (own != 0 && deploy != 0 && own != deploy) {
            report.error(
                Field{draft.field.key, nullptr, draft.field.path},
                base::concat("expected ", what, " to be the same, found ", own, " and ", deploy));
        }
        deploy = deploy != 0 ? deploy : own;
    };
    Resources& limits = draft.spec.limits;
    Resources& reservations = draft.spec.reservations;
    join(limits.cpu_milli, draft.limits.cpu_milli, "cpus and deploy.resources.limits.cpus");
    join(limits.memory_bytes, draft.limits.memory_bytes,
         "mem_limit and deploy.resources.limits.memory");
    join(limits.pids, draft.limits.pids, "pids_limit and deploy.resources.limits.pids");
    join(reservations.memory_bytes, draft.reservations.memory_bytes,
         "mem_reservation and deploy.resources.reservations.memory");
    auto const above = [](std::uint64_t reserved, std::uint64_t limit) {
        return limit != 0 && reserved > limit;
    };
    if (above(reservations.cpu_milli, limits.cpu_milli) ||
        above(reservations.memory_bytes, limits.memory_bytes) ||
        above(reservations.pids, limits.pids)) {
        report.error(draft.resources.value_or(Field{draft.field.key, nullptr, draft.field.path}),
                     "expected reservations up to the limits, found more");
    }
}

// What two keys say together.
void settle_modes(Report& report, Draft& draft) {
    ServiceSpec& spec = draft.spec;
    if (draft.networks && spec.networking.mode != NetworkMode::bridge) {
        report.error(*draft.network_mode, "expected network_mode or networks, found both");
        spec.networking.networks.clear();
    }
    if (!draft.networks && spec.networking.mode == NetworkMode::bridge) {
        attach_default(draft);
    }
    Deploy& deploy = spec.deploy;
    if (deploy.pull_policy != PullPolicy::refresh) {
        return;
    }
    if (deploy.pull_refresh_after == base::Duration::zero()) {
        deploy.pull_refresh_after =
            draft.pull_refresh_after.value_or(base::Duration(std::chrono::hours(24)));
    }
}

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

// Whether the service has this key.
bool has(Field const& field, std::string_view key) {
    return std::ranges::any_of(field.value->entries,
                               [key](Node::Entry const& entry) { return entry.key->text == key; });
}

}  // namespace

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

Draft read_service(Report& report, Field const& field, Definitions const& definitions) {
    Draft draft;
    draft.field = field;
    draft.definitions = &definitions;
    draft.spec.project = definitions.project;
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
    read_keys<Draft>(report, field, draft, service_scope, all_keys());
    if (!has(field, "image")) {
        report.error(Field{field.key, nullptr, field.path},
                     has(field, "build")
                         ? "expected an image, found only build: build it elsewhere, push it to a "
                           "registry, and name it under image"
                         : "expected an image, found none");
    }
    settle_resources(report, draft);
    settle_modes(report, draft);
    settle_replicas(report, draft);
    settle_ports(draft);
    for (auto const& [dependency, at] : draft.depends_on) {
        draft.spec.depends_on.push_back(dependency);
    }
    sort_unique(draft.spec.depends_on);
    return draft;
}

}  // namespace spec
