#include "runtime/probe/probe.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <string_view>
#include <system_error>
#include <utility>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include "base/descriptor.h"
#include "base/result.h"
#include "base/text.h"

namespace runtime {

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t output_max = 4096;
// A status line that takes more is none.
constexpr std::size_t status_line_max = 4096;

// One exchange with the container, all of it before the deadline. Every error is only the cause.
class Exchange {
public:
    Exchange(base::SocketAddress peer, Clock::time_point deadline, int stop)
        : peer_(peer), deadline_(deadline), stop_(stop) {}

    base::Result<void> connect();
    base::Result<void> send(std::string_view text);
    // Without its line end.
    base::Result<std::string> read_line();

private:
    base::Result<void> wait(short events);

    base::SocketAddress peer_;
    Clock::time_point deadline_;
    int stop_;
    base::Descriptor socket_;
};

std::unexpected<base::Error> cause(int errno_value) {
    return base::fail(std::generic_category().message(errno_value));
}

base::Result<void> Exchange::wait(short events) {
    for (;;) {
        auto const left =
            std::chrono::ceil<std::chrono::milliseconds>(deadline_ - Clock::now()).count();
        if (left <= 0) {
            return base::fail("no answer in time");
        }
        pollfd entries[2] = {{.fd = socket_.get(), .events = events, .revents = 0},
                             {.fd = stop_, .events = POLLIN, .revents = 0}};
        int const ready = ::poll(entries, 2, static_cast<int>(std::min<long>(left, 1 << 30)));
        if (ready > 0 && entries[1].revents != 0) {
            return base::fail("given up");
        }
        if (ready > 0) {
            return {};
        }
        if (ready < 0 && errno != EINTR) {
            return cause(errno);
        }
    }
}

base::Result<void> Exchange::connect() {
    sockaddr_storage address{};
    socklen_t size = 0;
    if (peer_.ip.is_v4()) {
        sockaddr_in v4{};
        v4.sin_family = AF_INET;
        v4.sin_port = htons(peer_.port);
        v4.sin_addr.s_addr = htonl(peer_.ip.v4_value());
        size = sizeof v4;
        std::memcpy(&address, &v4, size);
    } else {
        sockaddr_in6 v6{};
        v6.sin6_family = AF_INET6;
        v6.sin6_port = htons(peer_.port);
        std::memcpy(&v6.sin6_addr, peer_.ip.bytes.data(), peer_.ip.bytes.size());
        size = sizeof v6;
        std::memcpy(&address, &v6, size);
    }
    socket_ = base::Descriptor(
        ::socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!socket_) {
        return cause(errno);
    }
    if (::connect(socket_.get(), reinterpret_cast<sockaddr const*>(&address), size) == 0) {
        return {};
    }
    if (errno != EINPROGRESS) {
        return cause(errno);
    }
    TRY_VOID(wait(POLLOUT));
    int error = 0;
    socklen_t error_size = sizeof error;
    ::getsockopt(socket_.get(), SOL_SOCKET, SO_ERROR, &error, &error_size);
    if (error != 0) {
        return cause(error);
    }
    return {};
}

base::Result<void> Exchange::send(std::string_view text) {
    while (!text.empty()) {
        auto const sent = ::send(socket_.get(), text.data(), text.size(), MSG_NOSIGNAL);
        if (sent >= 0) {
            text.remove_prefix(static_cast<std::size_t>(sent));
        } else if (errno == EAGAIN) {
            TRY_VOID(wait(POLLOUT));
        } else if (errno != EINTR) {
            return cause(errno);
        }
    }
    return {};
}

base::Result<std::string> Exchange::read_line() {
    std::string text;
    for (;;) {
        char buffer[512];
        auto const size = ::recv(socket_.get(), buffer, sizeof buffer, 0);
        if (size > 0) {
            text.append(buffer, static_cast<std::size_t>(size));
            std::size_t const end = text.find('\n');
            if (end != text.npos) {
                return std::string(base::trim(text.substr(0, end)));
            }
            if (text.size() > status_line_max) {
                return base::fail("the answer is not HTTP");
            }
        } else if (size == 0) {
            return base::fail(text.empty() ? "closed without an answer"
                                           : "the answer ends in its first line");
        } else if (errno == EAGAIN) {
            TRY_VOID(wait(POLLIN));
        } else if (errno != EINTR) {
            return cause(errno);
        }
    }
}

// The code of "HTTP/1.1 200 OK"; 0 when the line is not of that form.
int status_code(std::string_view line) {
    if (!line.starts_with("HTTP/1.") || line.size() < 12 || line[8] != ' ' ||
        (line.size() > 12 && line[12] != ' ')) {
        return 0;
    }
    return base::parse_integer<int>(line.substr(9, 3)).value_or(0);
}

ProbeResult result(bool healthy, std::string output) {
    output.resize(std::min(output.size(), output_max));
    std::ranges::replace_if(
        output,
        [](char letter) { return static_cast<unsigned char>(letter) < ' ' || letter == 0x7f; },
        '?');
    return {healthy, std::move(output)};
}

ProbeResult probe_http(Exchange& exchange, std::string const& peer, std::string const& path) {
    std::string const target = path.starts_with('/') ? path : base::concat('/', path);
    std::string const what = base::concat("GET http://", peer, target, ": ");
    bool const plain =
        std::ranges::all_of(target, [](char letter) { return letter > ' ' && letter != 0x7f; });
    if (!plain) {
        return result(false, base::concat(what, "the path has spaces or control characters"));
    }
    if (auto const connected = exchange.connect(); !connected) {
        return result(false, base::concat("connect to ", peer, ": ", connected.error().message));
    }
    auto const sent = exchange.send(base::concat("GET ", target, " HTTP/1.1\r\nHost: ", peer,
                                                 "\r\nUser-Agent: covey\r\nAccept: */*"
                                                 "\r\nConnection: close\r\n\r\n"));
    if (!sent) {
        return result(false, base::concat(what, sent.error().message));
    }
    auto const line = exchange.read_line();
    if (!line) {
        return result(false, base::concat(what, line.error().message));
    }
    int const code = status_code(*line);
    if (code == 0) {
        return result(false, base::concat(what, "the answer is not HTTP"));
    }
    return result(code >= 200 && code < 400, base::concat(what, line->substr(9)));
}

}  // namespace

ProbeResult probe(base::IpAddress address, HealthCheck const& check, int stop) {
    base::SocketAddress const target{address, check.port};
    std::string const peer = base::to_string(target);
    Exchange exchange(target, Clock::now() + check.timeout, stop);
    switch (check.kind) {
        case CheckKind::tcp: {
            auto const connected = exchange.connect();
            return result(connected.has_value(),
                          base::concat("connect to ", peer, ": ",
                                       connected ? "accepted" : connected.error().message));
        }
        case CheckKind::http:
            return probe_http(exchange, peer, check.path);
        case CheckKind::none:
        case CheckKind::exec:
            break;
    }
    return result(false, "this kind of health check is not asked over the network");
}

}  // namespace runtime
