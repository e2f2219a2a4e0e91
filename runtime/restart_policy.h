#pragma once

#include <cstdint>
#include <optional>

#include "base/time.h"

namespace runtime {

enum class RestartCondition : std::uint8_t { any, on_failure, none };

// Whether a container that ended is started again. A container that could not be made has not run:
// it is tried again whatever the policy.
struct RestartPolicy {
    RestartCondition condition{};
    std::optional<base::Duration> delay{};  // before each start; none: a wait that doubles
    std::uint32_t attempts_max{};           // restarts in a row; 0: no limit
    base::Duration window{};  // a run this long is no failed attempt; zero: every run counts
    friend bool operator==(RestartPolicy const&, RestartPolicy const&) = default;
};

}  // namespace runtime
