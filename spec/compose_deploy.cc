#include <algorithm>
#include <array>

#include "base/text.h"
#include "spec/compose_service.h"
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

void read_placement(Report& report, Field const& field, Draft& draft) {
    static constexpr std::array<Key<Draft>, 2> keys{
        {{"constraints", read_constraints}, {"max_replicas_per_node", read_per_node}}};
    read_keys<Draft>(report, field, draft, keys);
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
    std::optional<std::uint64_t> bytes;
    if (field.value->kind == Node::Kind::scalar) {
        bytes = parse_memory(field.value->text);
    }
    if (!bytes) {
        report.expected(field, "an amount of memory such as 256m or 2g");
        return;
    }
    resources.memory_bytes = *bytes;
}

void read_pids(Report& report, Field const& field, Resources& resources) {
    resources.pids = read_number(report, field, 0, pids_max).value_or(0);
}

template <Resources ServiceSpec::* member>
void read_amounts(Report& report, Field const& field, Draft& draft) {
    static constexpr std::array<Key<Resources>, 3> keys{
        {{"cpus", read_cpus}, {"memory", read_memory}, {"pids", read_pids}}};
    read_keys<Resources>(report, field, draft.spec.*member, keys);
}

void read_resources(Report& report, Field const& field, Draft& draft) {
    static constexpr std::array<Key<Draft>, 2> keys{
        {{"limits", read_amounts<&ServiceSpec::limits>},
         {"reservations", read_amounts<&ServiceSpec::reservations>}}};
    read_keys<Draft>(report, field, draft, keys);
    auto const above = [](std::uint64_t reserved, std::uint64_t limit) {
        return limit != 0 && reserved > limit;
    };
    Resources const& limits = draft.spec.limits;
    Resources const& reservations = draft.spec.reservations;
    if (above(reservations.cpu_milli, limits.cpu_milli) ||
        above(reservations.memory_bytes, limits.memory_bytes) ||
        above(reservations.pids, limits.pids)) {
        report.error(field, "expected reservations up to the limits, found more");
    }
}

}  // namespace

void read_deploy(Report& report, Field const& field, Draft& draft) {
    static constexpr std::array<Key<Draft>, 4> keys{{
        {"mode", read_mode},
        {"placement", read_placement},
        {"replicas", read_replicas},
        {"resources", read_resources},
    }};
    if (field.value->kind != Node::Kind::null) {
        read_keys<Draft>(report, field, draft, keys);
    }
}

}  // namespace spec
