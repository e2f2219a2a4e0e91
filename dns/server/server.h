#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/address.h"
#include "base/result.h"
#include "base/time.h"
#include "dns/zone.h"

namespace dns {

struct ServerConfig {
    std::vector<base::SocketAddress> listen;
    // Asked in this order, starting with the one that answered last; never an address of ours.
    std::vector<base::SocketAddress> upstreams;
    base::Duration upstream_timeout = base::seconds(2);  // then the next one is asked
    base::Duration idle_timeout = base::seconds(10);     // then a TCP client is closed
};

// What the server has done since its start.
struct ServerCounters {
    std::uint64_t queries{};
    std::uint64_t dropped{};  // neither answered nor forwarded
    std::uint64_t forwarded{};
    std::uint64_t forwards_failed{};     // SERVFAIL: no upstream answered
    std::uint64_t forwards_refused{};    // SERVFAIL: forwards_max were under way
    std::uint64_t responses_rejected{};  // from an upstream, but to no question of ours
    std::uint64_t clients_evicted{};     // TCP, to make room for another
};

inline constexpr std::size_t forwards_max = 1024;
inline constexpr std::size_t tcp_clients_max = 128;  // beyond: the longest idle one is closed

// Answers DNS over UDP and TCP on a thread of its own, from the zone set last, and forwards what
// is not ours. Until a zone is set every query gets SERVFAIL, so that nobody caches a name's
// absence. All functions may be called from any thread; the destructor stops the thread.
class Server {
public:
    // An address that cannot be bound is an error that says why.
    [[nodiscard]] static base::Result<std::unique_ptr<Server>> start(ServerConfig config);
    ~Server();
    Server(Server const&) = delete;
    Server& operator=(Server const&) = delete;

    void set_zone(std::shared_ptr<Zone const> zone);
    // Answers on one more address, which an interface must hold by now.
    [[nodiscard]] base::Result<void> listen(base::SocketAddress const& address);
    // As bound: a port that was asked for as 0 is the one that the kernel chose.
    [[nodiscard]] std::vector<base::SocketAddress> addresses() const;
    [[nodiscard]] ServerCounters counters() const;

private:
    class Loop;
    explicit Server(std::unique_ptr<Loop> loop);
    std::unique_ptr<Loop> loop_;
};

}  // namespace dns
