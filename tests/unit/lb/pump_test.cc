#include "lb/proxy/pump.h"

#include <array>
#include <vector>

#include <catch2/catch.hpp>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "base/descriptor.h"

namespace {

// Two connections that meet in a pump: near[0] - near[1] = pump = far[1] - far[0].
struct Ends {
    Ends() : near(pair()), far(pair()), pump(near[1].get(), far[1].get()) {}

    static std::array<base::Descriptor, 2> pair() {
        int fds[2];
        REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) == 0);
        return {base::Descriptor(fds[0]), base::Descriptor(fds[1])};
    }

    lb::Pump::State advance() { return pump.advance(scratch); }

    // Writes at the near end until the pump holds bytes that the far end does not take.
    void fill() {
        std::vector<char> block(64 * 1024, 'x');
        while (pump.interest(far[1].get()) != EPOLLOUT) {
            ::send(near[0].get(), block.data(), block.size(), MSG_NOSIGNAL);
            REQUIRE(advance() == lb::Pump::State::open);
        }
    }

    std::array<base::Descriptor, 2> near;
    std::array<base::Descriptor, 2> far;
    lb::Pump pump;
    std::array<std::byte, 64 * 1024> scratch{};
};

}  // namespace

TEST_CASE("a pump asks for nothing that it would not use") {
    Ends ends;
    REQUIRE(ends.advance() == lb::Pump::State::open);
    CHECK(ends.pump.interest(ends.near[1].get()) == EPOLLIN);
    CHECK(ends.pump.interest(ends.far[1].get()) == EPOLLIN);
    ::shutdown(ends.far[0].get(), SHUT_WR);
    REQUIRE(ends.advance() == lb::Pump::State::open);
    CHECK(ends.pump.interest(ends.far[1].get()) == 0);
    ends.fill();
    // Both directions of the near end are stuck or over: to wait for it would be a busy loop.
    CHECK(ends.pump.interest(ends.near[1].get()) == 0);
}

TEST_CASE("what one side said is delivered although it takes nothing any more") {
    Ends ends;
    ::send(ends.far[0].get(), "no", 2, MSG_NOSIGNAL);
    ::shutdown(ends.far[0].get(), SHUT_RD);
    ::send(ends.near[0].get(), "request", 7, MSG_NOSIGNAL);
    CHECK(ends.advance() == lb::Pump::State::open);
    char answer[2];
    CHECK(::recv(ends.near[0].get(), answer, sizeof answer, 0) == 2);
    CHECK(ends.pump.interest(ends.near[1].get()) == 0);
    ::shutdown(ends.far[0].get(), SHUT_WR);
    CHECK(ends.advance() == lb::Pump::State::broken);
}
