#pragma once

#include <cstdint>

#include <sys/types.h>

#include "base/time.h"

namespace fleet {

// What a process has used so far, from /proc. Throws Failure when there is no such process.
struct Usage {
    base::Duration cpu{};            // user and system, in steps of 10 ms
    std::uint64_t resident_bytes{};  // of memory, now
    std::uint64_t sent_bytes{};      // by every link but loopback of its network namespace,
    std::uint64_t received_bytes{};  // the frames as a whole
};

[[nodiscard]] Usage usage_of(pid_t process);

}  // namespace fleet
