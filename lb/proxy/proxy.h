#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/address.h"
#include "base/result.h"
#include "base/time.h"
#include "lb/table.h"

namespace lb {

struct ProxyConfig {
    // A backend that has not accepted after this long gets a rival; the first to accept wins.
    base::Duration connect_hedge = base::milliseconds(200);
    // After this long without any accepting, the client's connection is reset.
    base::Duration connect_timeout = base::seconds(10);
    // How long a client is kept waiting while a frontend has no backends at all: long enough for
    // the containers of a dead host to run elsewhere.
    base::Duration wait_for_backend = base::seconds(3);
    // Unacknowledged data for this long ends a connection whose backend left the table or is
    // doubtful. Other backends may be as slow as they like.
    base::Duration lost_backend_timeout = base::seconds(10);
    base::Duration udp_idle = base::seconds(30);
    base::Duration bind_retry = base::seconds(5);
    // More connections than this wait in the kernel's queue until one ends; of these, at most
    // `waiting_max` may wait for a backend, more are reset. Datagrams that would need one more
    // session than `sessions_max` are dropped. start() lowers them to what RLIMIT_NOFILE allows.
    std::size_t connections_max = 4096;
    std::size_t waiting_max = 1024;
    std::size_t sessions_max = 4096;
};

struct ProxyStats {
    std::uint64_t generation{};  // of the table that is followed now
    std::uint64_t accepted{};    // TCP, since start
    std::uint64_t connected{};   // of these, reached a backend
    std::uint64_t retried{};     // attempts beyond a connection's first
    std::uint64_t failed{};      // reset because no backend accepted in time
    std::uint64_t active{};      // connections now
    std::uint64_t waiting{};     // of these, waiting for a first backend
    std::uint64_t sessions{};    // UDP, now
    std::uint64_t datagrams{};   // carried, both ways
    std::uint64_t dropped{};     // datagrams without backend, session or room
    std::uint64_t bind_failures{};
};

// A frontend that cannot be listened on now. It is tried again every `bind_retry` and with every
// table; the others are not affected.
struct ProxyProblem {
    std::string service;
    Protocol protocol{};
    base::SocketAddress listen;
    std::string reason;
};

// The userspace path: listens on every frontend of the table and carries bytes to its backends, on
// one thread of its own in the network namespace of the thread that calls start(). Connections
// outlive changes of the table. Its functions may be called from any thread.
class Proxy {
public:
    [[nodiscard]] static base::Result<std::unique_ptr<Proxy>> start(ProxyConfig config);
    // Closes every listener and connection.
    ~Proxy();
    Proxy(Proxy const&) = delete;
    Proxy& operator=(Proxy const&) = delete;

    // Returns at once; stats().generation tells when it is followed. The last one given counts.
    void set_table(std::shared_ptr<Table const> table);
    [[nodiscard]] ProxyStats stats() const;
    [[nodiscard]] std::vector<ProxyProblem> problems() const;

private:
    class Loop;
    explicit Proxy(std::unique_ptr<Loop> loop);

    std::unique_ptr<Loop> loop_;
};

}  // namespace lb
