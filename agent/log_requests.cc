#include "agent/log_requests.h"

#include <algorithm>

#include "agent/agent.h"
#include "agent/records.h"

namespace agent {

namespace {
constexpr base::Duration patience = base::seconds(5);
}

bool LogRequests::read_here(base::Instant now, std::uint64_t request, Ask const& ask,
                            std::vector<LogRead>& out) {
    if (local_.size() >= logs_pending_max) {
        return false;
    }
    std::uint64_t const token = next_token_++;
    local_[token] = {request, std::nullopt, now + patience};
    out.push_back({token, ask.container, ask.from, ask.from_end, log_part_max});
    return true;
}

std::optional<base::Bytes> LogRequests::ask_node(base::Instant now, std::uint64_t request,
                                                 base::NodeId node, Ask const& ask) {
    if (remote_.size() >= logs_pending_max) {
        return std::nullopt;
    }
    remote_[request] = {node, now + patience};
    base::ByteWriter message;
    message.u64(request);
    message.sized(ask.container);
    message.u64(ask.from);
    message.u8(ask.from_end ? 1 : 0);
    return message.take();
}

void LogRequests::on_question(base::Instant now, base::NodeId from, base::ByteView message,
                              std::vector<LogRead>& out) {
    base::ByteReader in(message);
    std::uint64_t const request = in.u64();
    Ask ask{.container = in.text(text_max), .from = in.u64(), .from_end = in.u8() != 0};
    if (!in.complete() || local_.size() >= logs_pending_max) {
        return;
    }
    std::uint64_t const token = next_token_++;
    local_[token] = {request, from, now + patience};
    out.push_back({token, std::move(ask.container), ask.from, ask.from_end, log_part_max});
}

void LogRequests::on_answer(base::NodeId from, base::ByteView message, std::vector<LogReply>& out) {
    base::ByteReader in(message);
    std::uint64_t const request = in.u64();
    auto const asked = remote_.find(request);
    if (asked == remote_.end() || asked->second.node != from) {
        return;
    }
    LogReply reply{.request = request, .part = std::nullopt, .problem = in.text(text_max)};
    runtime::LogPart part{.from = in.u64(), .text = in.text(log_part_max), .end = in.u64()};
    if (!in.complete()) {
        reply.problem = "the host's answer could not be read: is it of another version?";
    } else if (reply.problem.empty()) {
        reply.part = std::move(part);
    }
    remote_.erase(asked);
    out.push_back(std::move(reply));
}

std::optional<LogRequests::Answer> LogRequests::on_read(
    std::uint64_t token, std::expected<runtime::LogPart, std::string> part,
    std::vector<LogReply>& out) {
    auto const found = local_.find(token);
    if (found == local_.end()) {
        return std::nullopt;  // the asker was told that it took too long
    }
    Local const local = found->second;
    local_.erase(found);
    if (!local.asker) {
        LogReply reply{.request = local.request, .part = std::nullopt, .problem = {}};
        if (part) {
            reply.part = *std::move(part);
        } else {
            reply.problem = std::move(part).error();
        }
        out.push_back(std::move(reply));
        return std::nullopt;
    }
    base::ByteWriter message;
    message.u64(local.request);
    message.sized(part ? std::string_view() : std::string_view(part.error()).substr(0, text_max));
    message.u64(part ? part->from : 0);
    message.sized(part ? std::string_view(part->text).substr(0, log_part_max) : std::string_view());
    message.u64(part ? part->end : 0);
    return Answer{*local.asker, message.take()};
}

void LogRequests::on_tick(base::Instant now, std::vector<LogReply>& out) {
    for (auto const& [request, remote] : remote_) {
        if (remote.deadline <= now) {
            out.push_back({request, std::nullopt, "the host that runs it does not answer"});
        }
    }
    std::erase_if(remote_, [&](auto const& asked) { return asked.second.deadline <= now; });
    for (auto const& [token, local] : local_) {
        if (local.deadline <= now && !local.asker) {
            out.push_back({local.request, std::nullopt, "reading the log took too long"});
        }
    }
    std::erase_if(local_, [&](auto const& asked) { return asked.second.deadline <= now; });
}

base::Instant LogRequests::next_deadline() const {
    base::Instant next = base::instant_max;
    for (auto const& [request, remote] : remote_) {
        next = std::min(next, remote.deadline);
    }
    for (auto const& [token, local] : local_) {
        next = std::min(next, local.deadline);
    }
    return next;
}

}  // namespace agent
