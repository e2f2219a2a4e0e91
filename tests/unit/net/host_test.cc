// The loop around the agent, with another member beside it that the test drives.
#include "net/host.h"

#include <algorithm>

#include <catch2/catch.hpp>

#include "net/clock.h"
#include "net/identity_keys.h"
#include "tests/sim/fake_store.h"
#include "tests/support/running_host.h"
#include "tests/unit/net/transports.h"

using agent::NodeStatus;
using support::loopback;
using support::run_until;
using support::RunningHost;

namespace {

agent::Config config_of(net::Identity const& identity, std::string name) {
    agent::Config config;
    config.id = identity.id();
    config.address = {loopback, 0};
    config.facts.name = std::move(name);
    config.facts.arch = "x86_64";
    return config;
}

// A member that hears what others say and answers, and is never told that they are unreachable.
class Peer {
public:
    explicit Peer(net::Fleet const& fleet) {
        net::TransportEvents events;
        events.on_message = [this](base::NodeId from, base::SocketAddress source,
                                   net::Channel channel, base::ByteView bytes) {
            auto const by = channel == net::Channel::stream ? gossip::Channel::stream
                                                            : gossip::Channel::datagram;
            tell([&](agent::Effects& out) {
                agent_->on_message(net::now(), from, source, by, bytes, out);
            });
        };
        events.on_unreachable = [](base::SocketAddress, net::Unreachable) {};
        net::TransportSelf self{.identity = identity_,
                                .sealer = support::sealer_of(identity_, fleet.keys),
                                .join = support::closed_door()};
        auto opened = net::Transport::open(io_, std::move(self), {.bind = loopback, .port = 0},
                                           std::move(events));
        REQUIRE(opened);
        transport_ = std::move(*opened);
        agent::Config config = config_of(identity_, "peer");
        config.address.port = transport_->port();
        agent_.emplace(config, base::Prng(1), keys_);
        tell([&](agent::Effects& out) { agent_->start(net::now(), {}, {}, {}, out); });
    }

    [[nodiscard]] base::SocketAddress address() const { return {loopback, transport_->port()}; }

    // Lives until it sees such a host; false after ten seconds.
    bool sees(std::function<bool(agent::NodeReport const&)> const& such) {
        return run_until(io_, [&] {
            tell([&](agent::Effects& out) { agent_->on_tick(net::now(), out); });
            return std::ranges::any_of(agent_->nodes(net::now()),
                                       [&](auto const& node) { return !node.self && such(node); });
        });
    }

private:
    void tell(std::function<void(agent::Effects&)> const& what) {
        agent::Effects out;
        what(out);
        for (gossip::Send& send : out.sends) {
            auto const channel = send.channel == gossip::Channel::stream ? net::Channel::stream
                                                                         : net::Channel::datagram;
            transport_->send(send.to, channel, std::move(send.bytes));
        }
        if (!out.persists.empty()) {
            std::uint64_t const sequence = out.persists.back().sequence;
            tell([&](agent::Effects& more) {
                agent_->on_persisted(net::now(), sequence, agent::Disk::written, more);
            });
        }
    }

    net::Identity identity_ = net::Identity::generate();
    net::IdentityKeys keys_{identity_};
    boost::asio::io_context io_;
    std::optional<agent::Agent> agent_;
    std::unique_ptr<net::Transport> transport_;
};

}  // namespace

TEST_CASE("a host that is told to end says that it comes back") {
    net::Fleet fleet = net::make_fleet("test");
    Peer peer(fleet);
    fleet.seeds = {peer.address()};
    sim::FakeStore store;
    RunningHost host(store, fleet);
    // It has sent its facts, so it knows us too.
    REQUIRE(peer.sees([](auto const& node) { return !node.arch.empty(); }));
    host.tell_to_end();
    CHECK(peer.sees([](auto const& node) { return node.status == NodeStatus::restarting; }));
    host.join();
}

TEST_CASE("a host that knows nobody ends when it is told to") {
    sim::FakeStore store;
    RunningHost host(store, net::make_fleet("test"));
    host.tell_to_end();
    host.join();
}
