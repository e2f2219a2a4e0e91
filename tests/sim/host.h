#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "agent/agent.h"
#include "tests/sim/fake_store.h"
#include "tests/sim/host_clock.h"
#include "tests/support/fake_keys.h"

namespace sim {

// What happens on a host, if the life of its agent that it belongs to still lasts.
struct Wake {
    base::Instant due{};
};

struct Arrival {
    std::size_t from{};
    gossip::Channel channel{};
    std::shared_ptr<base::Bytes const> bytes;
};

struct Undelivered {
    std::size_t to{};
    gossip::Unreachable why{};
};

struct Written {};

struct RuntimeNews {
    runtime::Event event;
};

struct ContainerEnd {
    std::string id;
    std::uint64_t power{};
    runtime::ExitStatus exit;
};

struct Event {
    static constexpr std::uint64_t any_life = ~std::uint64_t{0};
    static constexpr std::size_t no_host = ~std::size_t{0};

    std::size_t host = no_host;
    std::uint64_t life = any_life;
    std::variant<std::function<void()>, Wake, Arrival, Undelivered, Written, RuntimeNews,
                 ContainerEnd>
        what;
};

// A socket's buffer: what comes while a host is frozen beyond this is lost.
inline constexpr std::size_t mail_max = 1024;

// One simulated host: its disk, clock and containers outlive its agent.
struct Host {
    struct Container {
        runtime::Assignment assignment;
        base::IpAddress address;
        bool running = true;
        runtime::ExitStatus exit{};
    };

    // A user who waits: for the write of this number to be on this disk, then for other hosts.
    struct Promise {
        std::uint64_t sequence{};
        agent::Accepted accepted;
        std::vector<crdt::Entry> entries;
    };

    std::size_t index{};
    base::NodeId id;
    std::unique_ptr<support::FakeKeys> keys;
    base::SocketAddress address;
    std::unique_ptr<agent::Agent> agent;  // empty: not running
    std::uint64_t boots{};
    std::uint64_t life{};   // raised when the agent ends: what it left in flight is void
    std::uint64_t power{};  // raised when the host crashes: its containers are gone
    bool powered = true;
    HostClock clock;

    FakeStore disk;
    bool disk_full = false;
    std::deque<std::uint64_t> unwritten;  // the numbers of the writes asked for
    std::size_t writing{};                // how many of them the disk is at
    std::size_t refused{};                // how many of them failed, and are tried again
    std::vector<Promise> promises;
    std::map<std::uint64_t, std::vector<crdt::Entry>> acknowledging;  // by the request
    std::uint64_t next_request = 1;

    std::optional<base::Instant> wake;  // by the world's clock
    bool frozen = false;                // nothing happens on it; what does happen waits in
    std::vector<Event> held;            // this

    std::map<std::string, Container> containers;
    std::optional<agent::NetworkPlan> network;
    std::optional<lb::Table> table;

    // What its agents have sent in all.
    std::uint64_t packets_out{};
    std::uint64_t bytes_out{};
    // What they have asked of the disk in all.
    std::uint64_t writes_asked{};
    std::uint64_t bytes_asked{};
};

}  // namespace sim
