#include <algorithm>
#include <array>

#include "base/text.h"
#include "spec/compose_service.h"
#include "spec/compose_text.h"
#include "spec/rules.h"

namespace spec {

namespace {

void read_hook_command(Report& report, Field const& field, Hook& hook) {
    hook.command = read_argv(report, field).value_or(std::vector<std::string>());
}

void read_hook_environment(Report& report, Field const& field, Hook& hook) {
    hook.environment = read_pairs(report, field, Unset::dropped);
}

void read_hook_privileged(Report& report, Field const& field, Hook& hook) {
    hook.privileged = read_bool(report, field).value_or(false);
}

template <std::string Hook::* member>
void read_hook_text(Report& report, Field const& field, Hook& hook) {
    hook.*member = read_text(report, field).value_or("");
}

template <std::vector<Hook> Process::* member>
void read_hooks(Report& report, Field const& field, Draft& draft) {
    static constexpr std::array<Key<Hook>, 5> keys{{
        {"command", read_hook_command},
        {"environment", read_hook_environment},
        {"privileged", read_hook_privileged},
        {"user", read_hook_text<&Hook::user>},
        {"working_dir", read_hook_text<&Hook::working_dir>},
    }};
    for (Field const& item : read_items(report, field, "a list of hooks")) {
        Hook hook;
        read_keys<Hook>(report, item, hook, "services.*.post_start", keys);
        if (hook.command.empty()) {
            report.error(item, "expected a command, found none");
            continue;
        }
        (draft.spec.process.*member).push_back(std::move(hook));
    }
}

template <std::int64_t Ulimit::* member>
void read_ulimit_side(Report& report, Field const& field, Ulimit& ulimit) {
    ulimit.*member =
        read_integer(report, field, -1, std::numeric_limits<std::int64_t>::max()).value_or(0);
}

// NAME: NUMBER, or NAME: {soft: NUMBER, hard: NUMBER}
void read_ulimits(Report& report, Field const& field, Draft& draft) {
    static constexpr std::array<Key<Ulimit>, 2> keys{{
        {"hard", read_ulimit_side<&Ulimit::hard>},
        {"soft", read_ulimit_side<&Ulimit::soft>},
    }};
    for (Field const& entry : read_entries(report, field, "a map of limits")) {
        Ulimit ulimit;
        if (entry.value->kind == Node::Kind::map) {
            read_keys<Ulimit>(report, entry, ulimit, "services.*.ulimits.*", keys);
        } else {
            read_ulimit_side<&Ulimit::soft>(report, entry, ulimit);
            ulimit.hard = ulimit.soft;
        }
        if (ulimit.hard != -1 && (ulimit.soft == -1 || ulimit.soft > ulimit.hard)) {
            report.error(entry, "expected a soft limit up to the hard one, found more");
            continue;
        }
        draft.spec.process.ulimits[entry.key->text] = ulimit;
    }
}

void read_oom_score_adj(Report& report, Field const& field, Draft& draft) {
    draft.spec.process.oom_score_adj = static_cast<std::int32_t>(
        read_integer(report, field, -oom_score_max, oom_score_max).value_or(0));
}

// "SIGTERM", "term" and "15" are one signal; a number stays one, for real-time signals differ.
void read_stop_signal(Report& report, Field const& field, Draft& draft) {
    static constexpr std::array<std::pair<std::string_view, std::string_view>, 8> numbers{
        {{"1", "SIGHUP"},
         {"2", "SIGINT"},
         {"3", "SIGQUIT"},
         {"9", "SIGKILL"},
         {"10", "SIGUSR1"},
         {"12", "SIGUSR2"},
         {"15", "SIGTERM"},
         {"28", "SIGWINCH"}}};
    std::optional<std::string> const text = read_filled_text(report, field);
    if (!text) {
        return;
    }
    std::string name;
    for (char const c : *text) {
        name += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    }
    bool const number = base::parse_integer<std::uint8_t>(name).has_value();
    auto const known = [](char c) {
        return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '+' || c == '-';
    };
    if (!std::ranges::all_of(name, known)) {
        report.expected(field, "a signal such as SIGTERM or 15");
        return;
    }
    auto const* const named = std::ranges::find(
        numbers, std::string_view(name), &std::pair<std::string_view, std::string_view>::first);
    if (named != numbers.end()) {
        name = named->second;
    } else if (!number && !name.starts_with("SIG")) {
        name.insert(0, "SIG");
    }
    draft.spec.process.stop_signal = std::move(name);
}

void read_log_driver(Report& report, Field const& field, Logging& logging) {
    logging.driver = read_text(report, field).value_or("");
}

void read_log_options(Report& report, Field const& field, Logging& logging) {
    logging.options = read_pairs(report, field, Unset::empty);
}

void read_logging(Report& report, Field const& field, Draft& draft) {
    static constexpr std::array<Key<Logging>, 2> keys{
        {{"driver", read_log_driver}, {"options", read_log_options}}};
    read_keys<Logging>(report, field, draft.spec.process.logging, "services.*.logging", keys);
}

constexpr std::array<Key<Draft>, 10> keys{{
    {"group_add", read_set<&ServiceSpec::process, &Process::group_add>},
    {"init", read_flag<&ServiceSpec::process, &Process::init>},
    {"logging", read_logging},
    {"oom_score_adj", read_oom_score_adj},
    {"post_start", read_hooks<&Process::post_start>},
    {"pre_stop", read_hooks<&Process::pre_stop>},
    {"stdin_open", read_flag<&ServiceSpec::process, &Process::stdin_open>},
    {"stop_signal", read_stop_signal},
    {"tty", read_flag<&ServiceSpec::process, &Process::tty>},
    {"ulimits", read_ulimits},
}};

}  // namespace

std::span<Key<Draft> const> process_keys() {
    return keys;
}

}  // namespace spec
