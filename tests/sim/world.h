#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "agent/agent.h"
#include "base/random.h"
#include "crdt/store.h"
#include "tests/sim/events.h"
#include "tests/sim/fake_store.h"

namespace sim {

// What goes wrong, drawn anew for every seed (swarm testing): some seeds lose every third packet,
// others none but cut the network all the time.
struct Faults {
    double loss{};
    double duplication{};
    base::Duration delay_min = base::milliseconds(1);
    base::Duration delay_max = base::milliseconds(5);
    base::Duration write_max = base::milliseconds(8);  // the longest that a write to a disk takes
    double start_failure{};
    // Mean time between faults of a kind, over the whole fleet; zero: never.
    base::Duration host_crash{}, agent_kill{}, partition{}, pause{}, container_death{};

    [[nodiscard]] static Faults draw(base::Prng& prng);
};

// One simulated host: its disk and its containers outlive its agent.
struct Host {
    std::size_t index{};
    base::NodeId id;
    base::SocketAddress address;
    std::unique_ptr<agent::Agent> agent;  // empty: not running
    std::uint64_t boots{};
    std::uint64_t life{};   // raised when the agent ends: what it left in flight is void
    std::uint64_t power{};  // raised when the host crashes: its containers are gone
    FakeStore disk;
    std::vector<std::uint64_t> unwritten;  // the numbers of the writes asked for
    std::size_t writing{};                 // how many of them the disk is at
    std::optional<base::Instant> wake;
    bool frozen = false;                      // nothing happens on it; what arrives waits in
    std::vector<std::function<void()>> held;  // this

    struct Container {
        runtime::Assignment assignment;
        base::IpAddress address;
        bool running = true;
        runtime::ExitStatus exit{};
    };

    std::map<std::string, Container> containers;
    std::optional<agent::NetworkPlan> network;
    std::optional<lb::Table> table;
};

// A fleet in one process: the machines that ship, a network and disks that fail, one heap of
// events, no threads, no clock. The same seed gives the same run, event for event: trace() proves
// it.
class World {
public:
    World(std::uint64_t seed, std::size_t hosts);
    ~World();

    // Hosts start, join the first one, and the services are applied at random ones.
    void boot();
    void apply(std::size_t host, spec::ServiceSpec const& service);
    void run_for(base::Duration duration);
    // Runs until `done` holds or `limit` has passed; whether it held.
    bool run_until(base::Duration limit, std::function<bool()> const& done);

    void set_faults(Faults const& faults);
    // No more faults; every host comes back and reaches every other.
    void heal();

    void crash_host(std::size_t index);
    void kill_agent(std::size_t index);
    void start_agent(std::size_t index);
    // A host that is down or does not know the service changes nothing.
    void remove(std::size_t host, std::string const& service);
    void scale(std::size_t host, std::string const& service, std::uint32_t replicas);
    // Its agent has left() later; kill it then.
    void leave(std::size_t index);
    // `side` and the others do not hear each other; with `one_way`, only `side` does not hear.
    void partition(std::set<std::size_t> const& side, bool one_way = false);
    void unite();
    // As under a stopped virtual machine: it misses nothing and does nothing until the thaw.
    void freeze(std::size_t index);
    void thaw(std::size_t index);

    [[nodiscard]] base::Instant now() const { return now_; }

    [[nodiscard]] std::vector<std::unique_ptr<Host>> const& hosts() const { return hosts_; }

    [[nodiscard]] base::Prng& prng() { return prng_; }

    [[nodiscard]] std::uint64_t trace() const { return trace_; }

    [[nodiscard]] std::uint64_t events() const { return events_run_; }

private:
    // `action` at `when`, or once the host has thawed.
    void at_host(Host& host, base::Instant when, std::function<void()> action);
    // Likewise, if the agent that is there now still is.
    void at_agent(Host& host, base::Instant when, std::function<void()> action);
    void tell(Host& host, std::function<void(agent::Agent&, agent::Effects&)> const& event);
    void carry_out(Host& host, agent::Effects& effects);
    void write(Host& host);
    void crash_some_host();
    void kill_some_agent();
    void part_some_hosts();
    void freeze_some_host();
    void end_some_container();
    void deliver(Host& from, gossip::Send send);
    void perform(Host& host, runtime::Action action);
    void start_container(Host& host, runtime::Start const& start);
    void runtime_event(Host& host, base::Duration delay, runtime::Event event);
    void schedule_wake(Host& host);
    void schedule_fault(base::Duration mean, std::function<void()> fault);
    void note(std::uint64_t what, Host const& host, base::ByteView bytes);
    [[nodiscard]] base::Duration between(base::Duration low, base::Duration high);
    [[nodiscard]] std::optional<std::size_t> at(base::SocketAddress address) const;
    [[nodiscard]] std::size_t random_index();
    [[nodiscard]] bool hears(std::size_t to, std::size_t from) const;

    base::Prng prng_;
    base::Instant now_{};
    Events queue_;
    std::vector<std::unique_ptr<Host>> hosts_;
    std::set<std::size_t> cut_off_;  // do not hear the others
    bool cut_one_way_ = false;       // but are heard by them
    Faults faults_;
    std::uint64_t fault_era_ = 0;  // raised by heal(): faults scheduled before it do not happen
    std::uint64_t trace_ = 0;
    std::uint64_t events_run_ = 0;
};

}  // namespace sim
