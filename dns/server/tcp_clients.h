#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "base/time.h"
#include "dns/server/server.h"
#include "dns/server/socket.h"

namespace dns {

// The connections of TCP clients (RFC 7766): many questions may be under way on one, and answers
// leave in the order in which they are known. A client that sends or reads slowly delays itself
// only; one that makes no progress for the idle timeout is closed.
class TcpClients {
public:
    // Sockets are added to `epoll` with tokens that have `token_base` or-ed to an id.
    TcpClients(int epoll, std::uint64_t token_base, base::Duration idle_timeout,
               ServerCounters& counters);

    struct Question {
        Client client;
        base::Bytes message;
    };

    void add(base::Instant now, Fd fd, base::SocketAddress const& address);
    // Whole messages that arrived; each is answered by one send() or by close().
    void on_event(base::Instant now, std::uint64_t id, std::uint32_t events,
                  std::vector<Question>& questions);
    // Messages that had to wait for answers before them.
    void send(base::Instant now, std::uint64_t id, base::ByteView message,
              std::vector<Question>& questions);

    void close(std::uint64_t id) { connections_.erase(id); }

    void on_sweep(base::Instant now);
    // Closes the connection that has made no progress for longest; false if there is none.
    bool evict();

    [[nodiscard]] bool idle() const { return connections_.empty(); }

private:
    struct Connection {
        Fd fd;
        base::SocketAddress address;
        base::Instant progress;  // when a message last came or went whole
        Frames frames;
        base::Bytes unsent;
        std::size_t waiting{};  // questions without an answer yet
        bool ended{};           // the client sends no more
        std::uint32_t events{};
    };

    [[nodiscard]] static bool busy(Connection const& connection);
    bool receive(Connection& connection);
    void take_questions(base::Instant now, std::uint64_t id, Connection& connection,
                        std::vector<Question>& questions);
    bool flush(base::Instant now, Connection& connection);
    // Waits for what the connection can use now, or ends it.
    void settle(std::uint64_t id, Connection& connection);

    int epoll_;
    std::uint64_t token_base_;
    base::Duration idle_timeout_;
    ServerCounters& counters_;
    std::uint64_t next_id_ = 0;
    std::map<std::uint64_t, Connection> connections_;
    base::Bytes buffer_;
};

}  // namespace dns
