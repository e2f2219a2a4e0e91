#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>

#include "base/address.h"
#include "base/bytes.h"
#include "base/ids.h"
#include "base/result.h"
#include "base/time.h"
#include "net/frames.h"
#include "net/identity.h"
#include "net/join.h"
#include "net/sealing.h"

namespace boost::asio {
class io_context;
}  // namespace boost::asio

namespace net {

enum class Channel : std::uint8_t {
    // At most datagram_max bytes, and never in fragments: what the interface or the path does not
    // carry in one packet is lost. May be lost, repeated or reordered on its way.
    datagram,
    stream,  // at most message_max bytes; in order
};

// Why what was sent to an address did not arrive.
enum class Unreachable : std::uint8_t {
    // The host answered that nobody listens there: its agent is gone, the host is not. A hint, not
    // proof: whoever knows both ends can forge the ICMP message or the reset that says so.
    refused,
    silent,  // no answer, or an open stream broke
    ended,   // nothing was lost, but the peer has closed an open stream: its agent may be gone
};

inline constexpr std::uint16_t default_port = 7700;
inline constexpr std::size_t datagram_max = 60 * 1024;
inline constexpr std::size_t half_open_max = 64;         // when full the oldest is closed
inline constexpr std::size_t incoming_max = 1024;        // streams; when full a new one is refused
inline constexpr std::size_t outgoing_max = 1024;        // when full the longest idle is closed
inline constexpr std::size_t queue_bytes_max = 4 << 20;  // to one peer; when full the new is lost

struct TransportOptions {
    base::IpAddress bind = base::IpAddress::v4(0);  // the IPv6 "any" address serves IPv4 as well
    std::uint16_t port = default_port;              // UDP and TCP; 0 takes a free one for both
    base::Duration connect_timeout = base::seconds(2);
    base::Duration handshake_timeout = base::seconds(3);
    base::Duration idle_timeout = base::seconds(60);
};

// Who speaks here. The sealer must be of this identity.
struct TransportSelf {
    Identity identity;
    Sealer sealer;
    JoinDesk::Ports join;
};

// Called from io_context::run(). They may call send(), but not destroy the transport.
struct TransportEvents {
    // From a member: an address to answer to, and bytes valid during the call. For a stream the
    // source is the peer's IP with the port it listens on.
    std::function<void(base::NodeId from, base::SocketAddress source, Channel channel,
                       base::ByteView bytes)>
        on_message;
    // A connection to this address failed or broke, and what was queued for it is lost, or it was
    // ended: once for each. Or a datagram to it was refused: as often as the host says so.
    std::function<void(base::SocketAddress to, Unreachable why)> on_unreachable;
};

struct TransportCounters {
    std::uint64_t datagrams_in{}, datagrams_out{}, datagrams_unsent{};
    // Sent, and reported back by ICMP: refused by the host, larger than the path carries (or than
    // the interface, which are unsent as well), and for any other reason.
    std::uint64_t datagrams_refused{}, datagrams_too_large{}, datagrams_returned{};
    std::uint64_t messages_in{}, messages_out{}, messages_unsent{};
    std::uint64_t connections_refused{};  // over a bound, or a first message that is not ours
    std::uint64_t handshakes_failed{}, streams_broken{}, unreachable{};
    std::uint64_t joins_answered{}, joins_refused{};
    std::array<std::uint64_t, drop_kinds> dropped{};  // packets that did not open, by Drop
    std::uint64_t incoming_open{}, outgoing_open{};   // connections now, half open ones included
};

struct TransportState;

// Sealed datagrams and authenticated streams between members, and the door for joiners, on one
// port number for UDP and TCP. Nobody outside the fleet gets a byte back, except a joiner with a
// token that a member knows.
//
// A stream carries messages one way: each side opens its own. It is opened by the first message,
// kept while in use and closed when idle. A message is delivered, or on_unreachable() is called,
// or it was on its way when the peer's process ended.
class Transport {
public:
    // The error is one line: the port is in use, the address is not one of this host.
    [[nodiscard]] static base::Result<std::unique_ptr<Transport>> open(
        boost::asio::io_context& io, TransportSelf self, TransportOptions const& options,
        TransportEvents events);
    ~Transport();

    // Never blocks and never calls back. A message that is too long, or that finds its queue full,
    // is counted as unsent.
    void send(base::SocketAddress to, Channel channel, base::Bytes bytes);

    // The port that is bound.
    [[nodiscard]] std::uint16_t port() const;
    [[nodiscard]] TransportCounters counters() const;

private:
    explicit Transport(std::shared_ptr<TransportState> state);

    std::shared_ptr<TransportState> state_;  // shared with the coroutines that still unwind
};

}  // namespace net
