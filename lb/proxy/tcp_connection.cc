#include "lb/proxy/tcp_connection.h"

#include <algorithm>
#include <utility>

#include <sys/epoll.h>

#include "lb/proxy/sockets.h"

namespace lb {

TcpConnection::TcpConnection(ProxyContext& context, TcpFrontend& owner, base::Descriptor client)
    : context_(context), owner_(owner), client_(std::move(client)), flow_(context.random.next()) {
    ++context_.counters.active;
}

void TcpConnection::enter(Phase phase) {
    context_.counters.waiting += (phase == Phase::waiting ? 1U : 0U);
    context_.counters.waiting -= (phase_ == Phase::waiting ? 1U : 0U);
    context_.counters.active -= (phase == Phase::ended ? 1U : 0U);
    phase_ = phase;
}

void TcpConnection::begin() {
    tune_client(client_.get());
    // Until a backend answers, only that the client is gone matters; what it says stays in the
    // kernel.
    context_.poller.watch(client_.get(), 0, *this);
    wait_or_race();
}

void TcpConnection::wait_or_race() {
    base::Instant const now = context_.poller.now();
    if (!owner_.frontend().backends.empty()) {
        enter(Phase::racing);
        give_up_ = now + context_.config.connect_timeout;
        if (!race_another()) {
            end(Ending::reset);
        }
    } else if (context_.counters.waiting < context_.config.waiting_max) {
        enter(Phase::waiting);
        tried_.clear();  // what refused may be back, better, before long
        give_up_ = now + context_.config.wait_for_backend;
        arm();
    } else {
        end(Ending::reset);
    }
}

bool TcpConnection::race_another() {
    Frontend const& frontend = owner_.frontend();
    for (std::size_t const index : order(frontend, flow_)) {
        base::SocketAddress const& backend = frontend.backends[index].address;
        if (std::ranges::find(tried_, backend) != tried_.end()) {
            continue;
        }
        context_.counters.retried += (tried_.empty() ? 0U : 1U);
        tried_.push_back(backend);
        auto socket = begin_connect(backend);
        if (!socket) {
            continue;
        }
        context_.poller.watch(socket->get(), EPOLLOUT, *this);
        attempts_.push_back({std::move(*socket), backend});
        next_attempt_ = context_.poller.now() + context_.config.connect_hedge;
        arm();
        return true;
    }
    next_attempt_ = base::instant_max;
    arm();
    return false;
}

void TcpConnection::arm() {
    context_.poller.set_deadline(*this, std::min(give_up_, next_attempt_));
}

void TcpConnection::on_deadline() {
    if (context_.poller.now() >= give_up_) {
        end(Ending::reset);
        return;
    }
    race_another();
}

void TcpConnection::follow() {
    switch (phase_) {
        case Phase::waiting:
        case Phase::racing:
            if (owner_.closed()) {
                end(Ending::reset);
            } else if (phase_ == Phase::racing) {
                // What is new may well be better than what has not answered yet.
                race_another();
            } else if (!owner_.frontend().backends.empty()) {
                wait_or_race();
            }
            break;
        case Phase::carrying:
            heed_backend_state();
            break;
        case Phase::ended:
            break;
    }
}

// A backend on a dead host never says so. As soon as the table doubts it, unanswered data ends the
// connection soon; before that, a backend that does not read for a while is only slow.
void TcpConnection::heed_backend_state() {
    auto const& backends = owner_.frontend().backends;
    auto const entry = std::ranges::find(backends, backend_.backend, &Backend::address);
    bool const sound = entry != backends.end() && !entry->doubtful;
    set_user_timeout(backend_.socket.get(),
                     sound ? base::Duration::zero() : context_.config.lost_backend_timeout);
}

void TcpConnection::on_ready(int fd, std::uint32_t events) {
    if (phase_ == Phase::carrying) {
        // Nothing would read the error of a socket that nothing is asked of.
        bool const unread = (events & EPOLLERR) != 0 && pump_->interest(fd) == 0;
        if (unread && connect_result(fd) != 0) {
            end(Ending::reset);
        } else {
            advance();
        }
    } else if (fd != client_.get()) {
        attempt_ready(fd);
    } else if ((events & (EPOLLERR | EPOLLHUP)) != 0) {
        end(Ending::ordered);  // the client left first
    }
}

void TcpConnection::attempt_ready(int fd) {
    auto const entry = std::ranges::find(
        attempts_, fd, [](Attempt const& attempt) { return attempt.socket.get(); });
    Attempt attempt = std::move(*entry);
    attempts_.erase(entry);
    if (connect_result(fd) == 0) {
        carry(std::move(attempt));
        return;
    }
    context_.poller.close(std::move(attempt.socket));
    if (race_another() || !attempts_.empty()) {
        return;
    }
    // The last one failed. That there is nothing left at all can change very soon.
    if (owner_.frontend().backends.empty()) {
        wait_or_race();
    } else {
        end(Ending::reset);
    }
}

void TcpConnection::carry(Attempt winner) {
    for (Attempt& loser : attempts_) {
        context_.poller.close(std::move(loser.socket));
    }
    attempts_.clear();
    context_.poller.set_deadline(*this, base::instant_max);
    ++context_.counters.connected;
    enter(Phase::carrying);
    backend_ = std::move(winner);
    tune_backend(backend_.socket.get());
    heed_backend_state();
    pump_.emplace(client_.get(), backend_.socket.get());
    advance();
}

void TcpConnection::advance() {
    switch (pump_->advance(context_.scratch)) {
        case Pump::State::open:
            for (int const fd : {client_.get(), backend_.socket.get()}) {
                context_.poller.watch(fd, pump_->interest(fd), *this);
            }
            break;
        case Pump::State::finished:
            end(Ending::ordered);
            break;
        case Pump::State::broken:
            end(Ending::reset);
            break;
    }
}

void TcpConnection::end(Ending ending) {
    context_.counters.failed += (ending == Ending::reset && phase_ != Phase::carrying ? 1U : 0U);
    enter(Phase::ended);
    if (ending == Ending::reset) {
        reset_on_close(client_.get());
        if (backend_.socket) {
            reset_on_close(backend_.socket.get());
        }
    }
    for (Attempt& attempt : attempts_) {
        context_.poller.close(std::move(attempt.socket));
    }
    context_.poller.close(std::move(client_));
    context_.poller.close(std::move(backend_.socket));
    owner_.ended(*this);
}

}  // namespace lb
