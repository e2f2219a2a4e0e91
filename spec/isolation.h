#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>

namespace spec {

// What the container's processes may do.
struct Security {
    bool privileged{};
    bool read_only{};                 // the root file system
    std::set<std::string> cap_add{};  // "NET_ADMIN", "ALL": upper case, without CAP_
    std::set<std::string> cap_drop{};
    std::set<std::string> security_opt{};  // "no-new-privileges", "seccomp=unconfined"
    friend bool operator==(Security const&, Security const&) = default;
};

enum class Namespace : std::uint8_t { own, host };
enum class IpcMode : std::uint8_t { own, host, none };

// What of the host the container's processes see.
struct Isolation {
    Namespace pid{};
    Namespace uts{};
    Namespace user{};
    Namespace cgroup{};
    IpcMode ipc{};                                 // none: no /dev/shm
    std::map<std::string, std::string> sysctls{};  // "net.core.somaxconn"
    std::string runtime{};                         // of the host's OCI runtimes; empty: the default
    friend bool operator==(Isolation const&, Isolation const&) = default;
};

}  // namespace spec
