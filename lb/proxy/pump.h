#pragma once

#include <cstdint>
#include <span>

#include "base/bytes.h"

namespace lb {

// Copies bytes between two connected, non-blocking stream sockets, both ways at once. It reads from
// one side only when the other has taken everything, so a slow reader slows its writer; an end of
// one direction is passed on and leaves the other open.
class Pump {
public:
    enum class State : std::uint8_t {
        open,
        finished,  // both directions ended in order
        broken,    // one side is gone: to be reset
    };

    Pump(int left, int right) : forth_(left, right), back_(right, left) {}

    // Moves what can be moved without waiting, through `scratch`, at most a few times its size.
    [[nodiscard]] State advance(std::span<std::byte> scratch);
    // The epoll events of that socket that make progress possible; 0: none.
    [[nodiscard]] std::uint32_t interest(int fd) const;

private:
    struct Direction {
        Direction(int from_fd, int to_fd) : from(from_fd), to(to_fd) {}

        int from;
        int to;
        base::Bytes pending;  // read but not taken; at most the size of the scratch space
        std::size_t taken{};  // of pending
        bool ended{};         // nothing more will be read, and the other side knows
        bool failed{};        // the other side takes nothing more
    };

    // False when `from` is gone.
    [[nodiscard]] static bool move(Direction& direction, std::span<std::byte> scratch);
    static void send(Direction& direction, base::ByteView bytes);

    Direction forth_;
    Direction back_;
};

}  // namespace lb
