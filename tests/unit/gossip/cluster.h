#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "gossip/gossip.h"
#include "tests/support/fake_keys.h"

namespace gossip_test {

base::NodeId node_id(int host);
// The host that node_id() gave this identity to.
int host_of(base::NodeId const& id);
base::SocketAddress host_address(int host);
std::string host_name(int host);

// N Gossip machines on a network of simulated time. Everything follows from the seed; an event
// costs the same in a fleet of any size. A payload that is news to a host is passed on by it, as
// an agent would.
//
// A host is numbered from 0. It is dead (silent), up without its process (it refuses), or runs.
class Cluster {
public:
    struct Latency {
        base::Duration min = base::nanoseconds(200'000);
        base::Duration max = base::milliseconds(1);
    };

    struct Options {
        std::uint64_t seed = 1;
        double loss = 0;     // of datagrams; a stream is sent again and comes later
        double repeats = 0;  // of datagrams: how many come twice
        Latency latency{};   // one way
        // One way between two hosts, instead of `latency`.
        std::function<Latency(int from, int to)> latency_of{};
        // The largest datagram that passes: Ethernet, less seal and headers.
        std::size_t path_size = 1402;
        gossip::Config config{};
        bool keep_observed = true;
    };

    // What is wrong between two hosts in one direction.
    struct Link {
        bool cut = false;
        bool datagrams_cut = false;  // a firewall
        bool streams_cut = false;    // another
        double loss = 0;
        std::optional<std::size_t> path_size;
    };

    // What is wrong with everything that one host sends or receives.
    struct Faults {
        double loss_in = 0;
        double loss_out = 0;
        bool cut_in = false;
        bool cut_out = false;
    };

    // One life of a process.
    struct Life {
        std::uint64_t incarnation = 1;
        std::optional<base::SocketAddress> address;  // else host_address()
        std::optional<base::NodeId> identity;        // else node_id()
        std::optional<std::string> name;             // else host_name()
        std::uint32_t flaps = 0;
        std::vector<gossip::Member> remembered;
    };

    // As on the wire: seal, IP and UDP headers of datagrams and an opening of each stream included.
    struct Traffic {
        std::uint64_t datagrams_in{}, datagrams_out{}, streams_in{}, streams_out{};
        std::uint64_t bytes_in{}, bytes_out{};
    };

    struct Delivery {
        base::Instant at{};
        int from{};
        int to{};
        gossip::Channel channel{};
        base::ByteView bytes;
        bool arrived = true;  // false: the link was cut, or nobody listened
    };

    struct Observed {
        base::Instant at{};
        int host{};
        gossip::Change change;
    };

    struct Noticed {
        base::Instant at{};
        int host{};
        gossip::Trouble trouble;
    };

    explicit Cluster(Options options);

    // A new host, which knows nobody, or one that starts again.
    void start(int host, std::uint64_t incarnation = 1,
               std::optional<base::SocketAddress> address = {});
    void start(int host, Life life);
    // Starts it with all that it kept: the next incarnation, its losses, its members.
    void reboot(int host);
    // What it kept: as reboot() starts it.
    [[nodiscard]] Life kept(int host) const;

    // The host is gone: silence.
    void kill(int host);
    // Its process is gone: the host refuses what comes for it, and ends its streams.
    void kill_process(int host);
    // Nothing runs for this long; what arrives waits, as much as a socket holds.
    void pause(int host, base::Duration duration);
    // A laptop is closed: nothing runs, nothing arrives. Its clock may stop too.
    void suspend(int host, base::Duration duration, bool clock_stops);

    // Hosts 0..count-1, all joined through host 0, until each sees all the others alive.
    void start_joined(int count);
    void join(int host, std::vector<int> const& seeds);

    Link& link(int from, int to) { return links_[{from, to}]; }

    Faults& faults(int host) { return at_slot(host).faults; }

    void cut(int a, int b) { link(a, b).cut = link(b, a).cut = true; }

    void cut_one_way(int from, int to) { link(from, to).cut = true; }

    // Every link as it was at first.
    void heal() { links_.clear(); }

    void set_loss(double loss) { options_.loss = loss; }

    void run_for(base::Duration duration);
    // Runs until `condition` holds, looked at after every event or once in `every`; false if not
    // within `limit`.
    bool run_until(base::Duration limit, std::function<bool()> const& condition,
                   base::Duration every = {});

    // Calls that take effects.
    using Call = std::function<void(gossip::Gossip&, gossip::Effects&)>;
    void call(int host, Call const& what);
    // With the time by the clock of that host.
    using TimedCall = std::function<void(gossip::Gossip&, base::Instant now, gossip::Effects&)>;
    void call(int host, TimedCall const& what);
    void broadcast(int host, std::string const& text);

    [[nodiscard]] bool runs(int host) const;
    [[nodiscard]] gossip::Gossip& at(int host);
    [[nodiscard]] gossip::Gossip const& at(int host) const;

    [[nodiscard]] int size() const { return static_cast<int>(hosts_.size()); }

    [[nodiscard]] base::Instant now() const { return now_; }

    [[nodiscard]] base::Instant clock(int host) const;

    [[nodiscard]] Traffic const& traffic(int host) const { return hosts_.at(slot(host))->traffic; }

    [[nodiscard]] std::optional<gossip::State> view(int host, int of) const;
    // Every running host sees exactly the running hosts alive (and maybe others, not live).
    [[nodiscard]] bool converged() const;
    [[nodiscard]] bool all_see(int of, gossip::State state) const;

    std::vector<Observed> observed;
    std::vector<Noticed> troubles;
    // By text, then by host: when it arrived first.
    std::map<std::string, std::map<int, base::Instant>> delivered;
    std::map<gossip::Errc, std::uint64_t> refused;
    std::function<void(Delivery const&)> on_delivery;
    std::uint64_t datagrams = 0;
    std::uint64_t events = 0;
    std::size_t largest_datagram = 0;  // that arrived

private:
    struct Host {
        std::unique_ptr<support::FakeKeys> keys;
        std::unique_ptr<gossip::Gossip> gossip;  // of the last life, if it does not run
        base::NodeId id;
        base::SocketAddress address;
        bool up = false;       // the host answers, if only with refusals
        bool running = false;  // its process
        std::uint32_t life = 0;
        std::uint64_t incarnation = 0;  // as kept
        std::uint32_t flaps = 0;
        Faults faults;
        Traffic traffic;
        base::Instant armed = base::instant_max;  // the wake-up that counts
        base::Instant ticked{};
        int ticks_at_once = 0;
        base::Instant paused_until{};
        bool suspended = false;
        std::size_t waiting = 0;  // datagrams that arrived during the pause
        base::Duration clock_lag{};
        std::size_t alive = 0;                 // how many others it sees alive
        std::size_t live = 0;                  // and how many live in any way
        std::map<int, base::Instant> streams;  // by receiver: when the last one arrives
        std::map<int, base::Instant> open;     // by receiver: until when its stream is kept
    };

    struct Packet {
        base::Instant sent{};
        int from{};
        int to = -1;
        std::uint32_t sender_life{};
        base::SocketAddress address;
        gossip::Channel channel{};
        int tries = 0;
        gossip::Unreachable outcome{};
        base::Bytes bytes;
    };

    struct Stream {
        base::Duration taken{};
        bool arrives = false;
    };

    struct Event {
        enum class Kind : std::uint8_t { wake, arrival, outcome };

        base::Instant at{};
        std::uint64_t order{};
        Kind kind{};
        int host{};              // wake
        std::uint32_t packet{};  // the others

        friend bool operator>(Event const& a, Event const& b) {
            return std::pair(a.at, a.order) > std::pair(b.at, b.order);
        }
    };

    struct AddressHash {
        std::size_t operator()(base::SocketAddress const& address) const;
    };

    [[nodiscard]] static std::size_t slot(int host) { return static_cast<std::size_t>(host); }

    Host& at_slot(int host);
    void stop(int host);

    // The next event, if due by `end`.
    bool step(base::Instant end);
    void push(Event event);
    void wake(int host);
    void rearm(int host);
    void carry_out(int host, gossip::Effects& effects);
    void count(int host, gossip::Change const& change);
    void hear(int host, gossip::Payload const& payload);

    void send(int from, gossip::Send send);
    void send_datagram(Packet packet);
    void send_stream(Packet packet);
    void arrive(std::uint32_t index);
    void arrive_datagram(std::uint32_t index);
    void arrive_stream(std::uint32_t index);
    void deliver(std::uint32_t index);
    // Tells the sender, at this time.
    void fail(std::uint32_t index, gossip::Unreachable why, base::Instant at);
    void give_outcome(std::uint32_t index);
    void tell(Packet const& packet, bool arrived) const;

    [[nodiscard]] Link const* link_of(int from, int to) const;
    [[nodiscard]] bool passes(int from, int to, gossip::Channel channel) const;
    [[nodiscard]] double loss(int from, int to) const;
    base::Duration draw_latency(int from, int to);
    base::Duration draw_segment(int from, int to, int ways, base::Duration again);
    Stream draw_stream(int from, int to);
    // The host that answers at this address, with or without its process; null: silence.
    Host* receiver(Packet& packet);

    [[nodiscard]] bool is_paused(Host const& host) const { return now_ < host.paused_until; }

    std::uint32_t keep(Packet packet);
    void release(std::uint32_t index);

    Options options_;
    base::Prng prng_;
    base::Instant now_{base::seconds(1)};
    std::vector<std::unique_ptr<Host>> hosts_;
    std::size_t running_ = 0;
    mutable std::size_t unconverged_ = 0;  // where converged() failed last
    std::unordered_map<base::SocketAddress, int, AddressHash> addresses_;
    std::map<std::pair<int, int>, Link> links_;
    std::vector<Event> events_;  // a heap
    std::uint64_t order_ = 0;
    std::vector<Packet> packets_;
    std::vector<std::uint32_t> free_packets_;
};

}  // namespace gossip_test
