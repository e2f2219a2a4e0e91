#include <algorithm>

#include "base/text.h"
#include "runtime/oci/fitting.h"

namespace runtime {
namespace {

constexpr std::int64_t open_files = 1 << 20;
constexpr std::uint32_t block_weight_min = 10;
constexpr std::uint32_t block_weight_max = 1000;
constexpr std::uint64_t cpu_period_min_us = 1'000;
constexpr std::uint64_t cpu_period_max_us = 1'000'000;
constexpr std::int64_t cpu_quota_min_us = 1'000;
constexpr std::int32_t oom_score_adj_max = 1000;
constexpr std::uint32_t swappiness_max = 100;

bool exceeds(std::int64_t limit, std::int64_t other) {
    return other >= 0 && (limit < 0 || limit > other);
}

std::string text_of(std::int64_t limit) {
    return limit < 0 ? std::string("unlimited") : std::to_string(limit);
}

base::Result<void> fit_ulimits(Limits& limits, HostAbilities const& host,
                               std::vector<std::string>& notices) {
    for (auto& [name, ulimit] : limits.ulimits) {
        auto const known = host.ulimits_max.find(name);
        if (known == host.ulimits_max.end()) {
            return base::fail(base::concat("there is no ulimit '", name, "'"));
        }
        if (exceeds(ulimit.soft, ulimit.hard)) {
            return base::fail(base::concat("ulimit ", name, ": soft ", text_of(ulimit.soft),
                                           " is above hard ", text_of(ulimit.hard)));
        }
        std::int64_t const max = known->second;
        if (exceeds(ulimit.hard, max)) {
            notices.push_back(base::concat("ulimit ", name, " is ", text_of(max), " instead of ",
                                           text_of(ulimit.hard), ": the agent's own limit"));
            ulimit.hard = max;
            ulimit.soft = exceeds(ulimit.soft, max) ? max : ulimit.soft;
        }
    }
    auto const own = host.ulimits_max.find("nofile");
    std::int64_t const max = own != host.ulimits_max.end() ? own->second : open_files;
    std::int64_t const files = exceeds(open_files, max) ? max : open_files;
    limits.ulimits.try_emplace("nofile", Ulimit{files, files});
    return {};
}

base::Result<void> fit_cpu(Limits& limits, HostAbilities const& host,
                           std::vector<std::string>& notices) {
    if (limits.cpu_period_us != 0 &&
        (limits.cpu_period_us < cpu_period_min_us || limits.cpu_period_us > cpu_period_max_us)) {
        return base::fail(base::concat("cpu_period ", limits.cpu_period_us,
                                       " is not between 1000 and 1000000 microseconds"));
    }
    if (limits.cpu_quota_us > 0 && limits.cpu_quota_us < cpu_quota_min_us) {
        return base::fail(
            base::concat("cpu_quota ", limits.cpu_quota_us, " is below 1000 microseconds"));
    }
    if (limits.cpus.empty()) {
        return {};
    }
    std::set<std::uint32_t> const wanted = parse_cpus(limits.cpus);
    std::string found;
    std::size_t count = 0;
    for (std::uint32_t const cpu : wanted) {
        if (host.cpus.contains(cpu)) {
            found += base::concat(found.empty() ? "" : ",", cpu);
            ++count;
        }
    }
    if (wanted.empty()) {
        return base::fail(base::concat("cpuset '", limits.cpus, "' is no list such as 0-2,5"));
    }
    if (found.empty()) {
        return base::fail(
            base::concat("cpuset ", limits.cpus, ": this host has none of these CPUs"));
    }
    if (count < wanted.size()) {
        notices.push_back(base::concat("cpuset is ", found, " instead of ", limits.cpus,
                                       ": this host has no others"));
        limits.cpus = found;
    }
    return {};
}

base::Result<void> fit_memory(Limits& limits, HostAbilities const& host,
                              std::vector<std::string>& notices) {
    if (limits.memory_bytes != 0 && limits.memory_reservation > limits.memory_bytes) {
        return base::fail("the memory reservation is above the memory limit");
    }
    if (limits.memory_swap && limits.memory_bytes == 0) {
        notices.push_back("memswap_limit has no effect without mem_limit");
        limits.memory_swap.reset();
    }
    if (limits.memory_swap && *limits.memory_swap >= 0 &&
        static_cast<std::uint64_t>(*limits.memory_swap) < limits.memory_bytes) {
        return base::fail(
            "memswap_limit is memory and swap together: it cannot be below mem_limit");
    }
    if (limits.memory_swap && !host.swap_limit) {
        notices.push_back("memswap_limit has no effect: this host's kernel does not limit swap");
        limits.memory_swap.reset();
    }
    if (limits.memory_bytes != 0 && !limits.memory_swap && host.swap_limit) {
        // As much swap as memory, as Docker does.
        limits.memory_swap = static_cast<std::int64_t>(2 * limits.memory_bytes);
    }
    if (limits.swappiness && *limits.swappiness > swappiness_max) {
        return base::fail(base::concat("mem_swappiness ", *limits.swappiness, " is above 100"));
    }
    if (limits.swappiness && !host.swappiness) {
        notices.push_back("mem_swappiness has no effect: cgroup version 2 has none");
        limits.swappiness.reset();
    }
    if (limits.oom_kill_disable && !host.oom_kill_disable) {
        notices.push_back("oom_kill_disable has no effect: cgroup version 2 has none");
        limits.oom_kill_disable = false;
    }
    if (limits.oom_score_adj < -oom_score_adj_max || limits.oom_score_adj > oom_score_adj_max) {
        return base::fail(
            base::concat("oom_score_adj ", limits.oom_score_adj, " is not between -1000 and 1000"));
    }
    if (limits.oom_score_adj < host.oom_score_adj_min) {
        if (limits.oom_score_adj != 0) {
            notices.push_back(base::concat("oom_score_adj is ", host.oom_score_adj_min,
                                           " instead of ", limits.oom_score_adj,
                                           ": the agent may not go below its own"));
        }
        limits.oom_score_adj = host.oom_score_adj_min;
    }
    return {};
}

base::Result<void> fit_block_io(BlockIo& io, HostAbilities const& host,
                                std::vector<std::string>& notices) {
    auto const fits = [](std::uint32_t weight) {
        return weight >= block_weight_min && weight <= block_weight_max;
    };
    if ((io.weight != 0 && !fits(io.weight)) ||
        std::ranges::any_of(io.device_weights,
                            [&](auto const& entry) { return !fits(entry.second); })) {
        return base::fail("a weight of blkio_config is not between 10 and 1000");
    }
    if (io.weight != 0 && !host.block_weight) {
        notices.push_back("the blkio weight has no effect: this host's kernel has none");
        io.weight = 0;
    }
    if (!io.device_weights.empty() && !host.block_device_weight) {
        notices.push_back("blkio weights by device have no effect: this host's kernel has none");
        io.device_weights.clear();
    }
    bool const rates = !io.read_bps.empty() || !io.read_iops.empty() || !io.write_bps.empty() ||
                       !io.write_iops.empty();
    if (rates && !host.block_rate) {
        notices.push_back("blkio rates have no effect: this host's kernel has none");
        io = {.weight = io.weight, .device_weights = std::move(io.device_weights)};
    }
    return {};
}

}  // namespace

base::Result<Limits> fit_limits(Limits limits, HostAbilities const& host,
                                std::vector<std::string>& notices) {
    TRY_VOID(fit_ulimits(limits, host, notices));
    TRY_VOID(fit_cpu(limits, host, notices));
    TRY_VOID(fit_memory(limits, host, notices));
    TRY_VOID(fit_block_io(limits.block_io, host, notices));
    return limits;
}

}  // namespace runtime
