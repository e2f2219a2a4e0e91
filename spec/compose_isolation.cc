#include <algorithm>
#include <array>

#include "base/text.h"
#include "spec/compose_service.h"
#include "spec/compose_text.h"

namespace spec {

namespace {

// "cap_net_admin" and "NET_ADMIN" are one capability.
template <std::set<std::string> Security::* member>
void read_capabilities(Report& report, Field const& field, Draft& draft) {
    for (Field const& item : read_items(report, field, "a list of capabilities")) {
        std::optional<std::string> const text = read_filled_text(report, item);
        if (!text) {
            continue;
        }
        std::string name;
        for (char const c : *text) {
            name += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
        }
        if (name.starts_with("CAP_")) {
            name.erase(0, 4);
        }
        auto const letter = [](char c) { return (c >= 'A' && c <= 'Z') || c == '_'; };
        if (name.empty() || !std::ranges::all_of(name, letter)) {
            report.expected(item, "a capability such as NET_ADMIN, or ALL");
            continue;
        }
        (draft.spec.security.*member).insert(std::move(name));
    }
}

// "NAME", "NAME:VALUE" and "NAME=VALUE", as Docker takes them.
void read_security_opt(Report& report, Field const& field, Draft& draft) {
    for (Field const& item : read_items(report, field, "a list of options")) {
        std::optional<std::string> option = read_filled_text(report, item);
        if (!option) {
            continue;
        }
        if (std::size_t const at = option->find_first_of(":="); at != std::string::npos) {
            (*option)[at] = '=';
        }
        if (*option == "no-new-privileges=true") {
            *option = "no-new-privileges";
        }
        if (*option != "no-new-privileges=false") {
            draft.spec.security.security_opt.insert(*std::move(option));
        }
    }
}

// What is shared with containers that may be on another host.
bool shares_with_containers(Report& report, Field const& field) {
    std::string const& text = field.value->text;
    if (!text.starts_with("service:") && !text.starts_with("container:")) {
        return false;
    }
    report.warning(field,
                   "not supported on a fleet: the other container may be on another host; the "
                   "container has its own");
    return true;
}

template <Namespace Isolation::* member>
void read_namespace(Report& report, Field const& field, Draft& draft) {
    static constexpr auto choices = std::to_array<Choice<Namespace>>(
        {{"host", Namespace::host}, {"private", Namespace::own}, {"", Namespace::own}});
    if (field.value->kind != Node::Kind::null && !shares_with_containers(report, field)) {
        draft.spec.isolation.*member = read_choice(report, field, choices).value_or(Namespace::own);
    }
}

void read_ipc(Report& report, Field const& field, Draft& draft) {
    static constexpr auto choices = std::to_array<Choice<IpcMode>>({{"host", IpcMode::host},
                                                                    {"none", IpcMode::none},
                                                                    {"private", IpcMode::own},
                                                                    {"shareable", IpcMode::own}});
    if (!shares_with_containers(report, field)) {
        draft.spec.isolation.ipc = read_choice(report, field, choices).value_or(IpcMode::own);
    }
}

constexpr std::array<Key<Draft>, 12> keys{{
    {"cap_add", read_capabilities<&Security::cap_add>},
    {"cap_drop", read_capabilities<&Security::cap_drop>},
    {"cgroup", read_namespace<&Isolation::cgroup>},
    {"ipc", read_ipc},
    {"pid", read_namespace<&Isolation::pid>},
    {"privileged", read_flag<&ServiceSpec::security, &Security::privileged>},
    {"read_only", read_flag<&ServiceSpec::security, &Security::read_only>},
    {"runtime", read_line<&ServiceSpec::isolation, &Isolation::runtime>},
    {"security_opt", read_security_opt},
    {"sysctls", read_map<&ServiceSpec::isolation, &Isolation::sysctls>},
    {"userns_mode", read_namespace<&Isolation::user>},
    {"uts", read_namespace<&Isolation::uts>},
}};

}  // namespace

std::span<Key<Draft> const> isolation_keys() {
    return keys;
}

}  // namespace spec
