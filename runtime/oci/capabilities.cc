#include "runtime/oci/capabilities.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <optional>

#include "base/text.h"

namespace runtime {
namespace {

// By number.
constexpr auto names = std::to_array<std::string_view>({"CHOWN",
                                                        "DAC_OVERRIDE",
                                                        "DAC_READ_SEARCH",
                                                        "FOWNER",
                                                        "FSETID",
                                                        "KILL",
                                                        "SETGID",
                                                        "SETUID",
                                                        "SETPCAP",
                                                        "LINUX_IMMUTABLE",
                                                        "NET_BIND_SERVICE",
                                                        "NET_BROADCAST",
                                                        "NET_ADMIN",
                                                        "NET_RAW",
                                                        "IPC_LOCK",
                                                        "IPC_OWNER",
                                                        "SYS_MODULE",
                                                        "SYS_RAWIO",
                                                        "SYS_CHROOT",
                                                        "SYS_PTRACE",
                                                        "SYS_PACCT",
                                                        "SYS_ADMIN",
                                                        "SYS_BOOT",
                                                        "SYS_NICE",
                                                        "SYS_RESOURCE",
                                                        "SYS_TIME",
                                                        "SYS_TTY_CONFIG",
                                                        "MKNOD",
                                                        "LEASE",
                                                        "AUDIT_WRITE",
                                                        "AUDIT_CONTROL",
                                                        "SETFCAP",
                                                        "MAC_OVERRIDE",
                                                        "MAC_ADMIN",
                                                        "SYSLOG",
                                                        "WAKE_ALARM",
                                                        "BLOCK_SUSPEND",
                                                        "AUDIT_READ",
                                                        "PERFMON",
                                                        "BPF",
                                                        "CHECKPOINT_RESTORE"});

constexpr std::string_view defaults[] = {
    "CHOWN",   "DAC_OVERRIDE", "FSETID",           "FOWNER",     "SETGID", "SETUID",
    "SETFCAP", "SETPCAP",      "NET_BIND_SERVICE", "SYS_CHROOT", "KILL"};

constexpr std::string_view everything = "ALL";

CapabilitySet bit(std::size_t number) {
    return CapabilitySet{1} << number;
}

std::string bare(std::string_view name) {
    std::string text(name);
    std::ranges::transform(text, text.begin(), [](unsigned char c) { return std::toupper(c); });
    return text.starts_with("CAP_") ? text.substr(4) : text;
}

struct Wish {
    bool all = false;
    CapabilitySet named = 0;
};

base::Result<Wish> parse(std::set<std::string> const& wished) {
    Wish wish;
    for (std::string const& name : wished) {
        std::string const text = bare(name);
        auto const at = std::ranges::find(names, text);
        if (text == everything) {
            wish.all = true;
        } else if (at == names.end()) {
            return base::fail(base::concat("there is no capability '", name, "'"));
        } else {
            wish.named |= bit(static_cast<std::size_t>(at - names.begin()));
        }
    }
    return wish;
}

}  // namespace

CapabilitySet default_capabilities() {
    CapabilitySet set = 0;
    for (std::string_view const name : defaults) {
        set |= bit(static_cast<std::size_t>(std::ranges::find(names, name) - names.begin()));
    }
    return set;
}

CapabilitySet all_capabilities() {
    return bit(names.size()) - 1;
}

base::Result<CapabilitySet> change_capabilities(std::set<std::string> const& add,
                                                std::set<std::string> const& drop) {
    Wish const added = TRY(parse(add));
    Wish const dropped = TRY(parse(drop));
    if (added.all) {
        return all_capabilities() & ~dropped.named;
    }
    CapabilitySet const kept = dropped.all ? 0 : default_capabilities() & ~dropped.named;
    return kept | added.named;
}

std::vector<std::string> capability_names(CapabilitySet set) {
    std::vector<std::string> result;
    for (std::size_t number = 0; number < names.size(); ++number) {
        if ((set & bit(number)) != 0) {
            result.push_back(base::concat("CAP_", names[number]));
        }
    }
    return result;
}

}  // namespace runtime
