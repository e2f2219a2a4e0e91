#pragma once

#include <string>
#include <vector>

#include "base/address.h"
#include "base/result.h"
#include "runtime/container.h"
#include "runtime/system/process.h"

namespace runtime {

// What a container's directory says about it, for the agent that finds it later. Each is a small
// JSON file that is written whole or not at all.

// meta.json: written before the shim is started.
struct MetaRecord {
    Assignment assignment;
    base::IpAddress address;
    std::string boot_id;
    int stop_signal{};
    std::string runtime;  // path of the OCI runtime that made it: no other one knows it
    std::string notice{};
    bool awaits_hooks = false;  // it counts as started when the file `started` is there
    std::vector<Hook> pre_stop{};
};

// shim.json: written by the shim before the container's program starts.
struct ShimRecord {
    ProcessId shim;
    ProcessId container;
};

// What is told of a container whose end nobody saw.
inline constexpr ExitStatus lost_status{.code = 255};

[[nodiscard]] base::Result<void> write_record(std::string const& path, MetaRecord const& record);
[[nodiscard]] base::Result<void> write_record(std::string const& path, ShimRecord const& record);
// exit.json: written by the shim when the container has ended.
[[nodiscard]] base::Result<void> write_record(std::string const& path, ExitStatus const& record);

[[nodiscard]] base::Result<MetaRecord> read_meta(std::string const& path);
[[nodiscard]] base::Result<ShimRecord> read_shim(std::string const& path);
[[nodiscard]] base::Result<ExitStatus> read_exit(std::string const& path);

}  // namespace runtime
