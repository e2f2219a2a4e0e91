#pragma once

#include <map>
#include <vector>

#include "base/time.h"
#include "dns/server/server.h"
#include "dns/server/socket.h"

namespace dns {

// Asks upstream resolvers on behalf of clients: over the transport that the client used, one
// socket and so one random port a question, under a random id. Who times out, refuses the
// connection, or answers SERVFAIL, REFUSED or NOTIMP is followed by the next.
class Forwarder {
public:
    // Sockets are added to `epoll` with tokens that have `token_base` or-ed to an id.
    Forwarder(int epoll, std::uint64_t token_base, ServerConfig const& config,
              ServerCounters& counters);

    // Who waits for which answer. SERVFAIL if there was none.
    struct Done {
        Client client;
        base::Bytes message;
    };

    struct Inquiry {
        base::Bytes query;                             // must parse
        std::vector<base::SocketAddress> upstreams{};  // instead of the configured ones; or empty
    };

    // The answer is among `done` now or after a later call.
    void ask(base::Instant now, Client const& client, Inquiry inquiry, std::vector<Done>& done);
    void on_event(base::Instant now, std::uint64_t id, std::vector<Done>& done);
    void on_sweep(base::Instant now, std::vector<Done>& done);

    [[nodiscard]] bool idle() const { return questions_.empty(); }

private:
    struct Question {
        Client client;
        base::Bytes query;                           // under the client's id
        std::vector<base::SocketAddress> upstreams;  // empty: the configured ones
        std::size_t attempts{};
        std::size_t upstream{};
        std::uint16_t id{};
        Fd fd;
        base::Instant deadline;
        base::Bytes unsent;  // TCP
        Frames frames;       // TCP
    };

    enum class Progress : std::uint8_t { waiting, failed, answered };
    using Questions = std::map<std::uint64_t, Question>;

    bool try_next(base::Instant now, std::uint64_t id, Question& question);
    bool send(std::uint64_t id, Question& question);
    Progress receive(Question& question, base::Bytes& answer);
    Progress receive_stream(Question& question, base::Bytes& answer);
    Progress judge(Question const& question, base::ByteView message);
    void finish(Questions::iterator question, base::Bytes message, std::vector<Done>& done);
    void fail_over(base::Instant now, Questions::iterator question, std::vector<Done>& done);

    int epoll_;
    std::uint64_t token_base_;
    std::vector<base::SocketAddress> upstreams_;
    base::Duration timeout_;
    ServerCounters& counters_;
    std::size_t preferred_ = 0;  // the upstream that answered last
    std::uint64_t next_id_ = 0;
    Questions questions_;
    base::Bytes buffer_;
};

}  // namespace dns
