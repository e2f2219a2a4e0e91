#include "runtime/oci/bundle_resources.h"

#include <algorithm>
#include <cctype>
#include <limits>

#include "base/text.h"

namespace runtime {
namespace {

namespace json = boost::json;

constexpr std::uint64_t cpu_period_us = 100'000;

json::object rule_of(DeviceRule const& rule) {
    json::object result{
        {"allow", true}, {"type", std::string(1, rule.type)}, {"access", rule.access}};
    if (rule.major) {
        result["major"] = *rule.major;
    }
    if (rule.minor) {
        result["minor"] = *rule.minor;
    }
    return result;
}

json::object cpu_of(Limits const& limits) {
    json::object cpu;
    if (limits.cpu_shares > 0) {
        cpu["shares"] = limits.cpu_shares;
    }
    if (limits.cpu_period_us > 0) {
        cpu["period"] = limits.cpu_period_us;
    }
    if (limits.cpu_quota_us != 0) {
        cpu["quota"] = limits.cpu_quota_us;
    } else if (limits.cpu_milli > 0) {
        std::uint64_t const period =
            limits.cpu_period_us > 0 ? limits.cpu_period_us : cpu_period_us;
        cpu["period"] = period;
        cpu["quota"] = std::max<std::uint64_t>(limits.cpu_milli * period / 1000, 1000);
    }
    if (!limits.cpus.empty()) {
        cpu["cpus"] = limits.cpus;
    }
    return cpu;
}

json::object memory_of(Limits const& limits) {
    json::object memory;
    if (limits.memory_bytes > 0) {
        memory["limit"] = limits.memory_bytes;
    }
    if (limits.memory_reservation > 0) {
        memory["reservation"] = limits.memory_reservation;
    }
    if (limits.memory_swap) {
        memory["swap"] = *limits.memory_swap;
    }
    if (limits.swappiness) {
        memory["swappiness"] = *limits.swappiness;
    }
    if (limits.oom_kill_disable) {
        memory["disableOOMKiller"] = true;
    }
    return memory;
}

template <class Value>
json::array by_device(std::map<std::string, Value> const& values, char const* name,
                      std::map<std::string, DeviceNumber> const& numbers) {
    json::array result;
    for (auto const& [path, value] : values) {
        DeviceNumber const number = numbers.at(path);
        result.push_back(
            json::object{{"major", number.major}, {"minor", number.minor}, {name, value}});
    }
    return result;
}

json::object block_io_of(Bundle const& bundle) {
    BlockIo const& io = bundle.limits.block_io;
    json::object result;
    if (io.weight > 0) {
        result["weight"] = io.weight;
    }
    auto const add = [&](char const* key, json::array devices) {
        if (!devices.empty()) {
            result[key] = std::move(devices);
        }
    };
    add("weightDevice", by_device(io.device_weights, "weight", bundle.block_devices));
    add("throttleReadBpsDevice", by_device(io.read_bps, "rate", bundle.block_devices));
    add("throttleWriteBpsDevice", by_device(io.write_bps, "rate", bundle.block_devices));
    add("throttleReadIOPSDevice", by_device(io.read_iops, "rate", bundle.block_devices));
    add("throttleWriteIOPSDevice", by_device(io.write_iops, "rate", bundle.block_devices));
    return result;
}

std::uint64_t limit_of(std::int64_t value) {
    return value < 0 ? std::numeric_limits<std::uint64_t>::max()
                     : static_cast<std::uint64_t>(value);
}

}  // namespace

json::object resources_of(Bundle const& bundle) {
    json::array devices{json::object{{"allow", false}, {"access", "rwm"}}};
    for (DeviceRule const& rule : bundle.devices.rules) {
        devices.push_back(rule_of(rule));
    }
    json::object resources{{"devices", std::move(devices)}};
    auto const add = [&](char const* key, json::object part) {
        if (!part.empty()) {
            resources[key] = std::move(part);
        }
    };
    add("cpu", cpu_of(bundle.limits));
    add("memory", memory_of(bundle.limits));
    add("blockIO", block_io_of(bundle));
    if (bundle.limits.pids > 0) {
        resources["pids"] = {{"limit", bundle.limits.pids}};
    }
    return resources;
}

json::array rlimits_of(Limits const& limits) {
    json::array result;
    for (auto const& [name, ulimit] : limits.ulimits) {
        std::string type = base::concat("RLIMIT_", name);
        std::ranges::transform(type, type.begin(), [](unsigned char c) { return std::toupper(c); });
        result.push_back(json::object{
            {"type", type}, {"hard", limit_of(ulimit.hard)}, {"soft", limit_of(ulimit.soft)}});
    }
    return result;
}

}  // namespace runtime
