#include "lb/proxy/pump.h"

#include <cerrno>

#include <sys/epoll.h>
#include <sys/socket.h>

namespace lb {

namespace {

// A busy connection gives way to the others after this many buffers.
constexpr int rounds_max = 4;

}  // namespace

// Sends from the pending bytes, or new ones when none are pending, and keeps what is not taken.
void Pump::send(Direction& direction, base::ByteView bytes) {
    auto const size = ::send(direction.to, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (size < 0 && errno != EAGAIN && errno != EINTR) {
        // What the other side said before it left is still to be delivered: only this direction
        // ends here.
        direction.pending = {};
        direction.ended = direction.failed = true;
        return;
    }
    std::size_t const taken = size < 0 ? 0 : static_cast<std::size_t>(size);
    if (direction.pending.empty()) {
        direction.taken = 0;
        direction.pending.assign(bytes.begin() + static_cast<std::ptrdiff_t>(taken), bytes.end());
    } else {
        direction.taken += taken;
        if (direction.taken == direction.pending.size()) {
            direction.pending = {};
        }
    }
}

bool Pump::move(Direction& direction, std::span<std::byte> scratch) {
    for (int round = 0; round < rounds_max; ++round) {
        if (!direction.pending.empty()) {
            send(direction, base::ByteView(direction.pending).subspan(direction.taken));
            if (!direction.pending.empty()) {
                return true;
            }
        }
        if (direction.ended) {
            return true;
        }
        auto const size = ::recv(direction.from, scratch.data(), scratch.size(), MSG_DONTWAIT);
        if (size < 0) {
            return errno == EAGAIN || errno == EINTR;
        }
        if (size == 0) {
            direction.ended = true;
            ::shutdown(direction.to, SHUT_WR);
            return true;
        }
        send(direction, scratch.first(static_cast<std::size_t>(size)));
    }
    return true;
}

Pump::State Pump::advance(std::span<std::byte> scratch) {
    if (!move(forth_, scratch) || !move(back_, scratch)) {
        return State::broken;
    }
    if (!forth_.ended || !back_.ended) {
        return State::open;
    }
    return forth_.failed || back_.failed ? State::broken : State::finished;
}

std::uint32_t Pump::interest(int fd) const {
    std::uint32_t events = 0;
    for (Direction const* direction : {&forth_, &back_}) {
        bool const pending = !direction->pending.empty();
        if (direction->from == fd && !direction->ended && !pending) {
            events |= EPOLLIN;
        }
        if (direction->to == fd && pending) {
            events |= EPOLLOUT;
        }
    }
    return events;
}

}  // namespace lb
