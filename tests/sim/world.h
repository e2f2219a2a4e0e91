#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "agent/agent.h"
#include "base/random.h"
#include "tests/sim/events.h"
#include "tests/sim/faults.h"
#include "tests/sim/host.h"
#include "tests/sim/ledger.h"
#include "tests/sim/network.h"

namespace sim {

// What of the agents' configuration differs from the default, the same on every host: a quarter of
// the fleets have hardly more subnets than hosts, so that they claim the same ones.
[[nodiscard]] agent::Config fleet_config(std::uint64_t seed, std::size_t hosts);

// A fleet in one process: the machines that ship, a network, disks and clocks that fail, one heap
// of events, no threads. The same seed gives the same run, event for event: trace() proves it.
//
// Faults are made here one by one; Chaos decides which and when.
class World {
public:
    World(std::uint64_t seed, std::size_t hosts);
    ~World();

    // Hosts start one after the other, or at once in some seeds, and join the first one.
    void boot();
    void run_for(base::Duration duration);
    // Runs until `done` holds or `limit` has passed; whether it held.
    bool run_until(base::Duration limit, std::function<bool()> const& done);
    // `action` in the world, whatever the hosts do.
    void after(base::Duration delay, std::function<void()> action);

    // Commands of a user. A host that is down or does not know the service changes nothing.
    void apply(std::size_t host, spec::ServiceSpec const& service);
    void remove(std::size_t host, std::string const& service);
    void scale(std::size_t host, std::string const& service, std::uint32_t replicas);
    // Its agent has left() later; kill it then.
    void leave(std::size_t index);

    void crash_host(std::size_t index);
    // Crashes for ever with its disk: what starts later begins with an empty one.
    void destroy_disk(std::size_t index);
    void kill_agent(std::size_t index);
    void start_agent(std::size_t index);
    // As under a stopped virtual machine: it misses little and does nothing until the thaw.
    void freeze(std::size_t index);
    void thaw(std::size_t index);
    void set_clock_rate(std::size_t index, std::int64_t millionths);
    void jump_clock(std::size_t index, base::Duration ahead);
    void fill_disk(std::size_t index);
    void free_disk(std::size_t index);
    void end_container(std::size_t index, std::string const& id, runtime::ExitStatus exit);
    // `side` and the others do not hear each other, until unite(); with `one_way`, only `side` does
    // not hear.
    void partition(std::set<std::size_t> const& side, bool one_way = false);
    void unite();
    // What befalls packets, writes and containers.
    void set_faults(Faults const& faults);
    // Everything works again, and every host is up.
    void repair();

    // Told of everything that agents send.
    using Tap = std::function<void(Host const& from, gossip::Channel, base::ByteView)>;

    void set_tap(Tap tap) { tap_ = std::move(tap); }

    [[nodiscard]] base::Instant now() const { return now_; }

    // What the agent of this host takes for the time.
    [[nodiscard]] base::Instant local(Host const& host) const { return host.clock.local(now_); }

    [[nodiscard]] std::vector<std::unique_ptr<Host>> const& hosts() const { return hosts_; }

    [[nodiscard]] agent::Config const& config() const { return config_; }

    [[nodiscard]] Network& network() { return network_; }

    [[nodiscard]] Network const& network() const { return network_; }

    [[nodiscard]] Ledger const& ledger() const { return ledger_; }

    [[nodiscard]] std::uint64_t trace() const { return trace_; }

    [[nodiscard]] std::uint64_t events() const { return events_run_; }

    // The longest message that was sent, as agents frame it.
    [[nodiscard]] std::size_t longest(gossip::Channel channel) const {
        return longest_[static_cast<std::size_t>(channel)];
    }

private:
    // Calls the agent of a host, with its own time, and carries out what it wants done.
    template <class Call>
    void tell(Host& host, Call&& call) {
        if (host.agent && !host.frozen) {
            agent::Effects effects;
            call(*host.agent, local(host), effects);
            carry_out(host, effects);
        }
    }

    void at_host(Host& host, base::Instant when, Event event);
    // Void if the agent that runs now does not run then.
    void at_agent(Host& host, base::Instant when, Event event);
    void happen(Event event);
    void on(Host& host, Wake const& wake);
    void on(Host& host, Arrival const& arrival);
    void on(Host& host, Undelivered const& undelivered);
    void on(Host& host, Written const& written);
    void on(Host& host, RuntimeNews const& news);
    void on(Host& host, ContainerEnd const& end);

    void carry_out(Host& host, agent::Effects& effects);
    void schedule_wake(Host& host);
    void note(std::uint64_t what, Host const& host, base::ByteView bytes);
    [[nodiscard]] std::optional<std::size_t> at(base::SocketAddress address) const;

    // The users (world_users.cc).
    template <class Call>
    void command(std::size_t host, std::string const& service, std::string const& subject,
                 Call&& call);

    void await_acks(Host& host, Host::Promise const& promise, agent::Agent& agent,
                    base::Instant local_now, agent::Effects& out);
    void on_acknowledged(Host& host, agent::Acknowledged const& acknowledged);

    // Network and disk (world_io.cc).
    void deliver(Host& from, gossip::Send& send);
    void deliver_stream(Host& from, std::size_t to, std::shared_ptr<base::Bytes const> bytes);
    void report_undelivered(Host& from, std::size_t to, gossip::Unreachable why);
    void write(Host& host);
    void refuse_writes(Host& host);
    // As net/host_disk.cc: tells the agent whether its disk takes anything, now and again.
    void look_at_disk(Host& host);
    void watch_disk(Host& host);

    // Containers (world_containers.cc).
    void perform(Host& host, runtime::Action action);
    void start_container(Host& host, runtime::Start const& start);
    void runtime_event(Host& host, base::Duration delay, runtime::Event event);

    [[nodiscard]] static base::Duration draw(base::Prng& prng, base::Duration low,
                                             base::Duration high);

    agent::Config config_;
    // One each, so that leaving out one kind of fault changes as little as possible.
    base::Prng boot_prng_, disk_prng_, container_prng_;
    base::Instant now_{};
    Events<Event> queue_;
    std::vector<std::unique_ptr<Host>> hosts_;
    Network network_;
    std::vector<std::uint64_t> partitions_;  // made by partition()
    std::set<Link> failing_;                 // connections that are about to be reported broken
    Faults faults_;
    Ledger ledger_;
    Tap tap_;
    std::size_t longest_[2] = {};
    std::uint64_t trace_ = 0;
    std::uint64_t events_run_ = 0;
};

}  // namespace sim
