#include <limits>

#include <boost/asio/post.hpp>
#include <unistd.h>

#include "base/text.h"
#include "net/clock.h"
#include "net/host_loop.h"

namespace net {

namespace {
constexpr std::uint64_t token_ttl_max = 10ULL * 365 * 24 * 3600;
}  // namespace

InfoReport Host::Loop::info() {
    return {.version = config_.agent.facts.version,
            .runtime = ports_.driver.description(),
            .pid = ::getpid()};
}

agent::StatusReport Host::Loop::status() {
    agent::StatusReport report = agent_->status(now());
    report.profile = config_.profile;
    for (std::string const* problem : {&directory_problem_, &network_problem_, &disk_problem_}) {
        if (!problem->empty()) {
            report.problems.push_back(*problem);
        }
    }
    for (std::string& problem : ports_.problems()) {
        report.problems.push_back(std::move(problem));
    }
    TransportCounters const counters = transport_->counters();
    report.packets_in = counters.datagrams_in + counters.messages_in;
    for (std::uint64_t const dropped : counters.dropped) {
        report.packets_dropped += dropped;
    }
    return report;
}

std::vector<agent::NodeReport> Host::Loop::nodes() {
    return agent_->nodes(now());
}

std::vector<agent::ServiceReport> Host::Loop::services() {
    return agent_->services();
}

std::vector<spec::ServiceSpec> Host::Loop::specs() {
    return agent_->specs();
}

std::vector<agent::ChangeReport> Host::Loop::preview(std::span<spec::ServiceSpec const> services) {
    return agent_->preview(services);
}

agent::Outcome<std::vector<agent::InstanceReport>> Host::Loop::instances(std::string_view service) {
    return agent_->instances(service);
}

std::vector<ImageReport> Host::Loop::images() {
    return ports_.images();
}

std::vector<std::string> Host::Loop::doctor() {
    return ports_.doctor();
}

std::vector<agent::ConflictReport> Host::Loop::conflicts() {
    return agent_->conflicts();
}

void Host::Loop::apply(std::vector<spec::ServiceSpec> wanted, agent::AckTerms const& terms,
                       Done<ChangeReport> done) {
    change(terms, std::move(done), [&](agent::Agent& agent, agent::Effects& out) {
        return agent.apply(now(), std::move(wanted), out);
    });
}

void Host::Loop::remove(std::string_view service, agent::AckTerms const& terms,
                        Done<ChangeReport> done) {
    change(terms, std::move(done), [&](agent::Agent& agent, agent::Effects& out) {
        return agent.remove(now(), service, out);
    });
}

void Host::Loop::scale(std::string_view service, std::uint32_t replicas,
                       agent::AckTerms const& terms, Done<ChangeReport> done) {
    change(terms, std::move(done), [&](agent::Agent& agent, agent::Effects& out) {
        return agent.scale(now(), service, replicas, out);
    });
}

void Host::Loop::evict(std::string_view host, bool undo, agent::AckTerms const& terms,
                       Done<ChangeReport> done) {
    change(terms, std::move(done), [&](agent::Agent& agent, agent::Effects& out) {
        return undo ? agent.readmit(now(), host, out) : agent.evict(now(), host, out);
    });
}

void Host::Loop::settle_conflict(std::string_view id, agent::Settling how,
                                 agent::AckTerms const& terms, Done<ChangeReport> done) {
    change(terms, std::move(done), [&](agent::Agent& agent, agent::Effects& out) {
        return agent.settle_conflict(now(), id, how, out);
    });
}

void Host::Loop::create_token(std::uint64_t ttl_seconds, std::uint32_t uses,
                              Done<std::string> done) {
    // Our own address first: the joiner asks them in order.
    std::vector<base::SocketAddress> addresses{config_.agent.address};
    for (auto const& [id, address] : agent_->contacts()) {
        if (id != config_.agent.id) {
            addresses.push_back(address);
        }
    }
    base::WallSeconds const expires{
        wall_now().value + static_cast<std::int64_t>(std::min(ttl_seconds, token_ttl_max))};
    Token const token = make_token(config_.fleet.id, expires, std::move(addresses));
    TokenRecord const record =
        record_of(token, uses == 0 ? std::numeric_limits<std::uint32_t>::max() : uses);
    change(
        {},
        [text = to_string(token),
         done = std::move(done)](agent::Outcome<ChangeReport> const& outcome) {
            done(outcome ? agent::Outcome<std::string>(text) : std::unexpected(outcome.error()));
        },
        [&](agent::Agent& agent, agent::Effects& out) {
            return agent.put_token(now(), to_string(token.id), encode(record), out);
        });
}

void Host::Loop::read_log(std::string_view target, std::uint64_t from, bool from_end,
                          std::function<void(agent::LogReply)> done) {
    std::uint64_t const request = next_log_request_++;
    log_requests_[request] = std::move(done);
    auto const outcome = tell([&](agent::Agent& agent, agent::Effects& out) {
        return agent.read_log(now(), request, target, from, from_end, out);
    });
    if (!outcome) {
        if (auto asked = log_requests_.extract(request)) {
            asked.mapped()({request, std::nullopt, outcome.error().text});
        }
    }
}

void Host::Loop::leave(Done<void> done) {
    leave_waiting_.push_back(std::move(done));
    tell([](agent::Agent& agent, agent::Effects& out) { agent.leave(now(), out); });
}

void Host::Loop::load_image(std::string_view path, Done<std::vector<std::string>> done) {
    if (loader_) {
        done(std::unexpected(agent::Refusal{"another image is being loaded here: try again"}));
        return;
    }
    loader_.emplace([this, path = std::string(path), done = std::move(done)]() mutable {
        auto loaded = ports_.load_image(path);
        boost::asio::post(
            io_, [this, loaded = std::move(loaded), done = std::move(done)]() mutable {
                loader_->join();
                loader_.reset();
                if (loaded) {
                    done(*std::move(loaded));
                } else {
                    done(std::unexpected(agent::Refusal{std::move(loaded).error().message}));
                }
            });
    });
}

}  // namespace net
