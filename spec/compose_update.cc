#include <array>

#include "base/text.h"
#include "spec/compose_deploy.h"
#include "spec/compose_units.h"

// How containers are replaced and started again.
namespace spec {

namespace {

void read_parallelism(Report& report, Field const& field, UpdateConfig& config) {
    config.parallelism = static_cast<std::uint32_t>(
        read_number(report, field, 0, replicas_max).value_or(config.parallelism));
}

template <base::Duration UpdateConfig::* member>
void read_pause(Report& report, Field const& field, UpdateConfig& config) {
    config.*member = read_duration(report, field, base::Duration::zero()).value_or(config.*member);
}

void read_failure_action(Report& report, Field const& field, UpdateConfig& config) {
    static constexpr auto choices =
        std::to_array<Choice<FailureAction>>({{"pause", FailureAction::pause},
                                              {"continue", FailureAction::proceed},
                                              {"rollback", FailureAction::rollback}});
    config.failure_action = read_choice(report, field, choices).value_or(FailureAction::pause);
}

void read_ratio(Report& report, Field const& field, UpdateConfig& config) {
    auto const ppm =
        field.value->kind == Node::Kind::scalar ? parse_ratio(field.value->text) : std::nullopt;
    if (!ppm) {
        report.expected(field, "a number from 0 to 1");
        return;
    }
    config.max_failure_ppm = *ppm;
}

void read_order(Report& report, Field const& field, UpdateConfig& config) {
    static constexpr auto choices = std::to_array<Choice<UpdateOrder>>(
        {{"stop-first", UpdateOrder::stop_first}, {"start-first", UpdateOrder::start_first}});
    config.order = read_choice(report, field, choices).value_or(UpdateOrder::stop_first);
}

void read_config(Report& report, Field const& field, UpdateConfig& config) {
    static constexpr std::array<Key<UpdateConfig>, 6> keys{{
        {"delay", read_pause<&UpdateConfig::delay>},
        {"failure_action", read_failure_action},
        {"max_failure_ratio", read_ratio},
        {"monitor", read_pause<&UpdateConfig::monitor>},
        {"order", read_order},
        {"parallelism", read_parallelism},
    }};
    read_keys<UpdateConfig>(report, field, config, "services.*.deploy.update_config", keys);
}

void read_restart_condition(Report& report, Field const& field, RestartPolicy& policy) {
    static constexpr auto choices =
        std::to_array<Choice<RestartCondition>>({{"any", RestartCondition::any},
                                                 {"on-failure", RestartCondition::on_failure},
                                                 {"none", RestartCondition::none}});
    policy.condition = read_choice(report, field, choices).value_or(RestartCondition::any);
}

void read_restart_delay(Report& report, Field const& field, RestartPolicy& policy) {
    policy.delay = read_duration(report, field, base::Duration::zero());
}

void read_max_attempts(Report& report, Field const& field, RestartPolicy& policy) {
    policy.max_attempts =
        static_cast<std::uint32_t>(read_number(report, field, 0, replicas_max).value_or(0));
}

void read_window(Report& report, Field const& field, RestartPolicy& policy) {
    policy.window = read_duration(report, field, base::Duration::zero()).value_or(policy.window);
}

}  // namespace

void read_update_config(Report& report, Field const& field, Draft& draft) {
    read_config(report, field, draft.spec.deploy.update);
}

void read_rollback_config(Report& report, Field const& field, Draft& draft) {
    read_config(report, field, draft.spec.deploy.rollback);
    if (draft.spec.deploy.rollback.failure_action == FailureAction::rollback) {
        report.error(field, "expected failure_action pause or continue, found rollback");
        draft.spec.deploy.rollback.failure_action = FailureAction::pause;
    }
}

void read_restart_policy(Report& report, Field const& field, Draft& draft) {
    static constexpr std::array<Key<RestartPolicy>, 4> keys{{
        {"condition", read_restart_condition},
        {"delay", read_restart_delay},
        {"max_attempts", read_max_attempts},
        {"window", read_window},
    }};
    draft.has_restart_policy = true;
    draft.spec.deploy.restart = {};
    read_keys<RestartPolicy>(report, field, draft.spec.deploy.restart,
                             "services.*.deploy.restart_policy", keys);
}

// no, always, unless-stopped, on-failure or on-failure:ATTEMPTS
void read_restart(Report& report, Field const& field, Draft& draft) {
    std::optional<std::string> const text = read_filled_text(report, field);
    if (!text || draft.has_restart_policy) {
        return;
    }
    RestartPolicy& policy = draft.spec.deploy.restart;
    std::size_t const colon = std::min(text->find(':'), text->size());
    std::string_view const name = std::string_view(*text).substr(0, colon);
    auto const attempts = colon < text->size()
                              ? base::parse_integer<std::uint32_t>(text->substr(colon + 1))
                              : std::optional<std::uint32_t>(0);
    if (name == "on-failure" && attempts && *attempts <= replicas_max) {
        policy.condition = RestartCondition::on_failure;
        policy.max_attempts = *attempts;
    } else if (*text == "no" || *text == "false") {
        policy.condition = RestartCondition::none;
    } else if (*text != "always" && *text != "unless-stopped") {
        report.expected(field, "no, always, on-failure[:ATTEMPTS] or unless-stopped");
    }
}

}  // namespace spec
