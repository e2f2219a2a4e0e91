#include <boost/asio/post.hpp>

#include "base/log.h"
#include "base/text.h"
#include "net/clock.h"
#include "net/host_loop.h"

namespace net {

namespace {

// A user is told after this long that the disk stands still.
constexpr base::Duration disk_patience = base::seconds(10);
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
    disk_problem_ = result ? std::string() : result.error().message;
    auto const end = waiting_.upper_bound(sequence);
    std::vector<Waiting> answered;
    for (auto at = waiting_.begin(); at != end; ++at) {
        answered.push_back(std::move(at->second));
    }
    waiting_.erase(waiting_.begin(), end);
    for (Waiting& waiting : answered) {
        if (result) {
            waiting.done(std::move(waiting.accepted));
        } else {
            waiting.done(std::unexpected(agent::Refusal{
                base::concat("not on this host's disk: ", disk_problem_, in_force)}));
        }
    }
    // The fleet goes on also without this disk.
    tell([&](agent::Agent& agent, agent::Effects& out) {
        agent.on_persisted(now(), sequence, out);
    });
}

void Host::Loop::answer_when_written(agent::Outcome<agent::Accepted> outcome,
                                     Done<agent::Accepted> done) {
    if (!outcome || outcome->sequence == 0) {
        done(std::move(outcome));
        return;
    }
    std::uint64_t const sequence = outcome->sequence;
    waiting_.emplace(sequence,
                     Waiting{*std::move(outcome), std::move(done), now() + disk_patience});
    if (waiting_.size() == 1) {
        arm_disk_timer();
    }
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
            Done<agent::Accepted> const done = std::move(waiting_.begin()->second.done);
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
