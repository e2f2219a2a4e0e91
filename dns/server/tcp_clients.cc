#include "dns/server/tcp_clients.h"

#include <algorithm>
#include <cerrno>

#include <sys/epoll.h>

#include "dns/message.h"

namespace dns {

namespace {

constexpr std::size_t read_size = 16 * 1024;
// A connection with more than this under way is not read from until it drains.
constexpr std::size_t waiting_max = 64;
constexpr std::size_t unsent_max = 256 * 1024;

}  // namespace

TcpClients::TcpClients(int epoll, std::uint64_t token_base, base::Duration idle_timeout,
                       ServerCounters& counters)
    : epoll_(epoll),
      token_base_(token_base),
      idle_timeout_(idle_timeout),
      counters_(counters),
      buffer_(read_size) {}

void TcpClients::add(base::Instant now, Fd fd, base::SocketAddress const& address) {
    if (connections_.size() >= tcp_clients_max) {
        evict();
    }
    std::uint64_t const id = next_id_++;
    Connection& connection = connections_[id];
    connection.fd = std::move(fd);
    connection.address = address;
    connection.progress = now;
    connection.events = EPOLLIN;
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = token_base_ | id;
    if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, connection.fd.get(), &event) != 0) {
        close(id);
    }
}

bool TcpClients::evict() {
    auto const longest = std::ranges::min_element(
        connections_, {}, [](auto const& entry) { return entry.second.progress; });
    if (longest == connections_.end()) {
        return false;
    }
    connections_.erase(longest);
    ++counters_.clients_evicted;
    return true;
}

bool TcpClients::busy(Connection const& connection) {
    return connection.waiting >= waiting_max || connection.unsent.size() >= unsent_max;
}

void TcpClients::on_event(base::Instant now, std::uint64_t id, std::uint32_t events,
                          std::vector<Question>& questions) {
    auto const found = connections_.find(id);
    if (found == connections_.end()) {
        return;
    }
    Connection& connection = found->second;
    bool const reads = (connection.events & EPOLLIN) != 0;
    // A broken connection is reported whether or not its events are waited for.
    bool const broken = (events & (EPOLLERR | EPOLLHUP)) != 0;
    if (broken || !flush(now, connection) || (reads && !receive(connection))) {
        close(id);
        return;
    }
    take_questions(now, id, connection, questions);
    settle(id, connection);
}

// False if the connection is broken.
bool TcpClients::receive(Connection& connection) {
    ssize_t const size = ::recv(connection.fd.get(), buffer_.data(), buffer_.size(), 0);
    if (size < 0) {
        return would_block();
    }
    connection.ended = size == 0;
    connection.frames.append(base::ByteView(buffer_.data(), static_cast<std::size_t>(size)));
    return true;
}

void TcpClients::take_questions(base::Instant now, std::uint64_t id, Connection& connection,
                                std::vector<Question>& questions) {
    while (!busy(connection)) {
        auto message = connection.frames.next();
        if (!message) {
            return;
        }
        connection.progress = now;
        ++connection.waiting;
        questions.push_back({{Transport::tcp, id, connection.address}, *std::move(message)});
    }
}

void TcpClients::send(base::Instant now, std::uint64_t id, base::ByteView message,
                      std::vector<Question>& questions) {
    auto const found = connections_.find(id);
    if (found == connections_.end()) {
        return;
    }
    Connection& connection = found->second;
    --connection.waiting;
    append_frame(connection.unsent, message);
    if (!flush(now, connection)) {
        close(id);
        return;
    }
    take_questions(now, id, connection, questions);
    settle(id, connection);
}

// False if the connection is broken.
bool TcpClients::flush(base::Instant now, Connection& connection) {
    if (connection.unsent.empty()) {
        return true;
    }
    ssize_t const sent = ::send(connection.fd.get(), connection.unsent.data(),
                                connection.unsent.size(), MSG_NOSIGNAL);
    if (sent < 0) {
        return would_block();
    }
    connection.unsent.erase(connection.unsent.begin(), connection.unsent.begin() + sent);
    if (connection.unsent.empty()) {
        connection.progress = now;
    }
    return true;
}

void TcpClients::settle(std::uint64_t id, Connection& connection) {
    if (connection.ended && connection.waiting == 0 && connection.unsent.empty()) {
        close(id);
        return;
    }
    std::uint32_t const events = (busy(connection) || connection.ended ? 0U : EPOLLIN) |
                                 (connection.unsent.empty() ? 0U : EPOLLOUT);
    if (events == connection.events) {
        return;
    }
    connection.events = events;
    epoll_event event{};
    event.events = events;
    event.data.u64 = token_base_ | id;
    (void)::epoll_ctl(epoll_, EPOLL_CTL_MOD, connection.fd.get(), &event);
}

void TcpClients::on_sweep(base::Instant now) {
    std::erase_if(connections_, [&](auto const& entry) {
        Connection const& connection = entry.second;
        bool const stuck = connection.waiting == 0 || !connection.unsent.empty();
        return stuck && connection.progress + idle_timeout_ <= now;
    });
}

}  // namespace dns
