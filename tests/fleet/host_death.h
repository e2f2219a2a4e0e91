#pragma once

#include <string>
#include <vector>

#include "base/time.h"
#include "tests/fleet/harness.h"
#include "tests/fleet/http.h"

namespace fleet {

// What the death of one host did to a service.
struct HostDeath {
    base::Duration detection{};  // until every survivor says that the host is down
    base::Duration recovery{};   // until every survivor sees all replicas healthy on survivors
    std::size_t requests{};      // begun after the death
    std::size_t failed{};
    std::size_t failed_after_1s{};        // those begun more than a second after the death
    std::vector<std::string> problems{};  // of the failed ones, each once
};

// Kills a host outright while a client on host `client` asks the service's virtual address every
// 10 ms, and goes on for two seconds after the recovery. Throws when it takes longer than 60 s.
[[nodiscard]] HostDeath measure_host_death(Fleet& fleet, std::size_t victim, std::size_t client,
                                           std::string const& service, std::uint16_t port);

// "812 ms".
[[nodiscard]] std::string in_milliseconds(base::Duration duration);

}  // namespace fleet
