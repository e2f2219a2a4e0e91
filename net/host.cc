#include "net/host.h"

#include <csignal>
#include <utility>

#include <boost/asio/post.hpp>

#include "base/log.h"
#include "base/text.h"
#include "net/clock.h"
#include "net/host_loop.h"

namespace net {

namespace {

using base::LogLevel;

constexpr auto repair_interval = std::chrono::seconds(5);
// For what is said at the end to be repeated a few times: datagrams get lost.
constexpr auto farewell = std::chrono::milliseconds(150);

gossip::Channel to_gossip(Channel channel) {
    return channel == Channel::datagram ? gossip::Channel::datagram : gossip::Channel::stream;
}

gossip::Unreachable to_gossip(Unreachable why) {
    switch (why) {
        case Unreachable::refused:
            return gossip::Unreachable::refused;
        case Unreachable::silent:
            return gossip::Unreachable::silent;
        case Unreachable::ended:
            return gossip::Unreachable::ended;
    }
    std::unreachable();
}

Channel from_gossip(gossip::Channel channel) {
    return channel == gossip::Channel::datagram ? Channel::datagram : Channel::stream;
}

LogLevel to_log(agent::Level level) {
    switch (level) {
        case agent::Level::info:
            return LogLevel::info;
        case agent::Level::warning:
            return LogLevel::warning;
        case agent::Level::error:
            return LogLevel::error;
    }
    return LogLevel::error;
}

base::Prng random_prng() {
    auto const seed = random_bytes<8>();
    base::ByteReader in(seed);
    return base::Prng(in.u64());
}

}  // namespace

Host::Loop::Loop(HostConfig given, HostPorts adapters)
    : config_(std::move(given)), ports_(std::move(adapters)) {}

Host::Loop::~Loop() {
    // Its threads post to io_, which goes first.
    ports_.driver.close();
    if (loader_) {
        loader_->join();
    }
}

base::Result<void> Host::Loop::open() {
    crdt::Loaded loaded = TRY(ports_.store.load());
    std::vector<runtime::Adopted> adopted = TRY(ports_.driver.adopt([this](runtime::Event event) {
        boost::asio::post(
            io_, [this, event = std::move(event)]() mutable { on_runtime(std::move(event)); });
    }));
    TRY_VOID(open_transport());
    if (config_.agent.address.port == 0) {
        config_.agent.address.port = transport_->port();
    }
    admin_.emplace(TRY(AdminServer::listen(io_, config_.socket_path, *this)));
    writer_.emplace(io_, ports_.store,
                    [this](std::uint64_t sequence, base::Result<void> const& result) {
                        on_written(sequence, result);
                    });
    for (runtime::Adopted const& container : adopted) {
        base::log(LogLevel::info, "host", base::concat("adopts container ", container.id));
    }
    agent_.emplace(config_.agent, random_prng(), keys_);
    tell([&](agent::Agent& agent, agent::Effects& out) {
        agent.start(now(), std::move(loaded), std::move(adopted), config_.fleet.seeds, out);
    });
    services_dir_.emplace(io_, config_.services_dir,
                          [this](FileEvent const& event) { on_file(event); });
    signals_.add(SIGTERM);
    signals_.add(SIGINT);
    await_signal();
    return {};
}

base::Result<void> Host::Loop::open_transport() {
    TransportSelf self{config_.identity,
                       Sealer(config_.fleet.keys, config_.identity.id(), config_.first_counter),
                       join_ports()};
    TransportEvents events;
    events.on_message = [this](base::NodeId from, base::SocketAddress source, Channel channel,
                               base::ByteView bytes) {
        tell([&](agent::Agent& agent, agent::Effects& out) {
            agent.on_message(now(), from, source, to_gossip(channel), bytes, out);
        });
    };
    events.on_unreachable = [this](base::SocketAddress to, Unreachable why) {
        tell([&](agent::Agent& agent, agent::Effects& out) {
            agent.on_unreachable(now(), to, to_gossip(why), out);
        });
    };
    transport_ = TRY(Transport::open(io_, std::move(self), config_.transport, std::move(events)));
    return {};
}

JoinDesk::Ports Host::Loop::join_ports() {
    JoinDesk::Ports ports;
    ports.find_token = [this](TokenId const& id) -> std::optional<TokenRecord> {
        base::Bytes const* const record = agent_->token(to_string(id));
        return record != nullptr ? decode_token_record(*record) : std::nullopt;
    };
    ports.welcome = [this] {
        Welcome welcome{.fleet = config_.fleet, .members = {}, .inviter = {}, .seen_as = {}};
        for (auto const& [id, address] : agent_->contacts()) {
            // The inviter itself must be among them, however large the fleet is.
            if (welcome.members.size() + 1 < welcome_members_max || id == config_.agent.id) {
                welcome.members.push_back({id, address});
            }
        }
        return welcome;
    };
    ports.on_joined = [this](TokenId const& id, Joiner const& joiner) {
        base::log(LogLevel::info, "host",
                  base::concat(joiner.name, " (", short_string(joiner.id), ") joins with token ",
                               to_string(id)));
        base::Bytes const* const stored = agent_->token(to_string(id));
        auto record = stored != nullptr ? decode_token_record(*stored) : std::nullopt;
        if (record && record->uses_left != 0 && record->uses_left != ~std::uint32_t{0}) {
            --record->uses_left;
            tell([&](agent::Agent& agent, agent::Effects& out) {
                // A full state only means that the use is not counted.
                [[maybe_unused]] auto const outcome =
                    agent.put_token(now(), to_string(id), encode(*record), out);
            });
        }
    };
    return ports;
}

bool Host::Loop::run() {
    await_hangup();
    arm();
    repair_network();
    watch_disk();
    io_.run();
    return has_left_;
}

void Host::Loop::await_signal() {
    signals_.async_wait([this](auto const& error, int) {
        if (!error) {
            stop();
            await_signal();
        }
    });
}

void Host::Loop::stop() {
    bool const alone = agent_->contacts().size() <= 1;  // itself
    if (stopping_ || has_left_ || alone) {
        io_.stop();
        return;
    }
    stopping_ = true;
    tell([](agent::Agent& agent, agent::Effects& out) { agent.announce_restart(now(), out); });
    stop_timer_.expires_after(farewell);
    stop_timer_.async_wait([this](auto const& error) {
        if (!error) {
            io_.stop();
        }
    });
}

void Host::Loop::carry_out(agent::Effects& effects) {
    for (agent::Notice const& notice : effects.notices) {
        base::log(to_log(notice.level), "agent", notice.text);
    }
    for (agent::Persist& each : effects.persists) {
        persist(std::move(each));
    }
    for (gossip::Send& send : effects.sends) {
        transport_->send(send.to, from_gossip(send.channel), std::move(send.bytes));
    }
    if (effects.network) {
        network_plan_ = std::move(effects.network);
        set_network(*network_plan_);
    }
    if (effects.zone) {
        ports_.set_zone(*effects.zone);
    }
    if (effects.table) {
        ports_.set_table(*effects.table);
    }
    for (runtime::Action& action : effects.actions) {
        ports_.driver.perform(std::move(action));
    }
    for (agent::LogReply& reply : effects.log_replies) {
        if (auto asked = log_requests_.extract(reply.request)) {
            asked.mapped()(std::move(reply));
        }
    }
    for (agent::Acknowledged const& acknowledged : effects.acknowledged) {
        on_acknowledged(acknowledged);
    }
    if (!effects.log_reads.empty()) {
        read_logs(effects.log_reads);
    }
    if (agent_->left() && !has_left_) {
        finish_leave();
    }
    arm();
}

void Host::Loop::set_network(agent::NetworkPlan const& plan) {
    auto const result = ports_.set_network(plan);
    std::string problem = result ? std::string() : result.error().message;
    if (!problem.empty() && problem != network_problem_) {
        base::log(LogLevel::error, "network", problem);
    }
    network_problem_ = std::move(problem);
}

void Host::Loop::repair_network() {
    if (network_plan_ && !has_left_) {
        set_network(*network_plan_);
    }
    repair_timer_.expires_after(repair_interval);
    repair_timer_.async_wait([this](auto const& error) {
        if (!error) {
            repair_network();
        }
    });
}

void Host::Loop::read_logs(std::vector<agent::LogRead> const& reads) {
    for (agent::LogRead const& read : reads) {
        auto part = ports_.driver.read_log(read.container, read.from, read.from_end, read.size_max);
        std::expected<runtime::LogPart, std::string> answer =
            part ? std::expected<runtime::LogPart, std::string>(*std::move(part))
                 : std::unexpected(std::move(part).error().message);
        tell([&](agent::Agent& agent, agent::Effects& out) {
            agent.on_log_read(now(), read.request, std::move(answer), out);
        });
    }
}

void Host::Loop::arm() {
    base::Instant const deadline = agent_->next_deadline();
    if (deadline == base::instant_max) {
        timer_.cancel();
        return;
    }
    timer_.expires_after(std::max(deadline - now(), base::Duration{}));
    timer_.async_wait([this](auto const& error) {
        if (!error) {
            tell([](agent::Agent& agent, agent::Effects& out) { agent.on_tick(now(), out); });
        }
    });
}

spec::ComposeFile Host::Loop::read_service_file(FileChanged const& changed) {
    spec::FileSource const source =
        [&](std::string const& path) -> std::expected<spec::SourceFile, spec::SourceProblem> {
        if (path == changed.name) {
            return spec::SourceFile{.text = changed.content};
        }
        return services_dir_->read_input(path);
    };
    // The agent's own environment is not the fleet's: variables come from files alone.
    spec::ComposeRequest const request{
        .files = {changed.name}, .env_files = {}, .variables = {}, .profiles = {}};
    spec::ComposeFile file = ports_.read_compose(request, source);
    services_dir_->set_inputs(changed.name, file.inputs);
    return file;
}

void Host::Loop::on_file(FileEvent const& event) {
    tell([&](agent::Agent& agent, agent::Effects& out) {
        if (auto const* changed = std::get_if<FileChanged>(&event)) {
            spec::ComposeFile file = read_service_file(*changed);
            std::vector<std::string> messages;
            for (spec::Diagnostic const& diagnostic : file.diagnostics) {
                messages.push_back(to_string(diagnostic));
            }
            bool const usable = file.usable();
            if (usable) {
                for (std::string const& message : messages) {
                    base::log(LogLevel::warning, "services", message);
                }
            }
            agent.on_file(now(), changed->name, usable, std::move(file.services),
                          std::move(messages), out);
        } else if (auto const* removed = std::get_if<FileRemoved>(&event)) {
            agent.on_file_removed(now(), removed->name, out);
        } else if (auto const* problem = std::get_if<FileProblem>(&event)) {
            if (problem->name.empty()) {
                directory_problem_ = problem->text;
            } else {
                agent.on_file(now(), problem->name, false, {}, {problem->text}, out);
            }
        } else {
            agent.on_files_scanned(now(), out);
        }
    });
}

void Host::Loop::on_runtime(runtime::Event event) {
    if (auto const* failed = std::get_if<runtime::StartFailed>(&event)) {
        base::log(LogLevel::warning, "runtime", base::concat(failed->id, ": ", failed->reason));
        look_at_disk();  // first: the slot goes elsewhere if that is why
    }
    tell([&](agent::Agent& agent, agent::Effects& out) { agent.on_runtime(now(), event, out); });
}

base::Result<std::unique_ptr<Host>> Host::start(HostConfig config, HostPorts ports) {
    auto loop = std::make_unique<Loop>(std::move(config), std::move(ports));
    TRY_VOID(loop->open());
    return std::unique_ptr<Host>(new Host(std::move(loop)));
}

Host::Host(std::unique_ptr<Loop> loop) : loop_(std::move(loop)) {}

Host::~Host() = default;

bool Host::run() {
    return loop_->run();
}

}  // namespace net
