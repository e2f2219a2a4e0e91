#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/random.h"
#include "base/result.h"
#include "lb/proxy/poller.h"
#include "lb/proxy/proxy.h"
#include "lb/table.h"

namespace lb {

// Written by the proxy's thread, read by any.
struct ProxyCounters {
    std::atomic<std::uint64_t> generation, accepted, connected, retried, failed, active, waiting,
        sessions, datagrams, dropped, bind_failures;
};

// What all frontends of one proxy share; of its thread only, but for the counters.
struct ProxyContext {
    Poller& poller;
    ProxyConfig const& config;
    ProxyCounters& counters;
    base::Prng random;
    // No listener accepts while this holds: every connection, or descriptor, is in use. It ends
    // when fewer than `resume_below` connections are active.
    bool accept_paused = false;
    std::uint64_t resume_below{};
    std::array<std::byte, 64 * 1024> scratch{};
};

// One frontend of the table as it is served.
class LiveFrontend : public Handler {
public:
    // Binds its socket unless it has it.
    virtual base::Result<void> open() = 0;
    // The table has it with these backends now.
    virtual void follow(Frontend frontend) = 0;
    // The table does not have it any more: stops listening. Connections go on.
    virtual void close() = 0;
    // Closed, and the last connection has ended.
    [[nodiscard]] virtual bool drained() const = 0;
    // Takes account of accept_paused.
    virtual void accept_or_pause() = 0;
};

}  // namespace lb
