#include "agent/acks.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/text.h"
#include "crdt/codec.h"

namespace agent {

namespace {

constexpr std::uint8_t format = 1;
constexpr std::uint32_t usual_hosts = 2;

bool holds_all(crdt::Map const& map, std::vector<crdt::Dot> const& dots) {
    return std::ranges::all_of(dots, [&](crdt::Dot dot) { return map.knows(dot); });
}

}  // namespace

std::string hosts_text(AckTerms const& terms) {
    switch (terms.hosts) {
        case AckTerms::Hosts::usual:
            return "usual";
        case AckTerms::Hosts::local:
            return "local";
        case AckTerms::Hosts::all:
            return "all";
        case AckTerms::Hosts::count:
            return std::to_string(terms.count);
    }
    return {};
}

bool read_hosts(std::string_view text, AckTerms& terms) {
    auto const count = base::parse_integer<std::uint32_t>(text);
    if (text == "usual") {
        terms.hosts = AckTerms::Hosts::usual;
    } else if (text == "local") {
        terms.hosts = AckTerms::Hosts::local;
    } else if (text == "all") {
        terms.hosts = AckTerms::Hosts::all;
    } else if (count && *count > 0) {
        terms.hosts = AckTerms::Hosts::count;
        terms.count = *count;
    } else {
        return false;
    }
    return true;
}

std::uint32_t hosts_wanted(AckTerms const& terms, std::size_t alive) {
    auto const present = static_cast<std::uint32_t>(alive);
    switch (terms.hosts) {
        case AckTerms::Hosts::usual:
            return std::min(usual_hosts, present);
        case AckTerms::Hosts::local:
            return 1;
        case AckTerms::Hosts::all:
            return present;
        case AckTerms::Hosts::count:
            return terms.count;
    }
    return usual_hosts;
}

base::Bytes encode(AckQuestion const& question) {
    base::ByteWriter out;
    out.u8(format);
    out.u64(question.number);
    crdt::encode(question.dots, out);
    return out.take();
}

base::Bytes encode(AckAnswer const& answer) {
    base::ByteWriter out;
    out.u8(format);
    out.u64(answer.number);
    return out.take();
}

std::expected<AckQuestion, RecordError> decode_ack_question(base::ByteView bytes) {
    base::ByteReader in(bytes);
    bool const known = in.u8() == format;
    std::uint64_t const number = in.u64();
    auto dots = crdt::decode_dots(in, ack_dots_max);
    if (!known || !dots || !in.complete()) {
        return std::unexpected(RecordError::malformed);
    }
    return AckQuestion{number, *std::move(dots)};
}

std::expected<AckAnswer, RecordError> decode_ack_answer(base::ByteView bytes) {
    base::ByteReader in(bytes);
    bool const known = in.u8() == format;
    AckAnswer const answer{in.u64()};
    if (!known || !in.complete()) {
        return std::unexpected(RecordError::malformed);
    }
    return answer;
}

void AckWaits::await(base::Instant now, std::uint64_t request, std::vector<crdt::Dot> dots,
                     std::uint32_t wanted, base::Duration timeout,
                     std::span<base::NodeId const> peers) {
    if (waits_.size() >= waits_max) {
        end(waits_.begin());
    }
    std::ranges::sort(dots);
    auto const repeated = std::ranges::unique(dots);
    dots.erase(repeated.begin(), repeated.end());
    CHECK(dots.size() <= ack_dots_max);
    auto const at = waits_
                        .emplace(next_number_++, Wait{.so_far = {request, {self_}, wanted},
                                                      .dots = std::move(dots),
                                                      .asked = {},
                                                      .ask_at = now,
                                                      .deadline = now + timeout})
                        .first;
    if (at->second.so_far.enough()) {
        end(at);
    } else {
        ask(now, at->first, at->second, peers);
    }
}

void AckWaits::on_answer(base::NodeId from, AckAnswer const& answer) {
    auto const at = waits_.find(answer.number);
    if (at == waits_.end() || !at->second.asked.contains(from)) {
        return;
    }
    std::vector<base::NodeId>& hosts = at->second.so_far.hosts;
    if (std::ranges::find(hosts, from) == hosts.end()) {
        hosts.push_back(from);
    }
    if (at->second.so_far.enough()) {
        end(at);
    }
}

void AckWaits::on_tick(base::Instant now, std::span<base::NodeId const> peers) {
    for (auto at = waits_.begin(); at != waits_.end();) {
        auto const each = at++;
        if (now >= each->second.deadline) {
            end(each);
        } else if (now >= each->second.ask_at) {
            ask(now, each->first, each->second, peers);
        }
    }
}

void AckWaits::ask(base::Instant now, std::uint64_t number, Wait& wait,
                   std::span<base::NodeId const> peers) {
    wait.ask_at = now + ask_again;
    std::vector<base::NodeId> const& confirmed = wait.so_far.hosts;
    auto const open = [&](base::NodeId peer) {
        return std::ranges::find(confirmed, peer) == confirmed.end();
    };
    auto const fresh = [&](base::NodeId peer) { return open(peer) && !wait.asked.contains(peer); };
    bool const round_over = std::ranges::none_of(peers, fresh);
    std::size_t missing = wait.so_far.wanted - confirmed.size();
    for (base::NodeId const peer : peers) {
        if (missing > 0 && (round_over ? open(peer) : fresh(peer))) {
            --missing;
            wait.asked.insert(peer);
            questions_.push_back({peer, encode(AckQuestion{number, wait.dots})});
        }
    }
}

void AckWaits::end(std::map<std::uint64_t, Wait>::iterator at) {
    answers_.push_back(std::move(at->second.so_far));
    waits_.erase(at);
}

base::Instant AckWaits::next_deadline() const {
    base::Instant next = base::instant_max;
    for (auto const& [number, wait] : waits_) {
        next = std::min({next, wait.ask_at, wait.deadline});
    }
    return next;
}

std::vector<AckMessage> AckWaits::take_questions() {
    return std::exchange(questions_, {});
}

std::vector<Acknowledged> AckWaits::take_answers() {
    return std::exchange(answers_, {});
}

void AckDebts::on_question(base::Instant now, base::NodeId from, AckQuestion question) {
    std::erase_if(debts_, [&](Debt const& debt) {
        return debt.to == from && debt.question.number == question.number;
    });
    if (debts_.size() >= debts_max) {
        debts_.pop_front();
    }
    debts_.push_back({from, std::move(question), std::nullopt, now + patience});
}

void AckDebts::update(base::Instant now, crdt::Map const& map, std::uint64_t on_disk,
                      std::uint64_t next) {
    for (Debt& debt : debts_) {
        if (!debt.persist && holds_all(map, debt.question.dots)) {
            debt.persist = next;
        }
    }
    std::erase_if(debts_, [&](Debt const& debt) {
        bool const paid = debt.persist && *debt.persist <= on_disk;
        if (paid) {
            answers_.push_back({debt.to, encode(AckAnswer{debt.question.number})});
        }
        return paid || now >= debt.forget_at;
    });
}

bool AckDebts::wait_for(std::uint64_t persist) const {
    return std::ranges::any_of(debts_, [&](Debt const& debt) { return debt.persist == persist; });
}

std::vector<base::NodeId> AckDebts::lacking() const {
    std::vector<base::NodeId> peers;
    for (Debt const& debt : debts_) {
        if (!debt.persist) {
            peers.push_back(debt.to);
        }
    }
    return peers;
}

std::vector<AckMessage> AckDebts::take_answers() {
    return std::exchange(answers_, {});
}

}  // namespace agent
