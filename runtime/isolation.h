#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace runtime {

enum class Namespace : std::uint8_t { own, host };
enum class IpcMode : std::uint8_t { own, host, none };  // none: own, and no /dev/shm
enum class NetworkMode : std::uint8_t { bridge, host, none };

// Which of the host's namespaces a container shares. The user namespace is always the host's.
struct Isolation {
    Namespace pid{};
    Namespace uts{};
    Namespace cgroup{};
    IpcMode ipc{};
    std::map<std::string, std::string> sysctls{};  // only those of a namespace of its own
    friend bool operator==(Isolation const&, Isolation const&) = default;
};

// A device of the host, or all below a directory of /dev.
struct Device {
    std::string source{};             // path on the host
    std::string permissions = "rwm";  // read, write, mknod
    friend bool operator==(Device const&, Device const&) = default;
};

// What the processes of a container may do. The default is that of Docker without raw sockets,
// device nodes and the audit log, and without gaining privileges by set-user-id.
struct Security {
    bool privileged = false;  // all the agent may do itself, and every device
    bool read_only_root = false;
    std::set<std::string> cap_add{};  // "NET_ADMIN", "CAP_NET_ADMIN", "ALL"
    std::set<std::string> cap_drop{};
    std::set<std::string> options{};          // Docker's security_opt: "no-new-privileges:false"
    std::map<std::string, Device> devices{};  // by path in the container, below /dev
    std::set<std::string> device_rules{};     // "c 1:3 rwm"
    std::set<std::string> groups{};           // further ones of the user, names or numbers
    friend bool operator==(Security const&, Security const&) = default;
};

// How a container is reached and whom it asks for names.
struct Networking {
    NetworkMode mode{};
    std::string hostname{};     // empty: the container's id; unused where the host's is shared
    std::string domain_name{};  // NIS and /etc/hosts
    std::string alias{};        // a further name for itself
    std::string mac_address{};  // empty: made from the address
    std::vector<std::string> nameservers{};  // empty: the host's agent
    std::vector<std::string> search_domains{};
    std::set<std::string> resolver_options{};                    // "ndots:2", beside ours
    std::map<std::string, std::set<std::string>> extra_hosts{};  // name -> addresses; an address
                                                                 // may be "host-gateway"
    friend bool operator==(Networking const&, Networking const&) = default;
};

// A file system in memory.
struct Tmpfs {
    std::uint64_t size_bytes{};  // 0: the kernel's default, half of the memory
    std::uint32_t mode{};        // 0: 1777
    bool read_only = false;
    std::set<std::string> options{};  // "exec", "uid=1000"; default: nosuid, nodev, noexec
    friend bool operator==(Tmpfs const&, Tmpfs const&) = default;
};

}  // namespace runtime
