#include "dns/server/forwarder.h"

#include <cerrno>

#include <sys/epoll.h>
#include <sys/random.h>

#include "base/check.h"
#include "dns/message.h"
#include "dns/name.h"

namespace dns {

namespace {

std::uint16_t random_id() {
    std::uint16_t id = 0;
    CHECK(::getrandom(&id, sizeof id, 0) == sizeof id);
    return id;
}

void set_id(base::Bytes& message, std::uint16_t id) {
    message[0] = static_cast<std::byte>(id >> 8);
    message[1] = static_cast<std::byte>(id);
}

base::ByteView question_of(base::ByteView query) {
    std::size_t end = header_size;
    while (query[end] != std::byte{0}) {
        end += 1 + std::to_integer<std::size_t>(query[end]);
    }
    return query.subspan(header_size, end + 5 - header_size);
}

}  // namespace

Forwarder::Forwarder(int epoll, std::uint64_t token_base, ServerConfig const& config,
                     ServerCounters& counters)
    : epoll_(epoll),
      token_base_(token_base),
      upstreams_(config.upstreams),
      timeout_(config.upstream_timeout),
      counters_(counters),
      buffer_(message_max) {}

void Forwarder::ask(base::Instant now, Client const& client, Inquiry inquiry,
                    std::vector<Done>& done) {
    if (questions_.size() >= forwards_max) {
        ++counters_.forwards_refused;
        done.push_back({client, servfail(inquiry.query)});
        return;
    }
    ++counters_.forwarded;
    auto const question = questions_.try_emplace(next_id_++).first;
    question->second.client = client;
    question->second.query = std::move(inquiry.query);
    question->second.upstream = inquiry.upstreams.empty() ? preferred_ : 0;
    question->second.upstreams = std::move(inquiry.upstreams);
    fail_over(now, question, done);
}

// Starts the next attempt, or ends the question when none is left.
void Forwarder::fail_over(base::Instant now, Questions::iterator question,
                          std::vector<Done>& done) {
    if (!try_next(now, question->first, question->second)) {
        ++counters_.forwards_failed;
        finish(question, servfail(question->second.query), done);
    }
}

bool Forwarder::try_next(base::Instant now, std::uint64_t id, Question& question) {
    auto const& upstreams = question.upstreams.empty() ? upstreams_ : question.upstreams;
    while (question.attempts < upstreams.size()) {
        question.upstream =
            (question.upstream + (question.attempts > 0 ? 1 : 0)) % upstreams.size();
        ++question.attempts;
        question.fd = connect_to(upstreams[question.upstream], question.client.transport);
        if (!question.fd.open()) {
            continue;
        }
        question.id = random_id();
        question.deadline = now + timeout_;
        question.frames = {};
        base::Bytes message = question.query;
        set_id(message, question.id);
        epoll_event event{};
        event.events = EPOLLIN;
        event.data.u64 = token_base_ | id;
        if (question.client.transport == Transport::udp) {
            if (::send(question.fd.get(), message.data(), message.size(), MSG_NOSIGNAL) < 0) {
                continue;
            }
        } else {
            event.events |= EPOLLOUT;
            question.unsent.clear();
            append_frame(question.unsent, message);
        }
        if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, question.fd.get(), &event) == 0) {
            return true;
        }
    }
    return false;
}

// False if the connection is broken.
bool Forwarder::send(std::uint64_t id, Question& question) {
    if (question.unsent.empty()) {
        return true;
    }
    ssize_t const sent =
        ::send(question.fd.get(), question.unsent.data(), question.unsent.size(), MSG_NOSIGNAL);
    if (sent < 0) {
        // Before the connection stands, sending says ENOTCONN or EAGAIN.
        return would_block() || errno == ENOTCONN;
    }
    question.unsent.erase(question.unsent.begin(), question.unsent.begin() + sent);
    if (question.unsent.empty()) {
        epoll_event event{};
        event.events = EPOLLIN;
        event.data.u64 = token_base_ | id;
        (void)::epoll_ctl(epoll_, EPOLL_CTL_MOD, question.fd.get(), &event);
    }
    return true;
}

void Forwarder::on_event(base::Instant now, std::uint64_t id, std::vector<Done>& done) {
    auto const found = questions_.find(id);
    if (found == questions_.end()) {
        return;
    }
    Question& question = found->second;
    base::Bytes answer;
    Progress const progress = send(id, question) ? receive(question, answer) : Progress::failed;
    switch (progress) {
        case Progress::waiting:
            return;
        case Progress::failed:
            fail_over(now, found, done);
            return;
        case Progress::answered:
            preferred_ = question.upstreams.empty() ? question.upstream : preferred_;
            base::ByteReader client_id(question.query);
            set_id(answer, client_id.u16());
            finish(found, std::move(answer), done);
            return;
    }
}

Forwarder::Progress Forwarder::receive(Question& question, base::Bytes& answer) {
    if (question.client.transport == Transport::tcp) {
        return receive_stream(question, answer);
    }
    for (;;) {
        ssize_t const size = ::recv(question.fd.get(), buffer_.data(), buffer_.size(), 0);
        if (size < 0) {
            return would_block() ? Progress::waiting : Progress::failed;
        }
        base::ByteView const message(buffer_.data(), static_cast<std::size_t>(size));
        Progress const progress = judge(question, message);
        if (progress != Progress::waiting) {
            answer.assign(message.begin(), message.end());
            return progress;
        }
    }
}

Forwarder::Progress Forwarder::receive_stream(Question& question, base::Bytes& answer) {
    ssize_t const size = ::recv(question.fd.get(), buffer_.data(), buffer_.size(), 0);
    if (size < 0 && (would_block() || errno == ENOTCONN)) {
        return Progress::waiting;
    }
    if (size <= 0) {
        return Progress::failed;
    }
    question.frames.append(base::ByteView(buffer_.data(), static_cast<std::size_t>(size)));
    while (auto message = question.frames.next()) {
        Progress const progress = judge(question, *message);
        if (progress != Progress::waiting) {
            answer = *std::move(message);
            return progress;
        }
    }
    return Progress::waiting;
}

// A message that answers something else is not even a failure: the true answer may follow it.
Forwarder::Progress Forwarder::judge(Question const& question, base::ByteView message) {
    if (!is_response_to(message, question.id, question_of(question.query))) {
        ++counters_.responses_rejected;
        return Progress::waiting;
    }
    auto const rcode = static_cast<Rcode>(flags_of(message) & flag::rcode);
    bool const useless = rcode == Rcode::server_failure || rcode == Rcode::refused ||
                         rcode == Rcode::not_implemented;
    bool const last = question.attempts == upstreams_.size();
    return useless && !last ? Progress::failed : Progress::answered;
}

void Forwarder::on_sweep(base::Instant now, std::vector<Done>& done) {
    for (auto next = questions_.begin(); next != questions_.end();) {
        auto const question = next++;
        if (question->second.deadline <= now) {
            fail_over(now, question, done);
        }
    }
}

void Forwarder::finish(Questions::iterator question, base::Bytes message, std::vector<Done>& done) {
    done.push_back({question->second.client, std::move(message)});
    questions_.erase(question);
}

}  // namespace dns
