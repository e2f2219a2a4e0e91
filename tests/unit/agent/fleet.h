#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "agent/agent.h"
#include "tests/sim/fake_store.h"
#include "tests/support/fake_keys.h"
#include "tests/unit/agent/support.h"

namespace agent {

// Whole agents on a network without delay; disks and drivers answer at once. Hosts are numbered
// from 1; the others join through the first.
class Fleet {
public:
    // `change` is for the configuration of every host.
    explicit Fleet(std::uint8_t size, std::function<void(Config&)> const& change = {}) {
        for (std::uint8_t number = 1; number <= size; ++number) {
            hosts_.push_back(std::make_unique<Host>(number));
            hosts_.back()->change = change;
        }
        for (std::uint8_t number = 1; number <= size; ++number) {
            start(number);
        }
    }

    // Before a start; it applies to every start after it.
    void configure(std::uint8_t number, std::function<void(Config&)> change) {
        host(number).change = std::move(change);
    }

    void start(std::uint8_t number) {
        Host& started = host(number);
        Config config = config_of(number);
        config.boot = ++started.boots;
        if (started.change) {
            started.change(config);
        }
        started.agent.emplace(config, base::Prng(number + 16 * started.boots), started.keys);
        tell(number, [&](Agent& agent, Effects& out) {
            std::vector<base::SocketAddress> seeds;
            if (number != 1) {
                seeds.push_back(config_of(1).address);
            }
            agent.start(now, *started.disk.load(), {}, seeds, out);
        });
    }

    // The host loses power.
    void kill(std::uint8_t number) { host(number).agent.reset(); }

    // Those of `side` and the others do not reach each other.
    void part(std::set<std::uint8_t> side) { side_ = std::move(side); }

    void run(base::Duration duration) {
        constexpr base::Duration step = base::milliseconds(10);
        for (base::Instant const end = now + duration; now < end; now += step) {
            for (std::uint8_t number = 1; number <= hosts_.size(); ++number) {
                if (host(number).agent && host(number).agent->next_deadline() <= now) {
                    tell(number, [&](Agent& agent, Effects& out) { agent.on_tick(now, out); });
                }
            }
        }
    }

    bool run_until(base::Duration limit, std::function<bool()> const& done) {
        for (base::Instant const end = now + limit; now < end && !done();) {
            run(base::milliseconds(10));
        }
        return done();
    }

    void tell(std::uint8_t number, std::function<void(Agent&, Effects&)> const& what) {
        Effects effects;
        what(*host(number).agent, effects);
        carry_out(number, effects);
        while (!moving_.empty()) {
            Packet const packet = std::move(moving_.front());
            moving_.pop_front();
            Effects more;
            host(packet.to).agent->on_message(now, node(packet.from),
                                              config_of(packet.from).address, packet.send.channel,
                                              packet.send.bytes, more);
            carry_out(packet.to, more);
        }
    }

    [[nodiscard]] Agent& at(std::uint8_t number) { return *host(number).agent; }

    [[nodiscard]] StatusReport status(std::uint8_t number) { return at(number).status(now); }

    [[nodiscard]] NodeReport report(std::uint8_t by, std::uint8_t of) {
        for (NodeReport& each : at(by).nodes(now)) {
            if (each.id == node(of)) {
                return each;
            }
        }
        return {};
    }

    // How many instances of `service` host `by` runs itself.
    [[nodiscard]] std::size_t runs(std::uint8_t by, std::string const& service) {
        std::size_t count = 0;
        for (InstanceReport const& each : *at(by).instances("")) {
            count += each.node_id == node(by) && each.service == service &&
                             each.status == InstanceStatus::healthy
                         ? 1U
                         : 0U;
        }
        return count;
    }

    [[nodiscard]] std::vector<Notice>& notices(std::uint8_t number) { return host(number).notices; }

    [[nodiscard]] std::vector<Acknowledged>& acknowledged(std::uint8_t number) {
        return host(number).acknowledged;
    }

    // Until it works again, nothing is written; then all of it is.
    void break_disk(std::uint8_t number, bool broken) {
        host(number).disk_fails = broken;
        if (!broken) {
            write(number);
        }
    }

    [[nodiscard]] sim::FakeStore& disk(std::uint8_t number) { return host(number).disk; }

    [[nodiscard]] std::uint64_t persists(std::uint8_t number) { return host(number).persists; }

    [[nodiscard]] std::uint64_t starts(std::uint8_t number) { return host(number).starts; }

    static Config config_of(std::uint8_t number) {
        Config config;
        config.id = node(number);
        config.address = {base::IpAddress::v4(0x0a000000U + number), 7700};
        config.facts.name = "host" + std::to_string(number);
        config.facts.cpu_milli = 4000;
        config.facts.memory_bytes = std::uint64_t{8} << 30;
        return config;
    }

    base::Instant now{base::seconds(1)};

private:
    struct Host {
        explicit Host(std::uint8_t number) : keys(node(number)) {}

        support::FakeKeys keys;
        sim::FakeStore disk;
        std::function<void(Config&)> change;
        std::optional<Agent> agent;
        std::uint64_t boots = 0;
        std::optional<NetworkPlan> network;
        std::uint32_t addresses = 2;
        std::uint64_t persists = 0;
        std::uint64_t starts = 0;
        std::vector<Notice> notices;
        std::vector<Acknowledged> acknowledged;
        bool disk_fails = false;
        std::vector<Persist> unwritten;
    };

    struct Packet {
        std::uint8_t from{};
        std::uint8_t to{};
        gossip::Send send;
    };

    Host& host(std::uint8_t number) { return *hosts_[number - 1U]; }

    void carry_out(std::uint8_t number, Effects& effects) {
        Host& here = host(number);
        std::ranges::move(effects.notices, std::back_inserter(here.notices));
        if (effects.network) {
            here.network = effects.network;
        }
        for (gossip::Send& send : effects.sends) {
            auto const to = send.to.ip.bytes.back();
            if (to >= 1 && to <= hosts_.size() && to != number && host(to).agent &&
                side_.contains(to) == side_.contains(number)) {
                moving_.push_back({number, to, std::move(send)});
            }
        }
        for (Persist const& persist : effects.persists) {
            ++here.persists;
            here.unwritten.push_back(persist);
            write(number);
        }
        std::ranges::move(effects.acknowledged, std::back_inserter(here.acknowledged));
        for (runtime::Action const& action : effects.actions) {
            Effects more;
            here.agent->on_runtime(now, answer(here, action), more);
            carry_out(number, more);
        }
    }

    void write(std::uint8_t number) {
        Host& here = host(number);
        for (Persist const& persist :
             here.disk_fails ? here.unwritten : std::exchange(here.unwritten, {})) {
            REQUIRE((here.disk_fails || here.disk.write(persist.batch).has_value()));
            Effects more;
            here.agent->on_persisted(now, persist.sequence,
                                     here.disk_fails ? Disk::failed : Disk::written, more);
            carry_out(number, more);
        }
    }

    static runtime::Event answer(Host& here, runtime::Action const& action) {
        if (auto const* start = std::get_if<runtime::Start>(&action)) {
            ++here.starts;
            base::IpAddress const address = here.network->subnet.host(here.addresses++);
            return runtime::Started{start->id, address};
        }
        if (auto const* stop = std::get_if<runtime::Stop>(&action)) {
            return runtime::Exited{stop->id, {}};
        }
        if (auto const* removal = std::get_if<runtime::Remove>(&action)) {
            return runtime::Removed{removal->id};
        }
        return runtime::Probed{std::get<runtime::Probe>(action).id, true, {}};
    }

    std::vector<std::unique_ptr<Host>> hosts_;
    std::set<std::uint8_t> side_;
    std::deque<Packet> moving_;
};

}  // namespace agent
