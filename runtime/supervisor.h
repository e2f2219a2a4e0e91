#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/random.h"
#include "base/time.h"
#include "runtime/container.h"
#include "runtime/driver.h"
#include "runtime/restart_policy.h"

namespace runtime {

// A slot that this host should run.
struct Desired {
    Assignment assignment;
    ContainerSpec spec;
    HealthCheck health;
    base::Duration stop_grace = base::seconds(10);
    RestartPolicy restart{};
};

enum class Phase : std::uint8_t {
    starting,   // the driver is making it
    running,    // it runs; not yet healthy, or unhealthy
    healthy,    // it runs and its check passes, or it has none
    draining,   // still serving, but out of the tables; SIGTERM follows
    stopping,   // SIGTERM sent
    backoff,    // it ended; the next start waits
    failed,     // the driver could not make it; retried like backoff
    completed,  // it ended, and its restart policy does not start it again
};

struct Instance {
    std::string id;
    Assignment assignment;
    Phase phase{};
    base::IpAddress address;  // unspecified until it runs
    std::uint32_t restarts{};
    std::optional<ExitStatus> last_exit;
    // Why it failed or is unhealthy, else what of its specification this host could not do; at most
    // 512 bytes.
    std::string message;
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

// Makes what runs equal to what should run: a pure machine per host.
//
// - One container per (service, slot): a new revision replaces the old one stop-first, and starts
//   when the driver has freed the old one.
// - A container found at adopt() keeps running if its revision is the desired one.
// - What ends is started again if its restart policy says so, after the policy's delay (at least
//   `backoff_min`) or a doubling, jittered wait; what cannot be made, always. A new revision
//   forgets waits, attempts and ends of the one before it.
// - A health check is probed at once, then every `start_interval` until it first passes, then every
//   `interval`; never twice at the same time. Failures within `start_period` do not count before
//   the first success. `retries` failures in a row make a container unhealthy: it leaves the tables
//   (phase running) but keeps running.
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
    enum class Life : std::uint8_t { starting, running, draining, stopping, ended };

    struct Container {
        Assignment assignment;
        Life life = Life::starting;
        base::IpAddress address{};
        base::Instant running_since{};
        base::Instant drained_at{};
        base::Instant probe_at{};
        base::Duration stop_grace = base::seconds(10);
        bool probing = false;
        bool healthy = false;
        bool was_healthy = false;
        bool removing = false;            // Remove was asked for
        std::uint32_t probes_failed = 0;  // in a row
        std::string message{};
        std::string notice{};
        std::optional<ExitStatus> exit{};
        bool judged = false;  // whether it starts again is decided
    };

    // What outlives the containers of a slot; forgotten with its revision.
    struct Slot {
        Desired desired;
        std::string last_id;  // of the container that ended or failed last
        bool start_failed = false;
        bool completed = false;
        std::uint32_t failures = 0;  // in a row
        std::uint32_t attempts = 0;  // restarts in a row, as the policy counts them
        std::uint32_t restarts = 0;
        base::Instant retry_at;  // instant_max: never
        std::optional<ExitStatus> last_exit;
        std::string message;
    };

    using SlotKey = std::pair<std::string, std::uint32_t>;
    using ContainerEntry = std::map<std::string, Container>::value_type;

    [[nodiscard]] static SlotKey key_of(Assignment const& assignment);
    [[nodiscard]] bool occupied(SlotKey const& key) const;
    // The slot that the container is for, if its revision is the desired one.
    [[nodiscard]] Slot const* slot_of(Container const& container) const;
    [[nodiscard]] Slot* slot_of(Container const& container);
    [[nodiscard]] Phase phase_of(Container const& container) const;
    [[nodiscard]] std::string new_id(Assignment const& assignment);

    void reconcile(base::Instant now, Effects& out);
    void keep(base::Instant now, Slot const& slot, ContainerEntry& entry, Effects& out);
    void let_go(base::Instant now, ContainerEntry& entry, Effects& out);
    void start(base::Instant now, Slot& slot, Effects& out);
    void begin_serving(base::Instant now, Container& container);
    void bury(base::Instant now, ContainerEntry& entry, Effects& out);
    void judge(base::Instant now, Slot& slot, Container const& container);
    void count_failure(base::Instant now, Slot& slot);

    void on(base::Instant now, Started const& event, Effects& out);
    void on(base::Instant now, StartFailed const& event, Effects& out);
    void on(base::Instant now, Exited const& event, Effects& out);
    void on(base::Instant now, Removed const& event, Effects& out);
    void on(base::Instant now, Probed const& event, Effects& out);

    std::map<std::string, Container> containers_;  // by id
    std::map<SlotKey, Slot> slots_;
    bool told_ = false;  // set_desired() was called: until then nothing is stopped
    Config config_;
    base::Prng prng_;
};

}  // namespace runtime
