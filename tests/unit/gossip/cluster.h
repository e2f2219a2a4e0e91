#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "gossip/gossip.h"

namespace gossip_test {

base::NodeId node_id(int host);
base::SocketAddress host_address(int host);
std::string host_name(int host);

// N Gossip machines on a network of simulated time: datagrams may be lost, links cut, hosts
// killed. A payload that is news to a host is passed on by it. Everything follows from the seed.
class Cluster {
public:
    struct Options {
        std::uint64_t seed = 1;
        double loss = 0;  // of datagrams
        base::Duration latency_min = base::nanoseconds(200'000);
        base::Duration latency_max = base::milliseconds(1);
        gossip::Config config{};
    };

    struct Delivery {
        base::Instant at{};
        int from{};
        int to{};
        gossip::Channel channel{};
        base::Bytes bytes;
        bool arrived = true;  // false: the link was cut or the receiver dead
    };

    struct Observed {
        base::Instant at{};
        int host{};
        gossip::Change change;
    };

    explicit Cluster(Options options);

    // A new host, which knows nobody, or a killed one that starts again.
    void start(int host, std::uint64_t incarnation = 1,
               std::optional<base::SocketAddress> address = {});

    void kill(int host) { hosts_.erase(host); }

    // Hosts 0..count-1, all joined through host 0, until each sees all the others alive.
    void start_joined(int count);
    void join(int host, std::vector<int> const& seeds);

    void cut(int a, int b) { cut_.insert({a, b}), cut_.insert({b, a}); }

    void cut_one_way(int from, int to) { cut_.insert({from, to}); }

    void heal() { cut_.clear(); }

    void run_for(base::Duration duration);
    // Runs until `condition` holds, looked at after every event; false if not within `limit`.
    bool run_until(base::Duration limit, std::function<bool()> const& condition);

    // Calls that take effects.
    void call(int host, std::function<void(gossip::Gossip&, gossip::Effects&)> const& what);

    [[nodiscard]] gossip::Gossip& at(int host) { return hosts_.at(host); }

    [[nodiscard]] base::Instant now() const { return now_; }

    [[nodiscard]] std::optional<gossip::State> view(int host, int of) const;
    // Every running host sees exactly the running hosts alive (and maybe others, not live).
    [[nodiscard]] bool converged() const;
    [[nodiscard]] bool all_see(int of, gossip::State state) const;

    std::vector<Observed> observed;
    std::map<int, std::vector<std::string>> payloads;
    std::map<int, std::uint64_t> saved_incarnations;
    std::function<void(Delivery const&)> on_delivery;
    std::uint64_t datagrams = 0;
    std::size_t largest_datagram = 0;

private:
    // The next event, if due by `end`: a delivery or a tick.
    bool step(base::Instant end);
    void deliver(Delivery const& delivery);
    void carry_out(int host, gossip::Effects& effects);

    Options options_;
    base::Prng prng_;
    base::Instant now_{base::seconds(1)};
    std::map<int, gossip::Gossip> hosts_;
    std::map<base::SocketAddress, int> addresses_;
    std::set<std::pair<int, int>> cut_;
    std::multimap<base::Instant, Delivery> network_;
};

}  // namespace gossip_test
