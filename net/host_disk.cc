#include <boost/asio/post.hpp>

#include "base/log.h"
#include "base/text.h"
#include "net/clock.h"
#include "net/host_loop.h"

namespace net {

namespace {

constexpr auto retry_after = std::chrono::seconds(1);
// Members hear of a leave by gossip, which needs a few rounds after the last container ended.
constexpr auto farewell = std::chrono::milliseconds(700);

// `later` on top of `earlier`, as if both had been written in turn.
void merge(crdt::Batch& earlier, crdt::Batch later) {
    for (crdt::Entry& entry : later.entries) {
        std::erase_if(earlier.entries,
                      [&](crdt::Entry const& held) { return held.key == entry.key; });
        earlier.entries.push_back(std::move(entry));
    }
    earlier.version = std::move(later.version);
    for (auto& [key, value] : later.locals) {
        earlier.locals[key] = std::move(value);
    }
}

}  // namespace

void Host::Loop::persist(agent::Persist persist) {
    last_sequence_ = persist.sequence;
    if (unwritten_) {
        merge(*unwritten_, std::move(persist.batch));
        // The fleet goes on without this disk. Later, for the agent is in the middle of a call.
        boost::asio::post(io_, [this, sequence = persist.sequence] { tell_persisted(sequence); });
        return;
    }
    in_flight_[persist.sequence] = persist.batch;
    if (!writer_->submit(persist.sequence, std::move(persist.batch))) {
        boost::asio::post(io_, [this, sequence = persist.sequence] {
            on_written(sequence, base::fail("the disk has not answered for a long time"));
        });
    }
}

void Host::Loop::tell_persisted(std::uint64_t sequence) {
    tell([&](agent::Agent& agent, agent::Effects& out) {
        agent.on_persisted(now(), sequence, out);
    });
}

void Host::Loop::on_written(std::uint64_t sequence, base::Result<void> const& result) {
    auto written = in_flight_.extract(sequence);
    tell_persisted(sequence);
    if (result) {
        disk_problem_.clear();
        auto const end = waiting_.upper_bound(sequence);
        std::vector<std::pair<agent::Accepted, Done<agent::Accepted>>> answers;
        for (auto at = waiting_.begin(); at != end; ++at) {
            answers.push_back(std::move(at->second));
        }
        waiting_.erase(waiting_.begin(), end);
        for (auto& [accepted, done] : answers) {
            done(std::move(accepted));
        }
        return;
    }
    if (disk_problem_.empty()) {
        base::log(base::LogLevel::error, "disk", result.error().message);
    }
    disk_problem_ = result.error().message;
    if (written) {
        if (!unwritten_) {
            unwritten_.emplace();
        }
        merge(*unwritten_, std::move(written.mapped()));
    }
    for (auto& [waits_for, waiter] : std::exchange(waiting_, {})) {
        waiter.second(std::unexpected(agent::Refusal{
            base::concat("not on this host's disk: ", disk_problem_,
                         "; the change is in force and is written when the disk works again")}));
    }
    retry_timer_.expires_after(retry_after);
    retry_timer_.async_wait([this](auto const& error) {
        if (!error) {
            retry_write();
        }
    });
}

void Host::Loop::retry_write() {
    // What is still in flight must not be overtaken by what failed before it.
    if (!unwritten_ || !in_flight_.empty()) {
        return;
    }
    crdt::Batch batch = *std::exchange(unwritten_, std::nullopt);
    in_flight_[last_sequence_] = batch;
    if (!writer_->submit(last_sequence_, std::move(batch))) {
        on_written(last_sequence_, base::fail(disk_problem_));
    }
}

void Host::Loop::answer_when_written(agent::Outcome<agent::Accepted> outcome,
                                     Done<agent::Accepted> done) {
    if (!outcome || outcome->sequence == 0) {
        done(std::move(outcome));
        return;
    }
    if (unwritten_) {
        done(std::unexpected(agent::Refusal{
            base::concat("not on this host's disk: ", disk_problem_,
                         "; the change is in force and is written when the disk works again")}));
        return;
    }
    std::uint64_t const sequence = outcome->sequence;
    waiting_.emplace(sequence, std::pair(*std::move(outcome), std::move(done)));
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
