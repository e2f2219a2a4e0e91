#include "tests/fleet/http.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <future>
#include <list>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/text.h"
#include "runtime/network/net_namespace.h"
#include "tests/fleet/command.h"

namespace fleet {
namespace {

constexpr base::Duration request_interval = base::milliseconds(10);
constexpr base::Duration request_timeout = base::seconds(2);

// One request as a small state machine over a non-blocking socket.
class Exchange {
public:
    Exchange(base::SocketAddress const& server, std::string const& path, base::Duration timeout)
        : started_(now()),
          deadline_(started_ + timeout),
          unsent_(base::concat("GET ", path, " HTTP/1.0\r\nHost: ", to_string(server),
                               "\r\nConnection: close\r\n\r\n")),
          socket_(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(server.port);
        address.sin_addr.s_addr = htonl(server.ip.v4_value());
        if (::connect(socket_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 &&
            errno != EINPROGRESS) {
            end(base::concat("connect: ", std::strerror(errno)));
        }
    }

    [[nodiscard]] bool done() const { return done_; }

    [[nodiscard]] base::Instant deadline() const { return deadline_; }

    [[nodiscard]] pollfd interest() const {
        return {.fd = socket_.get(),
                .events = static_cast<short>(unsent_.empty() ? POLLIN : POLLOUT),
                .revents = 0};
    }

    void on_ready() {
        unsent_.empty() ? receive() : send();
        check_deadline();
    }

    void check_deadline() {
        if (!done_ && now() >= deadline_) {
            end(unsent_.empty() ? "no answer in time" : "no connection in time");
        }
    }

    [[nodiscard]] Request take() && { return {started_, took_, std::move(answer_)}; }

private:
    void send() {
        ssize_t const size = ::send(socket_.get(), unsent_.data(), unsent_.size(), MSG_NOSIGNAL);
        if (size >= 0) {
            unsent_.erase(0, static_cast<std::size_t>(size));
        } else if (errno != EAGAIN) {
            end(base::concat("connect: ", std::strerror(errno)));
        }
    }

    void receive() {
        std::array<char, 4096> buffer;
        ssize_t const size = ::recv(socket_.get(), buffer.data(), buffer.size(), 0);
        if (size > 0) {
            received_.append(buffer.data(), static_cast<std::size_t>(size));
        } else if (size == 0) {
            read_answer();
        } else if (errno != EAGAIN) {
            end(base::concat("receive: ", std::strerror(errno)));
        }
    }

    void read_answer() {
        std::string_view const text = received_;
        std::size_t const head_end = text.find("\r\n\r\n");
        auto const words = base::split(text.substr(0, text.find('\r')), ' ');
        if (head_end == std::string_view::npos || words.size() < 2) {
            end(received_.empty() ? "closed without an answer" : "half an answer");
            return;
        }
        answer_.status = base::parse_integer<int>(words[1]).value_or(0);
        answer_.body = text.substr(head_end + 4);
        end("");
    }

    void end(std::string problem) {
        done_ = true;
        took_ = now() - started_;
        answer_.problem = std::move(problem);
        socket_ = {};
    }

    base::Instant started_;
    base::Instant deadline_;
    base::Duration took_{};
    bool done_ = false;
    std::string unsent_;
    std::string received_;
    HttpAnswer answer_;
    base::Descriptor socket_;
};

int poll_timeout(base::Instant until) {
    auto const left = std::chrono::ceil<base::milliseconds>(until - now()).count();
    return static_cast<int>(std::max<std::int64_t>(left, 0));
}

}  // namespace

HttpAnswer http_get(base::Descriptor const& netns, base::SocketAddress const& server,
                    std::string const& path, base::Duration timeout) {
    HttpAnswer answer;
    must(runtime::in_net_namespace(netns, [&]() -> base::Result<void> {
        Exchange exchange(server, path, timeout);
        while (!exchange.done()) {
            pollfd entry = exchange.interest();
            int const ready = ::poll(&entry, 1, poll_timeout(exchange.deadline()));
            ready > 0 ? exchange.on_ready() : exchange.check_deadline();
        }
        answer = std::move(exchange).take().answer;
        return {};
    }));
    return answer;
}

RequestLoop::RequestLoop(base::Descriptor const& netns, base::SocketAddress const& server)
    : stop_(::eventfd(0, EFD_CLOEXEC)) {
    std::promise<bool> entered;
    // Signals are for the main thread.
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);
    thread_ = std::thread([this, server, fd = netns.get(), &entered] {
        bool const inside = ::setns(fd, CLONE_NEWNET) == 0;
        entered.set_value(inside);
        if (inside) {
            run(server);
        }
    });
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    if (!entered.get_future().get()) {
        thread_.join();
        throw Failure("cannot enter a network namespace");
    }
}

RequestLoop::~RequestLoop() {
    if (thread_.joinable()) {
        (void)stop();
    }
}

std::vector<Request> RequestLoop::stop() {
    ::eventfd_write(stop_.get(), 1);
    thread_.join();
    std::ranges::sort(done_, {}, &Request::started);
    return std::move(done_);
}

void RequestLoop::run(base::SocketAddress const& server) {
    std::list<Exchange> under_way;
    std::vector<pollfd> entries;
    base::Instant next = now();
    bool stopped = false;
    while (!stopped || !under_way.empty()) {
        if (!stopped && now() >= next) {
            under_way.emplace_back(server, "/", request_timeout);
            next += request_interval;
        }
        entries.assign({{.fd = stopped ? -1 : stop_.get(), .events = POLLIN, .revents = 0}});
        for (Exchange const& exchange : under_way) {
            entries.push_back(exchange.interest());
        }
        ::poll(entries.data(), entries.size(), stopped ? 10 : poll_timeout(next));
        stopped = stopped || entries[0].revents != 0;
        std::size_t index = 1;
        for (auto exchange = under_way.begin(); exchange != under_way.end(); ++index) {
            entries[index].revents != 0 ? exchange->on_ready() : exchange->check_deadline();
            if (exchange->done()) {
                done_.push_back(std::move(*exchange).take());
                exchange = under_way.erase(exchange);
            } else {
                ++exchange;
            }
        }
    }
}

}  // namespace fleet
