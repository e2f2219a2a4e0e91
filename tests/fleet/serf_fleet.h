#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include <sys/types.h>

#include "tests/fleet/guardian.h"
#include "tests/fleet/remains.h"
#include "tests/fleet/wiring.h"

namespace fleet {

// A cluster of Serf agents to measure Covey beside: the same hosts on the same kind of switch,
// removed in the same way. Default settings but for the profile; nothing is encrypted. Throws
// Failure like Fleet.
class SerfFleet {
public:
    struct Options {
        std::string serf;     // path of the binary
        std::string profile;  // "lan", "wan" or "local": Serf's own sets of timings
        std::size_t hosts = 5;
    };

    // The hosts with their agents, joined; not all may know each other yet.
    explicit SerfFleet(Options options);
    SerfFleet(SerfFleet const&) = delete;
    SerfFleet& operator=(SerfFleet const&) = delete;
    // Removes everything.
    ~SerfFleet();

    // The host is gone at once, and comes back with its name and address.
    void kill_host(std::size_t host);
    void return_host(std::size_t host);

    // SIGKILL of the agent alone, and a new one.
    void kill_agent(std::size_t host);
    void start_agent(std::size_t host);

    [[nodiscard]] pid_t agent_pid(std::size_t host) const { return agents_.at(host); }

    // Whether `observer` has listed the host that was killed last as failed since. Read from its
    // log: it writes that line while it holds the lock of the list it changed. Its events would be
    // up to 3 s late, and questions about the list would be work for the agent.
    [[nodiscard]] bool lists_failed(std::size_t observer, std::size_t host) const;
    // Whether every host lists every host as alive.
    [[nodiscard]] bool is_whole() const;

private:
    [[nodiscard]] std::string directory(std::size_t host) const;
    [[nodiscard]] std::string log(std::size_t host) const;
    void boot(std::size_t host);
    void remember_logs();

    Options options_;
    std::string run_;
    Guardian guardian_;
    Wiring wiring_;
    std::vector<pid_t> agents_;
    std::vector<std::streamoff> log_sizes_;  // when a host was killed last
};

}  // namespace fleet
