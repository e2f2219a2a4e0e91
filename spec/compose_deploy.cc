#include "spec/compose_deploy.h"

#include <algorithm>
#include <array>

#include "base/text.h"
#include "spec/compose_text.h"
#include "spec/compose_units.h"
#include "spec/rules.h"

namespace spec {

namespace {

void read_mode(Report& report, Field const& field, Draft& draft) {
    if (field.value->text == "global") {
        draft.spec.mode = Mode::global;
    } else if (field.value->text != "replicated") {
        report.expected(field, "replicated or global");
    }
}

void read_replicas(Report& report, Field const& field, Draft& draft) {
    if (auto const count = read_number(report, field, 0, replicas_max)) {
        draft.replicas.emplace(static_cast<std::uint32_t>(*count), field);
    }
}

// LEFT == RIGHT or LEFT != RIGHT
void read_constraint(Report& report, Field const& field, Draft& draft) {
    std::optional<std::string> const text = read_text(report, field);
    if (!text) {
        return;
    }
    std::size_t const equals = text->find("==");
    std::size_t const differs = text->find("!=");
    std::size_t const at = std::min(equals, differs);
    if (at == std::string::npos) {
        report.expected(field, "LEFT == RIGHT or LEFT != RIGHT");
        return;
    }
    Constraint constraint{std::string(base::trim(text->substr(0, at))), equals < differs,
                          std::string(base::trim(text->substr(at + 2)))};
    if (!valid_attribute(constraint.left)) {
        report.error(field, base::concat("expected node.id, node.hostname, node.role, "
                                         "node.platform.os, node.platform.arch or "
                                         "node.labels.NAME on the left, found ",
                                         quote(constraint.left)));
        return;
    }
    if (constraint.right.empty()) {
        report.expected(field, "a value on the right");
        return;
    }
    draft.spec.constraints.push_back(std::move(constraint));
}

void read_constraints(Report& report, Field const& field, Draft& draft) {
    for (Field const& item : read_items(report, field, "a list of constraints")) {
        read_constraint(report, item, draft);
    }
    auto& constraints = draft.spec.constraints;
    std::ranges::sort(constraints);
    auto const repeated = std::ranges::unique(constraints);
    constraints.erase(repeated.begin(), repeated.end());
}

void read_per_node(Report& report, Field const& field, Draft& draft) {
    draft.spec.max_replicas_per_node =
        static_cast<std::uint32_t>(read_number(report, field, 0, replicas_max).value_or(0));
}

void read_spread(Report& report, Field const& field, std::string& attribute) {
    attribute = read_filled_text(report, field).value_or("");
    if (!valid_attribute(attribute)) {
        report.expected(field, "an attribute such as node.labels.zone");
        attribute.clear();
    }
}

void read_preferences(Report& report, Field const& field, Draft& draft) {
    static constexpr std::array<Key<std::string>, 1> keys{{{"spread", read_spread}}};
    for (Field const& item : read_items(report, field, "a list of preferences")) {
        std::string attribute;
        read_keys<std::string>(report, item, attribute, "services.*.deploy.placement.preferences",
                               keys);
        if (!attribute.empty()) {
            draft.spec.deploy.spread.push_back(std::move(attribute));
        }
    }
}

void read_endpoint_mode(Report& report, Field const& field, Draft& draft) {
    static constexpr auto choices = std::to_array<Choice<EndpointMode>>(
        {{"vip", EndpointMode::vip}, {"dnsrr", EndpointMode::dnsrr}});
    draft.spec.deploy.endpoint_mode =
        read_choice(report, field, choices).value_or(EndpointMode::vip);
}

void read_deploy_labels(Report& report, Field const& field, Draft& draft) {
    draft.spec.deploy.labels = read_pairs(report, field, Unset::empty);
}

void read_placement(Report& report, Field const& field, Draft& draft) {
    static constexpr std::array<Key<Draft>, 3> keys{{
        {"constraints", read_constraints},
        {"max_replicas_per_node", read_per_node},
        {"preferences", read_preferences},
    }};
    read_keys<Draft>(report, field, draft, "services.*.deploy.placement", keys);
}

void read_cpus(Report& report, Field const& field, Resources& resources) {
    std::optional<std::uint64_t> milli;
    if (field.value->kind == Node::Kind::scalar) {
        milli = parse_cpus(field.value->text);
    }
    if (!milli) {
        report.expected(field, "a number of CPUs such as 0.5");
        return;
    }
    resources.cpu_milli = *milli;
}

void read_memory(Report& report, Field const& field, Resources& resources) {
    resources.memory_bytes = read_bytes(report, field).value_or(0);
}

void read_pids(Report& report, Field const& field, Resources& resources) {
    resources.pids = read_number(report, field, 0, pids_max).value_or(0);
}

constexpr std::array<Key<Resources>, 3> amount_keys{
    {{"cpus", read_cpus}, {"memory", read_memory}, {"pids", read_pids}}};

void read_limits(Report& report, Field const& field, Draft& draft) {
    read_keys<Resources>(report, field, draft.spec.limits, "services.*.deploy.resources.limits",
                         amount_keys);
}

template <auto member>
void read_amount(Report& report, Field const& field, Draft& draft) {
    member(report, field, draft.spec.reservations);
}

void read_reservations(Report& report, Field const& field, Draft& draft) {
    static constexpr std::array<Key<Draft>, 4> keys{{
        {"cpus", read_amount<read_cpus>},
        {"devices", read_device_requests},
        {"memory", read_amount<read_memory>},
        {"pids", read_amount<read_pids>},
    }};
    read_keys<Draft>(report, field, draft, "services.*.deploy.resources.reservations", keys);
}

void read_resources(Report& report, Field const& field, Draft& draft) {
    static constexpr std::array<Key<Draft>, 2> keys{
        {{"limits", read_limits}, {"reservations", read_reservations}}};
    draft.resources = field;
    read_keys<Draft>(report, field, draft, "services.*.deploy.resources", keys);
}

}  // namespace

void read_deploy(Report& report, Field const& field, Draft& draft) {
    static constexpr std::array<Key<Draft>, 9> keys{{
        {"endpoint_mode", read_endpoint_mode},
        {"labels", read_deploy_labels},
        {"mode", read_mode},
        {"placement", read_placement},
        {"replicas", read_replicas},
        {"resources", read_resources},
        {"restart_policy", read_restart_policy},
        {"rollback_config", read_rollback_config},
        {"update_config", read_update_config},
    }};
    if (field.value->kind != Node::Kind::null) {
        read_keys<Draft>(report, field, draft, "services.*.deploy", keys);
    }
}

}  // namespace spec
