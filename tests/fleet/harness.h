#pragma once

#include <deque>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

#include "agent/report.h"
#include "base/address.h"
#include "net/admin/admin_client.h"
#include "tests/fleet/command.h"
#include "tests/fleet/guardian.h"
#include "tests/fleet/remains.h"
#include "tests/fleet/wiring.h"

// Fleets of real hosts on this machine: each host is a network namespace with a link of its own, a
// control group, directories, and an agent, which runs real containers. Everything throws Failure
// when the machine does not do what was asked; a command that says no is an Output.
namespace fleet {

// Why no fleet can be made here ("run as root"); empty if one can.
[[nodiscard]] std::string reason_to_skip(std::string const& agent);

// The token in the join command that `agent init` prints.
[[nodiscard]] std::string join_token(std::string_view init_output);

// One host. Its containers are known by the ids that `agent ps -o wide` shows.
class Host {
public:
    Host(Wiring& wiring, std::size_t index, std::string run, std::string agent);

    [[nodiscard]] std::string const& name() const { return name_; }

    [[nodiscard]] base::IpAddress address() const { return wiring_.address(index_); }

    [[nodiscard]] base::Descriptor const& netns() const { return wiring_.netns(index_); }

    [[nodiscard]] std::string const& directory() const { return scope_.directory; }

    [[nodiscard]] std::string state_dir() const;
    [[nodiscard]] std::string services_dir() const;

    // What this host's agent has logged.
    [[nodiscard]] std::string log() const;

    // A command line of the agent, run on this host: agent({"ps", "-o", "json"}).
    [[nodiscard]] Output agent(std::vector<std::string> arguments) const;
    // The same by the admin socket.
    [[nodiscard]] net::AdminClient client() const;
    // Throws when there is no agent; nothing for a service that is not known.
    [[nodiscard]] std::vector<agent::InstanceReport> instances(std::string_view service) const;
    [[nodiscard]] agent::ServiceReport service(std::string_view service) const;
    [[nodiscard]] std::vector<agent::NodeReport> nodes() const;

    // The agent of this host's saved identity, in the background, when it answers.
    void start_agent();
    // As systemd does: SIGTERM, and waits for its end. Containers go on.
    void stop_agent();
    // SIGKILL. Containers go on.
    void kill_agent();
    [[nodiscard]] pid_t agent_pid() const;

    // Into the services directory, whole: readers see the old text or the new one.
    void put_file(std::string const& name, std::string_view text) const;
    void remove_file(std::string const& name) const;

    // The ids of the containers that take up room on this host, running or not.
    [[nodiscard]] std::vector<std::string> containers() const;
    // The first process of a container on this host, as this machine numbers it.
    [[nodiscard]] pid_t container_process(std::string const& id) const;
    [[nodiscard]] base::Descriptor container_netns(std::string const& id) const;
    // A program of the container's image, inside the container.
    [[nodiscard]] Output exec(std::string const& id, std::vector<std::string> arguments) const;
    // A file of the container's control group, such as "memory/memory.limit_in_bytes".
    [[nodiscard]] std::string cgroup_file(std::string const& id, std::string const& file) const;

private:
    friend class Fleet;

    // Makes the namespace, the directories and the agent's configuration file.
    void boot();
    void end_agent(int signal);

    Wiring& wiring_;
    std::size_t index_;
    std::string name_;
    std::string agent_;
    Scope scope_;
};

class Fleet {
public:
    struct Options {
        std::string agent;  // path of the binary
        std::size_t hosts = 3;
        std::string run{};  // name of the run; empty: of this process
        Guardian::Signals signals{};
    };

    // The hosts, without agents.
    explicit Fleet(Options options);
    Fleet(Fleet const&) = delete;
    Fleet& operator=(Fleet const&) = delete;
    // Removes everything. If COVEY_FLEET_LOGS names a directory, the agents' logs are kept there.
    ~Fleet();

    [[nodiscard]] std::string const& run() const { return run_; }

    [[nodiscard]] std::string directory() const { return run_directory(run_); }

    [[nodiscard]] std::size_t size() const { return hosts_.size(); }

    [[nodiscard]] Host& host(std::size_t index) { return hosts_.at(index); }

    [[nodiscard]] Guardian& guardian() { return guardian_; }

    // The archive of a small image, "busybox", made on the spot.
    [[nodiscard]] std::string image();

    // `agent init` on the first host, `agent join` on the others.
    void join_all();
    // The same, and `agent image load` on all.
    void found();

    // The host is gone at once: link, agent, shims, containers.
    void kill_host(std::size_t index);
    // Power comes back: a new network stack, /run empty, the state directory as it was left. The
    // agent starts.
    void return_host(std::size_t index);

    // Another address than any host had, from the next return on.
    void renumber(std::size_t index) { wiring_.renumber(index); }

    // The cable of one host, and groups that do not reach each other.
    void unplug(std::size_t index) { wiring_.unplug(index); }

    void plug(std::size_t index) { wiring_.plug(index); }

    void partition(std::vector<std::vector<std::size_t>> const& groups) {
        wiring_.partition(groups);
    }

    void heal() { wiring_.heal(); }

private:
    std::string run_;
    Guardian guardian_;
    std::string directory_;
    Wiring wiring_;
    std::deque<Host> hosts_;
};

}  // namespace fleet
