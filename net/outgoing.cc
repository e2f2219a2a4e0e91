// The sender's end of a stream: one connection to each peer that messages are sent to.

#include <array>
#include <utility>

#include <netinet/tcp.h>

#include "net/clock.h"
#include "net/handshake.h"
#include "net/transport_state.h"

namespace net {

namespace {
using asio::ip::tcp;

constexpr auto write_timeout = base::seconds(10);  // for one message
// Until the kernel gives up a connection whose data nobody acknowledges.
constexpr unsigned unacknowledged_max_ms = 5000;

// Opens the socket on the address that datagrams leave from, so that the peer sees one host.
bool prepare(TransportState const& state, Outgoing& link) {
    base::IpAddress const& own = state.options.bind;
    bool const v4 = link.peer.ip.is_v4();
    boost::system::error_code error;
    link.socket.open(v4 ? tcp::v4() : tcp::v6(), error);
    if (error) {
        return false;
    }
    boost::system::error_code ignored;
    link.socket.set_option(tcp::no_delay(true), ignored);
    ::setsockopt(link.socket.native_handle(), IPPROTO_TCP, TCP_USER_TIMEOUT, &unacknowledged_max_ms,
                 sizeof unacknowledged_max_ms);
    if (!own.is_unspecified() && own.is_v4() == v4) {
        link.socket.bind(tcp::endpoint(to_asio(own), 0), error);
    }
    return !error;
}

asio::awaitable<bool> connect(std::shared_ptr<TransportState> state,
                              std::shared_ptr<Outgoing> link) {
    if (!prepare(*state, *link)) {
        co_return false;
    }
    link->deadline = now() + state->options.connect_timeout;
    tcp::endpoint const endpoint(to_asio(link->peer.ip), link->peer.port);
    auto const [error] = co_await link->socket.async_connect(endpoint, await_tuple);
    link->refused = error == asio::error::connection_refused;
    co_return !error;
}

// The peer sends nothing after its reply: whatever arrives is the end of the connection.
asio::awaitable<void> watch(std::shared_ptr<Outgoing> link) {
    auto const [waited] = co_await link->socket.async_wait(tcp::socket::wait_read, await_tuple);
    if (!waited) {
        std::array<std::byte, 1> byte{};
        boost::system::error_code error;
        link->socket.non_blocking(true, error);
        link->socket.read_some(asio::buffer(byte.data(), byte.size()), error);
        link->broken = error != asio::error::eof;
    }
    link->ended = !waited && !link->closed;
    close(*link);
}

// Sends what is queued until the stream is closed; false if a message was lost.
asio::awaitable<bool> send_queued(std::shared_ptr<TransportState> state,
                                  std::shared_ptr<Outgoing> link, FrameWriter writer) {
    while (!link->closed) {
        if (link->queue.empty()) {
            link->idle = true;
            link->deadline = now() + state->options.idle_timeout;
            link->wake.expires_at(asio::steady_timer::time_point::max());
            co_await link->wake.async_wait(await_tuple);
            link->idle = false;
            continue;
        }
        base::Bytes const frames = writer.seal(link->queue.front());
        link->queued_bytes -= link->queue.front().size();
        link->queue.pop_front();
        link->deadline = now() + write_timeout;
        bool const written = co_await write(link->socket, frames);
        if (!written) {
            co_return false;
        }
        ++state->counters.messages_out;
    }
    co_return link->queue.empty() && !link->broken;
}

asio::awaitable<bool> deliver(std::shared_ptr<TransportState> state,
                              std::shared_ptr<Outgoing> link) {
    bool good = co_await connect(state, link);
    if (!good || state->stopped) {
        co_return false;
    }
    link->deadline = now() + state->options.handshake_timeout;
    ClientHandshake handshake(state->identity, state->sealer, state->port);
    base::Bytes reply(reply_size);
    good = co_await write(link->socket, handshake.hello());
    if (good) {
        good = co_await read(link->socket, reply);
    }
    if (!good || state->stopped) {
        co_return false;
    }
    auto done = handshake.on_reply(reply);
    if (!done) {
        ++state->counters.handshakes_failed;
        co_return false;
    }
    good = co_await write(link->socket, done->finish);
    if (!good) {
        co_return false;
    }
    spawn(state->io, watch(link));
    good = co_await send_queued(state, link, std::move(done->writer));
    co_return good;
}

asio::awaitable<void> run(std::shared_ptr<TransportState> state, std::shared_ptr<Outgoing> link) {
    bool const good = co_await deliver(state, link);
    close(*link);
    if (state->stopped) {
        co_return;
    }
    auto const found = state->outgoing.find(link->peer);
    if (found != state->outgoing.end() && found->second == link) {
        state->outgoing.erase(found);
    }
    if (!good) {
        state->counters.messages_unsent += link->queue.size();
        ++state->counters.unreachable;
        // Only a connection that is refused tells that nobody listens. One that was open may break
        // or end because the process died, but also because the peer did not want it or started
        // anew meanwhile, or because something on the path forgot it.
        state->events.on_unreachable(link->peer,
                                     link->refused ? Unreachable::refused : Unreachable::silent);
    } else if (link->ended) {
        state->events.on_unreachable(link->peer, Unreachable::ended);
    }
}

// False if every connection is busy.
bool make_room(TransportState& state) {
    if (state.outgoing.size() < outgoing_max) {
        return true;
    }
    auto victim = state.outgoing.end();
    for (auto at = state.outgoing.begin(); at != state.outgoing.end(); ++at) {
        bool const longer =
            victim == state.outgoing.end() || at->second->deadline < victim->second->deadline;
        if (at->second->idle && longer) {
            victim = at;
        }
    }
    if (victim == state.outgoing.end()) {
        return false;
    }
    close(*victim->second);
    state.outgoing.erase(victim);
    return true;
}
}  // namespace

void enqueue(std::shared_ptr<TransportState> const& state, base::SocketAddress const& to,
             base::Bytes message) {
    auto found = state->outgoing.find(to);
    if (found != state->outgoing.end() && found->second->closed) {
        state->outgoing.erase(found);  // its coroutine still unwinds; a new stream may begin
        found = state->outgoing.end();
    }
    std::size_t const queued =
        found == state->outgoing.end() ? 0 : found->second->queued_bytes + message.size();
    if (message.size() > message_max || queued > queue_bytes_max ||
        (found == state->outgoing.end() && !make_room(*state))) {
        ++state->counters.messages_unsent;
        return;
    }
    if (found == state->outgoing.end()) {
        auto link = std::make_shared<Outgoing>(state->io, to);
        link->deadline = now() + state->options.connect_timeout;
        found = state->outgoing.emplace(to, link).first;
        spawn(state->io, run(state, link));
    }
    Outgoing& link = *found->second;
    link.queued_bytes += message.size();
    link.queue.push_back(std::move(message));
    link.wake.cancel();
}

void close(Outgoing& link) {
    boost::system::error_code ignored;
    link.socket.close(ignored);
    link.closed = true;
    link.wake.cancel();
}

}  // namespace net
