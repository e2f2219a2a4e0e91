#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace spec {

enum class MountKind : std::uint8_t { volume, bind, tmpfs, image };
enum class Propagation : std::uint8_t { rprivate, private_, rshared, shared, rslave, slave };
// Whether mounts below a bind's source come along, and whether read-only holds for them.
enum class Recursive : std::uint8_t { enabled, disabled, writable, readonly };
enum class Selinux : std::uint8_t { none, shared, private_ };  // "", "z", "Z"

// What a mount of kind volume names, from the top-level `volumes`.
struct Volume {
    std::string driver{};  // empty: a folder of the host
    std::map<std::string, std::string> driver_opts{};
    std::map<std::string, std::string> labels{};
    bool external{};  // made by somebody else: an error of the container when it is not there
    friend bool operator==(Volume const&, Volume const&) = default;
};

// Something mounted into the container; which fields a kind uses is said beside them, the others
// have their defaults.
struct Mount {
    MountKind kind{};
    std::string source{};  // volume: its name on the host ("" for one of this slot alone); bind: an
                           // absolute path; image: a reference; tmpfs: empty
    bool read_only{};
    std::string subpath{};            // volume, image
    bool nocopy{};                    // volume: does not begin with what the image has there
    Volume volume{};                  // volume
    Propagation propagation{};        // bind
    Recursive recursive{};            // bind
    Selinux selinux{};                // bind
    bool create_host_path = true;     // bind
    std::uint64_t tmpfs_bytes{};      // tmpfs; 0: the kernel's default
    std::uint32_t tmpfs_mode{};       // tmpfs; 0: 1777
    std::set<std::string> options{};  // tmpfs: further mount options, "noexec", "uid=1000"
    friend bool operator==(Mount const&, Mount const&) = default;
};

enum class FileOrigin : std::uint8_t { external, file, environment, content };

// A secret or a config, shown to the container as a file.
struct FileMount {
    std::string name{};  // in the fleet: PROJECT_NAME, or as the top level says
    FileOrigin origin{};
    std::string from{};  // file: a path on the host of the service file; environment: a variable;
                         // content: the content
    std::string uid{};   // empty: 0
    std::string gid{};
    std::uint32_t mode = 0444;
    friend bool operator==(FileMount const&, FileMount const&) = default;
};

struct Device {
    std::string source{};  // a path of the host, or a CDI name such as "vendor.com/class=name"
    std::string permissions = "rwm";
    friend bool operator==(Device const&, Device const&) = default;
};

// GPUs and the like, by what they can do.
struct DeviceRequest {
    std::string driver{};
    std::int64_t count{};  // -1: all; 0: those in `ids`
    std::set<std::string> ids{};
    std::set<std::string> capabilities{};
    std::map<std::string, std::string> options{};
    friend bool operator==(DeviceRequest const&, DeviceRequest const&) = default;
};

struct Storage {
    std::map<std::string, Mount> mounts{};        // by absolute path in the container
    std::map<std::string, FileMount> secrets{};   // by absolute path in the container
    std::map<std::string, FileMount> configs{};   // by absolute path in the container
    std::uint64_t shm_bytes{};                    // of /dev/shm; 0: the default
    std::map<std::string, Device> devices{};      // by path in the container
    std::set<std::string> device_cgroup_rules{};  // "c 1:3 mr"
    std::vector<DeviceRequest> device_requests{};
    friend bool operator==(Storage const&, Storage const&) = default;
};

}  // namespace spec
