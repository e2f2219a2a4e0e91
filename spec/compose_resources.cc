#include <algorithm>
#include <array>
#include <limits>

#include "base/text.h"
#include "spec/compose_service.h"
#include "spec/compose_units.h"
#include "spec/rules.h"

namespace spec {

namespace {

constexpr std::uint64_t number_max = std::uint64_t{1} << 50;

void read_cpus(Report& report, Field const& field, Draft& draft) {
    std::optional<std::uint64_t> const milli =
        field.value->kind == Node::Kind::scalar ? parse_cpus(field.value->text) : std::nullopt;
    if (!milli) {
        report.expected(field, "a number of CPUs such as 0.5");
        return;
    }
    draft.limits.cpu_milli = *milli;
}

template <Resources Draft::* member>
void read_memory(Report& report, Field const& field, Draft& draft) {
    (draft.*member).memory_bytes = read_bytes(report, field).value_or(0);
}

void read_pids_limit(Report& report, Field const& field, Draft& draft) {
    // -1 is "no limit" to Compose, as 0 is here.
    std::int64_t const pids =
        read_integer(report, field, -1, static_cast<std::int64_t>(pids_max)).value_or(0);
    draft.limits.pids = pids > 0 ? static_cast<std::uint64_t>(pids) : 0;
}

void read_memswap_limit(Report& report, Field const& field, Draft& draft) {
    if (field.value->text == "-1") {
        draft.spec.cgroup.memory_swap = -1;
    } else if (auto const bytes = read_bytes(report, field)) {
        draft.spec.cgroup.memory_swap = static_cast<std::int64_t>(*bytes);
    }
}

void read_swappiness(Report& report, Field const& field, Draft& draft) {
    if (auto const percent = read_number(report, field, 0, 100)) {
        draft.spec.cgroup.swappiness = static_cast<std::uint32_t>(*percent);
    }
}

void read_shares(Report& report, Field const& field, Draft& draft) {
    draft.spec.cgroup.cpu_shares = read_number(report, field, 0, number_max).value_or(0);
}

// Microseconds, or a duration.
std::optional<std::int64_t> read_microseconds(Report& report, Field const& field) {
    std::string const& text = field.value->text;
    if (auto const number = base::parse_integer<std::int64_t>(text); number && *number >= -1) {
        return *number;
    }
    auto const duration = read_duration(report, field, base::Duration::zero());
    return duration ? std::optional(
                          std::chrono::duration_cast<std::chrono::microseconds>(*duration).count())
                    : std::nullopt;
}

void read_quota(Report& report, Field const& field, Draft& draft) {
    draft.spec.cgroup.cpu_quota = read_microseconds(report, field).value_or(0);
}

void read_period(Report& report, Field const& field, Draft& draft) {
    std::int64_t const period = read_microseconds(report, field).value_or(0);
    if (period < 0) {
        report.expected(field, "microseconds above zero");
        return;
    }
    draft.spec.cgroup.cpu_period = static_cast<std::uint64_t>(period);
}

void read_cpuset(Report& report, Field const& field, Draft& draft) {
    std::optional<std::string> cpus = read_text(report, field);
    if (cpus && !std::ranges::all_of(
                    *cpus, [](char c) { return (c >= '0' && c <= '9') || c == '-' || c == ','; })) {
        report.expected(field, "CPUs such as 0-3,7");
        return;
    }
    draft.spec.cgroup.cpuset = std::move(cpus).value_or("");
}

struct DeviceRate {
    std::string path;
    std::uint64_t rate{};
};

void read_rate_path(Report& report, Field const& field, DeviceRate& rate) {
    rate.path = read_filled_text(report, field).value_or("");
}

void read_rate(Report& report, Field const& field, DeviceRate& rate) {
    rate.rate = read_bytes(report, field).value_or(0);
}

template <auto member>
void read_rates(Report& report, Field const& field, BlockIo& io) {
    static constexpr std::array<Key<DeviceRate>, 3> keys{
        {{"path", read_rate_path}, {"rate", read_rate}, {"weight", read_rate}}};
    constexpr bool weights = std::is_same_v<decltype(member), decltype(&BlockIo::weight_device)>;
    for (Field const& item : read_items(report, field, "a list of devices")) {
        DeviceRate rate;
        read_keys<DeviceRate>(report, item, rate,
                              weights ? "services.*.blkio_config.weight_device"
                                      : "services.*.blkio_config.device_read_bps",
                              keys);
        if (weights && rate.rate > 1000) {
            report.error(item, "expected a weight up to 1000, found more");
            continue;
        }
        using Value = std::remove_reference_t<decltype(io.*member)>::mapped_type;
        (io.*member)[rate.path] = static_cast<Value>(rate.rate);
    }
}

void read_weight(Report& report, Field const& field, BlockIo& io) {
    io.weight = static_cast<std::uint32_t>(read_number(report, field, 0, 1000).value_or(0));
}

void read_blkio_config(Report& report, Field const& field, Draft& draft) {
    static constexpr std::array<Key<BlockIo>, 6> keys{{
        {"device_read_bps", read_rates<&BlockIo::read_bps>},
        {"device_read_iops", read_rates<&BlockIo::read_iops>},
        {"device_write_bps", read_rates<&BlockIo::write_bps>},
        {"device_write_iops", read_rates<&BlockIo::write_iops>},
        {"weight", read_weight},
        {"weight_device", read_rates<&BlockIo::weight_device>},
    }};
    read_keys<BlockIo>(report, field, draft.spec.cgroup.block_io, "services.*.blkio_config", keys);
}

constexpr std::array<Key<Draft>, 12> keys{{
    {"blkio_config", read_blkio_config},
    {"cpu_period", read_period},
    {"cpu_quota", read_quota},
    {"cpu_shares", read_shares},
    {"cpus", read_cpus},
    {"cpuset", read_cpuset},
    {"mem_limit", read_memory<&Draft::limits>},
    {"mem_reservation", read_memory<&Draft::reservations>},
    {"mem_swappiness", read_swappiness},
    {"memswap_limit", read_memswap_limit},
    {"oom_kill_disable", read_flag<&ServiceSpec::cgroup, &Cgroup::oom_kill_disable>},
    {"pids_limit", read_pids_limit},
}};

}  // namespace

std::span<Key<Draft> const> resource_keys() {
    return keys;
}

}  // namespace spec
