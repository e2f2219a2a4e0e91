#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/time.h"

namespace spec {

// What a smaller part of a fleet that is cut in two does with the service.
enum class Partition : std::uint8_t { available, single };

enum class StrategyKind : std::uint8_t { rolling, blue_green, canary };

struct Strategy {
    StrategyKind kind{};
    std::uint32_t percent{};  // canary: of the replicas, 1 to 99
    base::Duration bake{};    // blue_green, canary: healthy for this long before the switch
    friend bool operator==(Strategy const&, Strategy const&) = default;
};

enum class Overlap : std::uint8_t { skip, replace };

// Runs the service at times instead of always.
struct Schedule {
    std::string cron{};      // five fields, or "@daily" and the like; empty: always
    std::string timezone{};  // "UTC", "Europe/Berlin"; empty: UTC
    Overlap overlap{};       // when the last run is not over
    friend bool operator==(Schedule const&, Schedule const&) = default;
};

// Replicas between two bounds. Percentages of the reservation; 0: not looked at.
struct Autoscale {
    std::uint32_t min{};
    std::uint32_t max{};  // 0: no scaling
    std::uint32_t cpu_percent{};
    std::uint32_t memory_percent{};
    std::uint32_t connections{};  // of one replica
    base::Duration cooldown = base::seconds(60);
    friend bool operator==(Autoscale const&, Autoscale const&) = default;
};

enum class Balance : std::uint8_t { hash, least_connections, nearest };
enum class Affinity : std::uint8_t { none, client_ip };
enum class ProxyProtocol : std::uint8_t { off, v1, v2 };

struct LoadBalancing {
    Balance balance{};
    Affinity affinity{};
    ProxyProtocol proxy_protocol{};   // sent to the containers
    std::uint32_t max_connections{};  // of one replica; 0: no limit
    friend bool operator==(LoadBalancing const&, LoadBalancing const&) = default;
};

// The keys of x-covey. Nothing here changes a container that runs.
struct Extension {
    Partition partition{};
    Strategy strategy{};
    Schedule schedule{};
    Autoscale autoscale{};
    LoadBalancing lb{};
    std::int32_t priority{};  // -1000 to 1000: a higher one may displace a lower one
    std::uint32_t standby{};  // further containers, kept created but not started
    friend bool operator==(Extension const&, Extension const&) = default;
};

}  // namespace spec
