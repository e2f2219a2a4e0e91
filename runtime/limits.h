#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

namespace runtime {

// RLIMIT_*; -1: no limit.
struct Ulimit {
    std::int64_t soft{};
    std::int64_t hard{};
    friend bool operator==(Ulimit const&, Ulimit const&) = default;
};

// By path of a block device: a weight from 10 to 1000, bytes or operations a second.
struct BlockIo {
    std::uint32_t weight{};  // 10 to 1000; 0: not given
    std::map<std::string, std::uint32_t> device_weights{};
    std::map<std::string, std::uint64_t> read_bps{};
    std::map<std::string, std::uint64_t> read_iops{};
    std::map<std::string, std::uint64_t> write_bps{};
    std::map<std::string, std::uint64_t> write_iops{};
    friend bool operator==(BlockIo const&, BlockIo const&) = default;
};

// What a container may use. 0, or nothing: not limited.
struct Limits {
    std::uint64_t cpu_milli{};  // thousandths of a CPU
    std::uint64_t memory_bytes{};
    std::uint64_t pids{};

    std::uint64_t cpu_shares{};     // relative to others, 1024 being usual
    std::uint64_t cpu_period_us{};  // with cpu_quota_us instead of cpu_milli
    std::int64_t cpu_quota_us{};    // -1: no limit
    std::string cpus{};             // "0-2,5": where it may run; empty: anywhere

    std::uint64_t memory_reservation{};         // what it keeps when memory is short
    std::optional<std::int64_t> memory_swap{};  // memory and swap together; -1: no limit
    std::optional<std::uint32_t> swappiness{};  // percent
    bool oom_kill_disable = false;
    std::int32_t oom_score_adj{};  // -1000 to 1000

    std::uint64_t shm_bytes{};                // of /dev/shm; 0: 64 MiB
    std::map<std::string, Ulimit> ulimits{};  // by name: "nofile"
    BlockIo block_io{};
    friend bool operator==(Limits const&, Limits const&) = default;
};

}  // namespace runtime
