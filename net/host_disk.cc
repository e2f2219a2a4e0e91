#include <boost/asio/post.hpp>

#include "base/log.h"
#include "base/text.h"
#include "net/clock.h"
#include "net/host_loop.h"

namespace net {

namespace {

// A user is told after this long that the disk stands still.
constexpr base::Duration disk_patience = base::seconds(10);
constexpr auto watch_interval = std::chrono::seconds(5);
// Members hear of a leave by gossip, which needs a few rounds after the last container ended.
constexpr auto farewell = std::chrono::milliseconds(700);

std::string_view const in_force =
    "; the change is in force and is written when the disk works again";

}  // namespace

void Host::Loop::persist(agent::Persist persist) {
    writer_->submit(persist.sequence, std::move(persist.batch));
}

void Host::Loop::on_written(std::uint64_t sequence, base::Result<void> const& result) {
    if (!result && disk_problem_.empty()) {
        base::log(base::LogLevel::error, "disk", result.error().message);
    }
    bool const news = !result && disk_problem_.empty();
    disk_problem_ = result ? std::string() : result.error().message;
    auto const end = waiting_.upper_bound(sequence);
    std::vector<Waiting> answered;
    for (auto at = waiting_.begin(); at != end; ++at) {
        answered.push_back(std::move(at->second));
    }
    waiting_.erase(waiting_.begin(), end);
    // The fleet goes on also without this disk.
    tell([&](agent::Agent& agent, agent::Effects& out) {
        agent.on_persisted(now(), sequence, result ? agent::Disk::written : agent::Disk::failed,
                           out);
    });
    for (Waiting& waiting : answered) {
        if (result) {
            await_acks(std::move(waiting.accepted), waiting.terms, std::move(waiting.done));
        } else {
            waiting.done(std::unexpected(agent::Refusal{
                base::concat("not on this host's disk: ", disk_problem_, in_force)}));
        }
    }
    if (news) {
        look_at_disk();
    }
}

void Host::Loop::change(agent::AckTerms const& terms, Done<ChangeReport> done,
                        Command const& command) {
    if (!disk_problem_.empty()) {
        done(std::unexpected(agent::Refusal{
            base::concat("nothing was changed, because this host cannot write: ", disk_problem_)}));
        return;
    }
    agent::Outcome<agent::Accepted> outcome = tell(command);
    if (!outcome) {
        done(std::unexpected(std::move(outcome).error()));
    } else if (outcome->sequence == 0) {
        await_acks(*std::move(outcome), terms, std::move(done));
    } else {
        std::uint64_t const sequence = outcome->sequence;
        waiting_.emplace(
            sequence, Waiting{*std::move(outcome), terms, std::move(done), now() + disk_patience});
        if (waiting_.size() == 1) {
            arm_disk_timer();
        }
    }
}

void Host::Loop::await_acks(agent::Accepted accepted, agent::AckTerms const& terms,
                            Done<ChangeReport> done) {
    std::uint64_t const request = next_ack_request_++;
    auto const& waiting =
        acknowledging_.emplace(request, Acknowledging{std::move(accepted), std::move(done)})
            .first->second;
    tell([&](agent::Agent& agent, agent::Effects& out) {
        agent.await_acks(now(), request, waiting.accepted, terms, out);
    });
}

void Host::Loop::look_at_disk() {
    bool const full = !disk_problem_.empty() || ports_.disk_full();
    tell([&](agent::Agent& agent, agent::Effects& out) {
        agent.on_disk(now(), full ? agent::DiskState::full : agent::DiskState::works, out);
    });
}

void Host::Loop::watch_disk() {
    if (!has_left_) {
        look_at_disk();
    }
    watch_timer_.expires_after(watch_interval);
    watch_timer_.async_wait([this](auto const& error) {
        if (!error) {
            watch_disk();
        }
    });
}

void Host::Loop::on_acknowledged(agent::Acknowledged const& acknowledged) {
    auto const asked = acknowledging_.extract(acknowledged.request);
    if (!asked) {
        return;
    }
    ChangeReport report{.changed = std::move(asked.mapped().accepted.changed),
                        .hosts = {},
                        .wanted = acknowledged.wanted};
    for (base::NodeId const host : acknowledged.hosts) {
        report.hosts.push_back(agent_->host_name(host));
    }
    asked.mapped().done(std::move(report));
}

void Host::Loop::arm_disk_timer() {
    disk_timer_.expires_after(
        std::max(waiting_.begin()->second.deadline - now(), base::Duration{}));
    disk_timer_.async_wait([this](auto const& error) {
        if (error) {
            return;
        }
        // In order of their sequence, so in order of their deadline.
        while (!waiting_.empty() && waiting_.begin()->second.deadline <= now()) {
            Done<ChangeReport> const done = std::move(waiting_.begin()->second.done);
            waiting_.erase(waiting_.begin());
            done(std::unexpected(
                agent::Refusal{base::concat("this host's disk does not answer", in_force)}));
        }
        if (!waiting_.empty()) {
            arm_disk_timer();
        }
    });
}

void Host::Loop::finish_leave() {
    has_left_ = true;
    leave_timer_.expires_after(farewell);
    leave_timer_.async_wait([this](auto const& error) {
        if (error) {
            return;
        }
        for (Done<void>& done : std::exchange(leave_waiting_, {})) {
            done({});
        }
        admin_->finish([this] { io_.stop(); });
    });
}

}  // namespace net
