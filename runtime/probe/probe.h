#pragma once

#include <string>

#include "base/address.h"
#include "runtime/container.h"

namespace runtime {

struct ProbeResult {
    bool healthy{};
    std::string output;  // for a person; at most 4096 bytes, no control characters
};

// One tcp or http check of a container, within check.timeout as a whole; blocks. tcp: the port
// accepts. http: a GET of check.path is answered with a status from 200 to 399. The other kinds are
// not asked over the network: unhealthy, and the output says so. Given up at once when the
// descriptor `stop` becomes readable.
[[nodiscard]] ProbeResult probe(base::IpAddress address, HealthCheck const& check, int stop = -1);

}  // namespace runtime
