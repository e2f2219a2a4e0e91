#include <algorithm>
#include <array>

#include "base/text.h"
#include "spec/compose_service.h"
#include "spec/rules.h"

namespace spec {

namespace {

// A healthcheck while its keys are read, in whatever order they stand.
struct Check {
    HealthCheck health;
    std::vector<Field> kinds;  // where a kind of check was given
    bool none{};               // test: NONE
    std::optional<Field> disable;
};

void read_test_list(Report& report, Field const& field, Check& check) {
    std::vector<std::string> words;
    for (Field const& item : read_items(report, field, "text or a list")) {
        words.push_back(read_text(report, item).value_or(""));
    }
    if (words.size() == 1 && words.front() == "NONE") {
        check.none = true;
        return;
    }
    check.health.kind = CheckKind::exec;
    if (words.size() >= 2 && words.front() == "CMD") {
        check.health.command.assign(words.begin() + 1, words.end());
    } else if (words.size() == 2 && words.front() == "CMD-SHELL") {
        check.health.command = {"/bin/sh", "-c", words[1]};
    } else {
        report.error(field,
                     "expected [\"CMD\", program, ...], [\"CMD-SHELL\", line] or "
                     "[\"NONE\"]");
    }
}

void read_test(Report& report, Field const& field, Check& check) {
    if (field.value->kind == Node::Kind::list) {
        read_test_list(report, field, check);
    } else if (auto line = read_filled_text(report, field)) {
        check.health.kind = CheckKind::exec;
        check.health.command = {"/bin/sh", "-c", *std::move(line)};
    }
    if (!check.none) {
        check.kinds.push_back(field);
    }
}

void read_tcp(Report& report, Field const& field, Check& check) {
    check.kinds.push_back(field);
    check.health.kind = CheckKind::tcp;
    check.health.port =
        static_cast<std::uint16_t>(read_number(report, field, 1, 65535).value_or(1));
}

void read_http(Report& report, Field const& field, Check& check) {
    check.kinds.push_back(field);
    check.health.kind = CheckKind::http;
    std::optional<std::string> const text = read_text(report, field);
    if (!text) {
        return;
    }
    std::size_t const slash = text->find('/');
    auto const port = base::parse_integer<std::uint16_t>(text->substr(0, slash));
    std::string const path = slash == std::string::npos ? "/" : text->substr(slash);
    auto const visible = [](char c) { return c > 0x20 && c < 0x7f; };
    if (!port || *port == 0 || !std::ranges::all_of(path, visible)) {
        report.expected(field, "PORT or PORT/PATH, such as 8080/healthz");
        return;
    }
    check.health.port = *port;
    check.health.path = path;
}

void read_extension(Report& report, Field const& field, Check& check) {
    static constexpr std::array<Key<Check>, 2> keys{{{"http", read_http}, {"tcp", read_tcp}}};
    read_keys<Check>(report, field, check, "services.*.healthcheck.x-covey", keys);
}

template <base::Duration HealthCheck::* member>
void read_timing(Report& report, Field const& field, Check& check) {
    // A start period may be nothing; the others are waited for and would spin.
    auto const min = member == &HealthCheck::start_period ? base::Duration::zero()
                                                          : base::Duration(base::milliseconds(1));
    check.health.*member = read_duration(report, field, min).value_or(check.health.*member);
}

void read_retries(Report& report, Field const& field, Check& check) {
    check.health.retries = static_cast<std::uint32_t>(
        read_number(report, field, 1, retries_max).value_or(check.health.retries));
}

void read_disable(Report& report, Field const& field, Check& check) {
    if (read_bool(report, field).value_or(false)) {
        check.disable = field;
    }
}

constexpr std::array<Key<Check>, 8> check_keys{{
    {"disable", read_disable},
    {"interval", read_timing<&HealthCheck::interval>},
    {"retries", read_retries},
    {"start_interval", read_timing<&HealthCheck::start_interval>},
    {"start_period", read_timing<&HealthCheck::start_period>},
    {"test", read_test},
    {"timeout", read_timing<&HealthCheck::timeout>},
    {"x-covey", read_extension},
}};

}  // namespace

void read_healthcheck(Report& report, Field const& field, Draft& draft) {
    Check check;
    read_keys<Check>(report, field, check, "services.*.healthcheck", check_keys);
    if (check.kinds.size() > 1) {
        report.error(check.kinds.back(), base::concat("expected one kind of check, found ",
                                                      check.kinds.front().path, " too"));
    }
    bool const off = check.none || check.disable.has_value();
    if (off && !check.kinds.empty()) {
        report.error(check.kinds.front(), "expected no check beside disable: true or NONE");
    }
    if (!off && check.kinds.empty() && field.value->kind == Node::Kind::map) {
        report.warning(field,
                       "no test is given and an image's own is not used: nothing is "
                       "checked");
    }
    if (off) {
        draft.spec.health = {};
        draft.spec.health.disabled = true;
    } else if (check.health.kind != CheckKind::none) {
        draft.spec.health = std::move(check.health);
    }
}

}  // namespace spec
