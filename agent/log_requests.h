#pragma once

#include <expected>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "agent/effects.h"
#include "base/bytes.h"
#include "base/ids.h"
#include "base/time.h"

namespace agent {

// Reading a container's log wherever it ran: questions to other hosts and theirs to us. Bounded by
// logs_pending_max in each direction; what is not answered within five seconds is answered with a
// problem.
class LogRequests {
public:
    struct Ask {
        std::string container;
        std::uint64_t from{};
        bool from_end{};
    };

    // A question of a local user about a local container.
    [[nodiscard]] bool read_here(base::Instant now, std::uint64_t request, Ask const& ask,
                                 std::vector<LogRead>& out);
    // The message that asks `node`; nothing when too many wait already.
    [[nodiscard]] std::optional<base::Bytes> ask_node(base::Instant now, std::uint64_t request,
                                                      base::NodeId node, Ask const& ask);
    // Another host's question. Malformed or too many: dropped, the asker's deadline answers.
    void on_question(base::Instant now, base::NodeId from, base::ByteView message,
                     std::vector<LogRead>& out);
    void on_answer(base::NodeId from, base::ByteView message, std::vector<LogReply>& out);

    // A local read is done. What it was for: an answer to send, or a reply to a local user.
    struct Answer {
        base::NodeId to;
        base::Bytes message;
    };

    [[nodiscard]] std::optional<Answer> on_read(std::uint64_t token,
                                                std::expected<runtime::LogPart, std::string> part,
                                                std::vector<LogReply>& out);

    void on_tick(base::Instant now, std::vector<LogReply>& out);
    [[nodiscard]] base::Instant next_deadline() const;

private:
    struct Local {  // a read on this host, under a token of our own
        std::uint64_t request{};
        std::optional<base::NodeId> asker;  // nothing: a local user
        base::Instant deadline;
    };

    struct Remote {  // a question that another host has
        base::NodeId node;
        base::Instant deadline;
    };

    std::map<std::uint64_t, Local> local_;
    std::map<std::uint64_t, Remote> remote_;
    std::uint64_t next_token_ = 1;
};

}  // namespace agent
