#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/result.h"
#include "runtime/container.h"

namespace runtime {

// Longer ones are refused.
inline constexpr std::size_t id_size_max = 128;

// What the supervisor wants done to a container. `id` is unique for ever on this host:
// "project.service.slot.REVISION8.N", long names cut.
struct Start {
    std::string id;
    Assignment assignment;
    ContainerSpec spec;
};

// SIGTERM now, SIGKILL after `grace`.
struct Stop {
    std::string id;
    base::Duration grace{};
};

// Frees everything an ended container holds but its log: root, mounts, address, cgroup.
struct Remove {
    std::string id;
};

struct Probe {
    std::string id;
    base::IpAddress address;
    HealthCheck check;
};

using Action = std::variant<Start, Stop, Remove, Probe>;

// The address of a container in the host's network. Under which address the host is reached, the
// driver does not know.
[[nodiscard]] inline base::IpAddress host_network_address() {
    return base::IpAddress::v4(0x7f000001);
}

// What became of it. Every Start is answered by Started or StartFailed; a started container ends
// with exactly one Exited; every Remove by Removed; every Probe by Probed.
struct Started {
    std::string id;
    base::IpAddress address;  // or host_network_address(); unspecified without network
    // What the host could not do as asked, and what was done instead; for a person, empty if
    // everything is as asked.
    std::string notice{};
};

struct StartFailed {
    std::string id;
    std::string reason;  // for a person: what, where, what to do
};

struct Exited {
    std::string id;
    ExitStatus status;
};

struct Removed {
    std::string id;
};

struct Probed {
    std::string id;
    bool healthy{};
    std::string output;  // at most 4096 bytes
};

using Event = std::variant<Started, StartFailed, Exited, Removed, Probed>;

// A container found at start, made by an earlier agent on this host.
struct Adopted {
    std::string id;
    Assignment assignment;
    base::IpAddress address;
    std::optional<ExitStatus> exited;  // it ended while nobody looked
    std::string notice{};              // as in Started
};

// A part of a container's log: [from, from + text.size()) in bytes since its first line.
struct LogPart {
    std::uint64_t from{};
    std::string text;
    std::uint64_t end{};  // where the log ends now
};

// The port behind which containers run: `oci` now, `docker` later, a fake in the simulator. One
// contract test runs on every implementation. Calls return at once; events come later, through the
// sink, from any thread.
class Driver {
public:
    using Sink = std::function<void(Event)>;
    virtual ~Driver() = default;

    // Looks for containers of earlier agents, cleans what a crash or reboot left half made, and
    // begins to report to `sink`. Called once, before perform().
    [[nodiscard]] virtual base::Result<std::vector<Adopted>> adopt(Sink sink) = 0;
    virtual void perform(Action action) = 0;
    // No event after it returns, and perform() does nothing any more; containers run on. Waits for
    // what is under way, so the sink must take events until then; not to be called from the sink.
    virtual void close() = 0;
    // At most `size_max` bytes from `from` on; `from` past the end gives an empty part, and
    // `from_end` counts back from the end instead.
    [[nodiscard]] virtual base::Result<LogPart> read_log(std::string const& id, std::uint64_t from,
                                                         bool from_end, std::size_t size_max) = 0;
    // For `doctor` and `version`: "oci (runc 1.1.5)".
    [[nodiscard]] virtual std::string description() const = 0;
};

}  // namespace runtime
