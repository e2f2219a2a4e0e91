#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/address.h"
#include "base/descriptor.h"

// Plain blocking-with-deadline sockets on loopback, for tests.
namespace test {

// An address of 127/8 that this test process uses alone, with a port that nobody uses.
[[nodiscard]] base::SocketAddress free_address();

struct Socket {
    base::Descriptor fd;
    base::SocketAddress address;
};

[[nodiscard]] Socket listen_tcp(base::SocketAddress const& address, int backlog = 64);
[[nodiscard]] Socket bind_udp(base::SocketAddress const& address);

// A listener that answers no further connect: its queue is full.
struct SilentListener {
    SilentListener();
    Socket listener;
    base::Descriptor filler;
};

// Connected, or nothing when refused. Does not wait longer than five seconds.
[[nodiscard]] std::optional<base::Descriptor> dial(base::SocketAddress const& address);
[[nodiscard]] base::Descriptor dial_udp(base::SocketAddress const& address);
// The next connection; fails the test when none comes.
[[nodiscard]] base::Descriptor accept_on(Socket const& listener);
[[nodiscard]] bool readable_now(int fd);

void send_text(int fd, std::string_view text);
// Exactly that many bytes, or what came before the end.
[[nodiscard]] std::string receive_text(int fd, std::size_t size);
[[nodiscard]] std::string receive_datagram(int fd);

enum class Ending { in_order, reset, still_open };
// How the stream ends, after whatever it still carries.
[[nodiscard]] Ending ending_of(int fd);

// Waits until it holds; false after five seconds.
[[nodiscard]] bool becomes_true(std::function<bool()> const& condition);

}  // namespace test
