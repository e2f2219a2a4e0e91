// The member's end of a connection: streams that others send on, and joiners.

#include <algorithm>
#include <array>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>

#include "net/clock.h"
#include "net/handshake.h"
#include "net/transport_state.h"

namespace net {

namespace {
using asio::ip::tcp;

constexpr auto accept_pause = base::milliseconds(100);  // when descriptors have run out
constexpr std::size_t finish_box_size = std::tuple_size_v<Signature> + 1 + tag_size;
constexpr std::size_t kept_buffer_max = 4096;

// Our end waits longer than the sender's, so that an idle stream is closed by the side that knows
// that nothing is on its way.
base::Duration idle_wait(TransportState const& state) {
    return state.options.idle_timeout * 3 / 2;
}

base::IpAddress remote_ip(tcp::socket const& socket) {
    boost::system::error_code error;
    return from_asio(socket.remote_endpoint(error).address());
}

asio::awaitable<void> answer_join(std::shared_ptr<TransportState> state,
                                  std::shared_ptr<Incoming> link, base::Bytes hello) {
    auto const answer = state->desk.on_hello(wall_now(), remote_ip(link->socket), hello);
    if (!answer) {
        ++state->counters.joins_refused;
        co_return;
    }
    ++state->counters.joins_answered;
    co_await write(link->socket, *answer);
}

// The box of the next frame, or nothing when the stream ended.
asio::awaitable<bool> read_frame(tcp::socket& socket, base::Bytes& box, std::size_t size_max) {
    std::array<std::byte, frame_header_size> header{};
    bool const began = co_await read(socket, header);
    std::size_t const size = base::ByteReader(header).u16();
    if (!began || size > size_max) {
        co_return false;
    }
    box.resize(size);
    bool const whole = co_await read(socket, box);
    co_return whole;
}

asio::awaitable<void> receive_messages(std::shared_ptr<TransportState> state,
                                       std::shared_ptr<Incoming> link, base::Bytes hello) {
    ServerHandshake handshake(state->identity, state->sealer);
    auto const reply = handshake.on_hello(hello);
    if (!reply) {
        ++state->counters.handshakes_failed;
        co_return;
    }
    base::SocketAddress const source{.ip = remote_ip(link->socket),
                                     .port = handshake.client_port()};
    base::Bytes box;
    bool open = co_await write(link->socket, *reply);
    while (open) {
        std::size_t const size_max = link->member ? frame_max : finish_box_size;
        open = co_await read_frame(link->socket, box, size_max);
        if (!open || state->stopped) {
            co_return;
        }
        auto const message = handshake.reader().on_frame(box);
        if (!message || (!link->member && *message && !handshake.on_finish(**message))) {
            ++(link->member ? state->counters.streams_broken : state->counters.handshakes_failed);
            co_return;
        }
        if (box.capacity() > kept_buffer_max) {
            box = {};
        }
        if (link->member && *message) {
            ++state->counters.messages_in;
            state->events.on_message(handshake.client(), source, Channel::stream, **message);
        }
        if (*message) {
            link->member = true;
        }
        if (link->member) {
            link->deadline = now() + idle_wait(*state);
        }
    }
}

asio::awaitable<void> serve(std::shared_ptr<TransportState> state, std::shared_ptr<Incoming> link) {
    base::Bytes first(1);
    bool begun = co_await read(link->socket, first);
    bool const join = first[0] == std::byte{join_kind};
    bool const stream = first[0] == std::byte{static_cast<std::uint8_t>(Purpose::hello)};
    if (begun && !state->stopped && (join || stream)) {
        first.resize(join ? join_hello_size : hello_size);
        begun = co_await read(link->socket, std::span(first).subspan(1));
        if (begun && !state->stopped && join) {
            co_await answer_join(state, link, std::move(first));
        } else if (begun && !state->stopped) {
            co_await receive_messages(state, link, std::move(first));
        }
    } else if (begun) {
        ++state->counters.connections_refused;
    }
    boost::system::error_code ignored;
    link->socket.close(ignored);
    state->incoming.remove(link);
}

// False if the new connection is over the bounds.
bool make_room(TransportState& state) {
    auto const half_open = [](auto const& link) { return !link->member; };
    auto const waiting = static_cast<std::size_t>(std::ranges::count_if(state.incoming, half_open));
    if (state.incoming.size() - waiting >= incoming_max) {
        return false;
    }
    if (waiting >= half_open_max) {
        // A member's handshake takes one round trip: who waits the longest is no member.
        auto const oldest = std::ranges::find_if(state.incoming, half_open);
        boost::system::error_code ignored;
        (*oldest)->socket.close(ignored);
        state.incoming.erase(oldest);
        ++state.counters.connections_refused;
    }
    return true;
}
}  // namespace

asio::awaitable<void> accept_connections(std::shared_ptr<TransportState> state) {
    asio::steady_timer pause(state->io);
    while (!state->stopped) {
        tcp::socket socket(state->io);
        auto const [error] = co_await state->listener.async_accept(socket, await_tuple);
        if (state->stopped) {
            co_return;
        }
        if (error) {
            pause.expires_after(accept_pause);
            co_await pause.async_wait(await_tuple);
        } else if (make_room(*state)) {
            auto link = std::make_shared<Incoming>(std::move(socket));
            link->deadline = now() + state->options.handshake_timeout;
            state->incoming.push_back(link);
            spawn(state->io, serve(state, link));
        } else {
            ++state->counters.connections_refused;
        }
    }
}

asio::awaitable<bool> read(tcp::socket& socket, std::span<std::byte> out) {
    auto const buffer = asio::buffer(out.data(), out.size());
    auto const [error, size] = co_await asio::async_read(socket, buffer, await_tuple);
    co_return !error;
}

asio::awaitable<bool> write(tcp::socket& socket, base::ByteView bytes) {
    auto const buffer = asio::buffer(bytes.data(), bytes.size());
    auto const [error, size] = co_await asio::async_write(socket, buffer, await_tuple);
    co_return !error;
}

}  // namespace net
