#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"

namespace spec {

enum class RestartCondition : std::uint8_t { any, on_failure, none };

struct RestartPolicy {
    RestartCondition condition{};
    std::optional<base::Duration> delay{};  // nothing: a pause that grows
    std::uint32_t max_attempts{};           // within `window`; 0: no limit
    base::Duration window{};                // a run at least this long was a success; 0: any run
    friend bool operator==(RestartPolicy const&, RestartPolicy const&) = default;
};

enum class FailureAction : std::uint8_t { pause, proceed, rollback };
enum class UpdateOrder : std::uint8_t { stop_first, start_first };

// How the containers of a service are replaced, or put back.
struct UpdateConfig {
    std::uint32_t parallelism = 1;  // 0: all at once
    base::Duration delay{};
    FailureAction failure_action{};
    base::Duration monitor = base::seconds(5);  // a new container that fails within it counts
    std::uint32_t max_failure_ppm{};            // of the replicas, parts per million
    UpdateOrder order{};
    friend bool operator==(UpdateConfig const&, UpdateConfig const&) = default;
};

enum class EndpointMode : std::uint8_t { vip, dnsrr };
enum class PullPolicy : std::uint8_t { missing, always, never, refresh };

// How the fleet treats the service: nothing here changes a container that runs.
struct Deploy {
    RestartPolicy restart{};
    UpdateConfig update{};
    UpdateConfig rollback{};
    EndpointMode endpoint_mode{};
    std::vector<std::string> spread{};            // node.labels.NAME, first the most important
    std::map<std::string, std::string> labels{};  // of the service, not of its containers
    PullPolicy pull_policy{};
    base::Duration pull_refresh_after{};  // refresh: the age at which an image is asked for anew
    friend bool operator==(Deploy const&, Deploy const&) = default;
};

}  // namespace spec
