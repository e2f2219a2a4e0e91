#include "runtime/oci/confinement.h"

#include <algorithm>

#include "base/text.h"

namespace runtime {
namespace {

// An option of the form "NAME=VALUE", "NAME:VALUE" or "NAME".
struct Option {
    std::string_view name;
    std::string_view value;
};

Option parse_option(std::string_view text) {
    std::size_t const end = text.find_first_of("=:");
    return end == std::string_view::npos ? Option{text, {}}
                                         : Option{text.substr(0, end), text.substr(end + 1)};
}

std::string joined(std::vector<std::string> const& words) {
    std::string text;
    for (std::string const& word : words) {
        text += base::concat(text.empty() ? "" : ", ", word);
    }
    return text;
}

base::Result<void> apply(std::string const& text, HostAbilities const& host, Confinement& out,
                         std::vector<std::string>& notices) {
    auto const [name, value] = parse_option(text);
    if (name == "no-new-privileges" && (value.empty() || value == "true" || value == "false")) {
        out.no_new_privileges = value != "false";
    } else if (name == "systempaths" && value == "unconfined") {
        out.kernel_paths_hidden = false;
    } else if (name == "seccomp" && !value.empty()) {
        if (value != "unconfined") {
            notices.push_back("the seccomp profile is not applied: profiles are not supported yet");
        }
    } else if (name == "apparmor" && !value.empty()) {
        if (host.apparmor) {
            out.apparmor_profile = value;
        } else if (value != "unconfined") {
            notices.push_back(base::concat("the AppArmor profile ", value,
                                           " is not applied: this host has no AppArmor"));
        }
    } else if (name == "label" && !value.empty()) {
        if (value != "disable") {
            notices.push_back(base::concat(
                "the label ", value, " is not applied: ",
                host.selinux ? "labels are not supported yet" : "this host has no SELinux"));
        }
    } else {
        return base::fail(base::concat(
            "security_opt '", text,
            "' is unknown: there are no-new-privileges:true|false, seccomp=unconfined, "
            "apparmor=PROFILE, label=..., systempaths=unconfined"));
    }
    return {};
}

}  // namespace

base::Result<Confinement> confine(Security const& security, HostAbilities const& host,
                                  std::vector<std::string>& notices) {
    CapabilitySet wanted = TRY(change_capabilities(security.cap_add, security.cap_drop));
    Confinement out;
    if (security.privileged) {
        wanted = all_capabilities();
        out.no_new_privileges = false;
        out.kernel_paths_hidden = false;
        out.kernel_writable = true;
    }
    out.capabilities = wanted & host.capabilities;
    // Of the default nobody asked for each one.
    CapabilitySet const missing = wanted & ~host.capabilities & ~default_capabilities();
    if (missing != 0) {
        notices.push_back(base::concat("not given, the agent has not got it: ",
                                       joined(capability_names(missing))));
    }
    for (std::string const& option : security.options) {
        TRY_VOID(apply(option, host, out, notices));
    }
    return out;
}

}  // namespace runtime
