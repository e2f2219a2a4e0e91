#include "net/join_client.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <utility>
#include <variant>

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/text.h"
#include "net/clock.h"

namespace net {

namespace {
// What became of asking one address.
enum class Miss : std::uint8_t {
    no_answer,     // nothing listens there, or it does not answer
    hung_up,       // the connection was closed without a byte
    not_a_member,  // the answer is not one to our hello
};

class Connection {
public:
    Connection(base::SocketAddress const& peer, base::Instant deadline)
        : descriptor_(::socket(peer.ip.is_v4() ? AF_INET : AF_INET6,
                               SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)),
          deadline_(deadline) {}

    Connection(Connection const&) = delete;
    Connection& operator=(Connection const&) = delete;

    ~Connection() {
        if (descriptor_ >= 0) {
            ::close(descriptor_);
        }
    }

    bool connect(base::SocketAddress const& peer) {
        int started = -1;
        if (peer.ip.is_v4()) {
            sockaddr_in address{};
            address.sin_family = AF_INET;
            address.sin_port = htons(peer.port);
            address.sin_addr.s_addr = htonl(peer.ip.v4_value());
            started =
                ::connect(descriptor_, reinterpret_cast<sockaddr const*>(&address), sizeof address);
        } else {
            sockaddr_in6 address{};
            address.sin6_family = AF_INET6;
            address.sin6_port = htons(peer.port);
            std::memcpy(&address.sin6_addr, peer.ip.bytes.data(), peer.ip.bytes.size());
            started =
                ::connect(descriptor_, reinterpret_cast<sockaddr const*>(&address), sizeof address);
        }
        if (started == 0) {
            return true;
        }
        if (errno != EINPROGRESS || !wait(POLLOUT)) {
            return false;
        }
        int error = 0;
        socklen_t size = sizeof error;
        return ::getsockopt(descriptor_, SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error == 0;
    }

    bool send(base::ByteView bytes) {
        while (!bytes.empty()) {
            ssize_t const sent = ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
            if (sent > 0) {
                bytes = bytes.subspan(static_cast<std::size_t>(sent));
            } else if (!(errno == EINTR || (errno == EAGAIN && wait(POLLOUT)))) {
                return false;
            }
        }
        return true;
    }

    // Fills `out`, or says why not.
    std::optional<Miss> receive(std::span<std::byte> out) {
        std::size_t size = 0;
        while (size < out.size()) {
            ssize_t const got = ::recv(descriptor_, out.data() + size, out.size() - size, 0);
            if (got > 0) {
                size += static_cast<std::size_t>(got);
            } else if (got == 0 || errno == ECONNRESET) {
                return size == 0 ? Miss::hung_up : Miss::not_a_member;
            } else if (!(errno == EINTR || (errno == EAGAIN && wait(POLLIN)))) {
                return Miss::no_answer;
            }
        }
        return std::nullopt;
    }

private:
    bool wait(short events) {
        auto const left = std::chrono::ceil<base::milliseconds>(deadline_ - now());
        pollfd polled{.fd = descriptor_, .events = events, .revents = 0};
        return left.count() > 0 && ::poll(&polled, 1, static_cast<int>(left.count())) > 0;
    }

    int descriptor_;
    base::Instant deadline_;
};

std::expected<JoinAttempt::Outcome, Miss> ask(base::SocketAddress const& peer,
                                              JoinRequest const& request, Identity const& self) {
    Connection connection(peer, now() + request.timeout);
    JoinAttempt const attempt(self, request.token, request.name);
    if (!connection.connect(peer) || !connection.send(attempt.hello())) {
        return std::unexpected(Miss::no_answer);
    }
    base::Bytes answer(join_answer_head);
    if (auto const miss = connection.receive(answer)) {
        return std::unexpected(*miss);
    }
    auto const rest = JoinAttempt::answer_size(answer);
    if (!rest) {
        return std::unexpected(Miss::not_a_member);
    }
    answer.resize(join_answer_head + *rest);
    if (connection.receive(std::span(answer).subspan(join_answer_head))) {
        return std::unexpected(Miss::no_answer);
    }
    auto outcome = attempt.on_answer(answer);
    if (!outcome) {
        return std::unexpected(Miss::not_a_member);
    }
    return std::move(*outcome);
}

std::string span_text(std::int64_t seconds) {
    struct Unit {
        std::int64_t seconds;
        std::string_view name;
    };

    static constexpr Unit units[] = {{86400, "day"}, {3600, "hour"}, {60, "minute"}, {1, "second"}};
    for (Unit const& unit : units) {
        if (seconds >= unit.seconds) {
            std::int64_t const count = seconds / unit.seconds;
            return base::concat(count, ' ', unit.name, count == 1 ? "" : "s");
        }
    }
    return "a moment";
}

std::string list(std::vector<base::SocketAddress> const& addresses) {
    std::string text;
    for (base::SocketAddress const& address : addresses) {
        text += base::concat(text.empty() ? "" : ", ", base::to_string(address));
    }
    return text;
}

// The most telling of the misses: a host that answered says more than one that did not.
std::string explain(std::vector<std::pair<base::SocketAddress, Miss>> const& misses) {
    for (auto const& [peer, miss] : misses) {
        if (miss == Miss::hung_up) {
            return base::concat("wrong fleet: the host at ", base::to_string(peer),
                                " does not know this token (it belongs to another fleet, or the "
                                "token was revoked)");
        }
    }
    for (auto const& [peer, miss] : misses) {
        if (miss == Miss::not_a_member) {
            return base::concat("the answer from ", base::to_string(peer),
                                " is not one of a member of this fleet: is that the agent's port?");
        }
    }
    std::vector<base::SocketAddress> silent;
    for (auto const& [peer, miss] : misses) {
        silent.push_back(peer);
    }
    return base::concat("no answer from ", list(silent),
                        ": is the agent running there and TCP port ", silent.front().port,
                        " open?");
}
}  // namespace

base::Result<Welcome> join(JoinRequest const& request, Identity const& self) {
    std::vector<base::SocketAddress> peers;
    for (auto const* source : {&request.peers, &request.token.addresses}) {
        for (base::SocketAddress const& peer : *source) {
            if (std::ranges::find(peers, peer) == peers.end()) {
                peers.push_back(peer);
            }
        }
    }
    if (peers.empty()) {
        return base::fail("the join token names no address: give one, as in `agent join HOST`");
    }
    std::vector<std::pair<base::SocketAddress, Miss>> misses;
    for (base::SocketAddress const& peer : peers) {
        auto outcome = ask(peer, request, self);
        if (!outcome) {
            misses.emplace_back(peer, outcome.error());
        } else if (auto* const welcome = std::get_if<Welcome>(&*outcome)) {
            welcome->asked = peer;
            return std::move(*welcome);
        } else if (auto const* const expired = std::get_if<TokenExpired>(&*outcome)) {
            return base::fail(base::concat("token expired ", span_text(expired->seconds_ago),
                                           " ago: make a new one with `agent token create`"));
        } else {
            return base::fail(
                "token used up: every join it was made for has happened; make a new one with "
                "`agent token create`");
        }
    }
    return base::fail(explain(misses));
}

}  // namespace net
