#include <algorithm>
#include <array>

#include "base/text.h"
#include "spec/compose_service.h"
#include "spec/compose_units.h"
#include "spec/rules.h"

namespace spec {

namespace {

constexpr std::uint32_t percent_max = 1000;
constexpr std::uint32_t connections_max = 1'000'000;

std::uint32_t read_count(Report& report, Field const& field, std::uint32_t max) {
    return static_cast<std::uint32_t>(read_number(report, field, 0, max).value_or(0));
}

void read_partition(Report& report, Field const& field, Draft& draft) {
    static constexpr auto choices = std::to_array<Choice<Partition>>(
        {{"available", Partition::available}, {"single", Partition::single}});
    draft.spec.extension.partition =
        read_choice(report, field, choices).value_or(Partition::available);
}

void read_type(Report& report, Field const& field, Strategy& strategy) {
    static constexpr auto choices =
        std::to_array<Choice<StrategyKind>>({{"rolling", StrategyKind::rolling},
                                             {"blue-green", StrategyKind::blue_green},
                                             {"canary", StrategyKind::canary}});
    strategy.kind = read_choice(report, field, choices).value_or(StrategyKind::rolling);
}

void read_percent(Report& report, Field const& field, Strategy& strategy) {
    strategy.percent = static_cast<std::uint32_t>(read_number(report, field, 1, 99).value_or(1));
}

void read_bake(Report& report, Field const& field, Strategy& strategy) {
    strategy.bake = read_duration(report, field, base::Duration::zero()).value_or(strategy.bake);
}

// A word, or a map with `type`.
void read_strategy(Report& report, Field const& field, Draft& draft) {
    static constexpr std::array<Key<Strategy>, 3> keys{
        {{"bake", read_bake}, {"percent", read_percent}, {"type", read_type}}};
    Strategy strategy;
    if (field.value->kind == Node::Kind::map) {
        read_keys<Strategy>(report, field, strategy, "services.*.x-covey.strategy", keys);
    } else {
        read_type(report, field, strategy);
    }
    bool const canary = strategy.kind == StrategyKind::canary;
    if (!canary && strategy.percent != 0) {
        report.error(field, "expected percent beside type: canary only");
        return;
    }
    if (canary && strategy.percent == 0) {
        strategy.percent = 10;
    }
    if (strategy.kind == StrategyKind::rolling && strategy.bake > base::Duration::zero()) {
        report.error(field, "expected bake beside blue-green or canary only");
        return;
    }
    draft.spec.extension.strategy = strategy;
}

void read_cron(Report& report, Field const& field, Schedule& schedule) {
    static constexpr std::array<std::string_view, 6> names{"@hourly", "@daily",   "@midnight",
                                                           "@weekly", "@monthly", "@yearly"};
    std::string const text = read_text(report, field).value_or("");
    std::string cron;
    std::size_t fields = 0;
    for (std::string_view const part : base::split(text, ' ')) {
        if (!part.empty()) {
            cron += base::concat(fields == 0 ? "" : " ", part);
            ++fields;
        }
    }
    auto const known = [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
               std::string_view("*/,- ").contains(c);
    };
    bool const named = std::ranges::find(names, cron) != names.end();
    if (!named && (fields != 5 || !std::ranges::all_of(cron, known))) {
        report.expected(field,
                        "minute, hour, day, month and weekday such as \"30 3 * * 1\", or @daily");
        return;
    }
    schedule.cron = std::move(cron);
}

void read_timezone(Report& report, Field const& field, Schedule& schedule) {
    std::string zone = read_filled_text(report, field).value_or("");
    schedule.timezone = zone == "UTC" ? "" : std::move(zone);
}

void read_overlap(Report& report, Field const& field, Schedule& schedule) {
    static constexpr auto choices =
        std::to_array<Choice<Overlap>>({{"skip", Overlap::skip}, {"replace", Overlap::replace}});
    schedule.overlap = read_choice(report, field, choices).value_or(Overlap::skip);
}

void read_schedule(Report& report, Field const& field, Draft& draft) {
    static constexpr std::array<Key<Schedule>, 3> keys{
        {{"cron", read_cron}, {"overlap", read_overlap}, {"timezone", read_timezone}}};
    Schedule& schedule = draft.spec.extension.schedule;
    if (field.value->kind != Node::Kind::map) {
        read_cron(report, field, schedule);
        return;
    }
    read_keys<Schedule>(report, field, schedule, "services.*.x-covey.schedule", keys);
    if (schedule.cron.empty()) {
        report.error(field, "expected cron, found none");
    }
}

template <std::uint32_t Autoscale::* member, std::uint32_t max>
void read_bound(Report& report, Field const& field, Autoscale& autoscale) {
    autoscale.*member = read_count(report, field, max);
}

// 70 or 70%
template <std::uint32_t Autoscale::* member>
void read_share(Report& report, Field const& field, Autoscale& autoscale) {
    std::string_view text = field.value->text;
    if (text.ends_with('%')) {
        text.remove_suffix(1);
    }
    auto const percent = base::parse_integer<std::uint32_t>(text);
    if (!percent || *percent == 0 || *percent > percent_max) {
        report.expected(field, base::concat("a percentage from 1% to ", percent_max, "%"));
        return;
    }
    autoscale.*member = *percent;
}

void read_cooldown(Report& report, Field const& field, Autoscale& autoscale) {
    autoscale.cooldown =
        read_duration(report, field, base::Duration::zero()).value_or(autoscale.cooldown);
}

void read_autoscale(Report& report, Field const& field, Draft& draft) {
    static constexpr std::array<Key<Autoscale>, 6> keys{{
        {"connections", read_bound<&Autoscale::connections, connections_max>},
        {"cooldown", read_cooldown},
        {"cpu", read_share<&Autoscale::cpu_percent>},
        {"max", read_bound<&Autoscale::max, replicas_max>},
        {"memory", read_share<&Autoscale::memory_percent>},
        {"min", read_bound<&Autoscale::min, replicas_max>},
    }};
    Autoscale autoscale;
    autoscale.min = 1;
    read_keys<Autoscale>(report, field, autoscale, "services.*.x-covey.autoscale", keys);
    bool const aims = autoscale.cpu_percent + autoscale.memory_percent + autoscale.connections > 0;
    if (autoscale.max == 0 || autoscale.min > autoscale.max || !aims) {
        report.error(field,
                     "expected min up to max, and at least one of cpu, memory and connections");
        return;
    }
    draft.spec.extension.autoscale = autoscale;
}

void read_balance(Report& report, Field const& field, LoadBalancing& lb) {
    static constexpr auto choices =
        std::to_array<Choice<Balance>>({{"hash", Balance::hash},
                                        {"least-connections", Balance::least_connections},
                                        {"nearest", Balance::nearest}});
    lb.balance = read_choice(report, field, choices).value_or(Balance::hash);
}

void read_affinity(Report& report, Field const& field, LoadBalancing& lb) {
    static constexpr auto choices = std::to_array<Choice<Affinity>>(
        {{"none", Affinity::none}, {"client-ip", Affinity::client_ip}});
    lb.affinity = read_choice(report, field, choices).value_or(Affinity::none);
}

void read_proxy_protocol(Report& report, Field const& field, LoadBalancing& lb) {
    static constexpr auto choices = std::to_array<Choice<ProxyProtocol>>(
        {{"off", ProxyProtocol::off}, {"v1", ProxyProtocol::v1}, {"v2", ProxyProtocol::v2}});
    lb.proxy_protocol = read_choice(report, field, choices).value_or(ProxyProtocol::off);
}

void read_max_connections(Report& report, Field const& field, LoadBalancing& lb) {
    lb.max_connections = read_count(report, field, connections_max);
}

void read_lb(Report& report, Field const& field, Draft& draft) {
    static constexpr std::array<Key<LoadBalancing>, 4> keys{{
        {"affinity", read_affinity},
        {"balance", read_balance},
        {"max_connections", read_max_connections},
        {"proxy_protocol", read_proxy_protocol},
    }};
    read_keys<LoadBalancing>(report, field, draft.spec.extension.lb, "services.*.x-covey.lb", keys);
}

void read_priority(Report& report, Field const& field, Draft& draft) {
    draft.spec.extension.priority = static_cast<std::int32_t>(
        read_integer(report, field, -priority_max, priority_max).value_or(0));
}

void read_standby(Report& report, Field const& field, Draft& draft) {
    draft.spec.extension.standby = read_count(report, field, replicas_max);
}

}  // namespace

void read_extension(Report& report, Field const& field, Draft& draft) {
    static constexpr std::array<Key<Draft>, 7> keys{{
        {"autoscale", read_autoscale},
        {"lb", read_lb},
        {"partition", read_partition},
        {"priority", read_priority},
        {"schedule", read_schedule},
        {"standby", read_standby},
        {"strategy", read_strategy},
    }};
    read_keys<Draft>(report, field, draft, "services.*.x-covey", keys);
}

}  // namespace spec
