#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/address.h"

namespace lb {

enum class Protocol : std::uint8_t { tcp, udp };

struct Backend {
    base::SocketAddress address;
    // Its host is suspected: used last, because most suspicions end well.
    bool doubtful{};
    friend auto operator<=>(Backend const&, Backend const&) = default;
};

// A place where clients connect: a virtual IP and port, or a published port on every address of
// the host (`listen.ip` unspecified).
struct Frontend {
    std::string service;  // for counters and messages
    base::SocketAddress listen;
    Protocol protocol{};
    std::vector<Backend> backends;
    friend bool operator==(Frontend const&, Frontend const&) = default;
};

// What is balanced now. Computed by the agent, followed by every path (proxy, later the kernel's).
struct Table {
    std::uint64_t generation{};
    std::vector<Frontend> frontends;  // sorted by (protocol, listen), each pair once
};

// The order in which to try the backends for one new flow: the first is where it goes, the next is
// for when that fails to answer, and so on; doubtful ones come last. Rendezvous order by `flow`, so
// removing a backend moves only its own flows.
[[nodiscard]] std::vector<std::size_t> order(Frontend const& frontend, std::uint64_t flow);

// What a path must do to follow `next` after `previous`: both are sorted, as in Table.
struct Difference {
    std::vector<Frontend> opened;
    std::vector<Frontend> changed;
    std::vector<Frontend> closed;
};

[[nodiscard]] Difference difference(Table const& previous, Table const& next);

}  // namespace lb
