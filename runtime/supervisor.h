#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/random.h"
#include "base/time.h"
#include "runtime/container.h"
#include "runtime/driver.h"

namespace runtime {

// A slot that this host should run.
struct Desired {
    Assignment assignment;
    ContainerSpec spec;
    HealthCheck health;
    base::Duration stop_grace = base::seconds(10);
};

enum class Phase : std::uint8_t {
    starting,  // the driver is making it
    running,   // it runs; not yet healthy, or unhealthy
    healthy,   // it runs and its check passes, or it has none
    draining,  // still serving, but out of the tables; SIGTERM follows
    stopping,  // SIGTERM sent
    backoff,   // it ended; the next start waits
    failed,    // the driver could not make it; retried like backoff
};

struct Instance {
    std::string id;
    Assignment assignment;
    Phase phase{};
    base::IpAddress address;  // unspecified until it runs
    std::uint32_t restarts{};
    std::optional<ExitStatus> last_exit;
    std::string message;  // why it failed or is unhealthy; at most 512 bytes
};

struct Effects {
    std::vector<Action> actions;
    bool changed = false;  // instances() reads differently than before
};

struct Config {
    base::Duration backoff_min = base::milliseconds(100);
    base::Duration backoff_max = base::seconds(60);
    base::Duration stable_after = base::seconds(10);  // running this long forgets earlier failures
    // From leaving the tables to SIGTERM: every host's tables have followed by then.
    base::Duration drain = base::milliseconds(500);
};

// Makes what runs equal to what should run: a pure machine per host. One container per (service,
// slot): a new revision replaces the old one stop-first. Failures are retried with doubling,
// jittered backoff.
class Supervisor {
public:
    Supervisor(Config config, base::Prng prng);

    // Containers that an earlier agent left, before the first set_desired().
    void adopt(base::Instant now, std::vector<Adopted> found, Effects& out);

    // The whole set, at most one per (service, slot). What is not in it any more is drained,
    // stopped and removed.
    void set_desired(base::Instant now, std::vector<Desired> desired, Effects& out);

    void on_event(base::Instant now, Event const& event, Effects& out);
    void on_tick(base::Instant now, Effects& out);
    [[nodiscard]] base::Instant next_deadline() const;

    // Sorted by id.
    [[nodiscard]] std::vector<Instance> instances() const;

private:
    struct Container;
    std::map<std::string, Container> containers_;
    std::map<std::string, Desired> desired_;
    Config config_;
    base::Prng prng_;
    std::uint64_t serial_{};
};

}  // namespace runtime
