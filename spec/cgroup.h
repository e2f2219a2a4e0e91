#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

namespace spec {

// Block I/O by device path; bytes or operations a second.
struct BlockIo {
    std::uint32_t weight{};  // 10 to 1000; 0: not given
    std::map<std::string, std::uint32_t> weight_device{};
    std::map<std::string, std::uint64_t> read_bps{};
    std::map<std::string, std::uint64_t> read_iops{};
    std::map<std::string, std::uint64_t> write_bps{};
    std::map<std::string, std::uint64_t> write_iops{};
    friend bool operator==(BlockIo const&, BlockIo const&) = default;
};

// The control group's knobs beside `limits` and `reservations`. 0: not given.
struct Cgroup {
    std::uint64_t cpu_shares{};
    std::int64_t cpu_quota{};                   // microseconds of a period; -1: no limit
    std::uint64_t cpu_period{};                 // microseconds
    std::string cpuset{};                       // "0-3,7"
    std::optional<std::int64_t> memory_swap{};  // bytes of memory and swap together; -1: no limit
    std::optional<std::uint32_t> swappiness{};  // percent
    bool oom_kill_disable{};
    BlockIo block_io{};
    friend bool operator==(Cgroup const&, Cgroup const&) = default;
};

}  // namespace spec
