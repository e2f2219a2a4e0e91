#include "tests/sim/world.h"

#include <algorithm>

#include "base/check.h"
#include "base/hash.h"
#include "base/text.h"

namespace sim {

using base::milliseconds;
using base::seconds;

namespace {

constexpr std::uint64_t trace_deliver = 1;
constexpr std::uint64_t trace_wake = 2;
constexpr std::uint64_t trace_runtime = 3;

base::NodeId node_id(std::size_t index) {
    base::NodeId id;
    std::uint64_t const word = base::mix(index + 1);
    for (std::size_t at = 0; at < id.bytes.size(); ++at) {
        id.bytes[at] = static_cast<std::uint8_t>(word >> (8 * (at % 8)));
    }
    return id;
}

}  // namespace

Faults Faults::draw(base::Prng& prng) {
    auto const sometimes = [&](base::Duration low, base::Duration high) {
        return prng.chance(0.5) ? low + base::Duration(prng.below(
                                            static_cast<std::uint64_t>((high - low).count())))
                                : base::Duration{};
    };
    Faults faults;
    faults.loss = prng.chance(0.5) ? prng.unit() * 0.3 : 0;
    faults.duplication = prng.chance(0.5) ? prng.unit() * 0.2 : 0;
    faults.delay_max = milliseconds(2 + static_cast<std::int64_t>(prng.below(80)));
    faults.host_crash = sometimes(seconds(5), seconds(40));
    faults.agent_kill = sometimes(seconds(5), seconds(40));
    faults.partition = sometimes(seconds(8), seconds(40));
    faults.container_death = sometimes(seconds(2), seconds(20));
    faults.start_failure = sometimes(seconds(2), seconds(20));
    return faults;
}

World::World(std::uint64_t seed, std::size_t hosts) : prng_(seed) {
    for (std::size_t index = 0; index < hosts; ++index) {
        auto host = std::make_unique<Host>();
        host->id = node_id(index);
        host->address = {base::IpAddress::v4(0x0a000001 + static_cast<std::uint32_t>(index)), 7700};
        hosts_.push_back(std::move(host));
    }
}

World::~World() = default;

void World::boot() {
    for (std::size_t index = 0; index < hosts_.size(); ++index) {
        start_agent(index);
        run_for(milliseconds(50));
    }
}

void World::apply(std::size_t host, spec::ServiceSpec const& service) {
    agent::Effects effects;
    if (hosts_[host]->agent) {
        auto const outcome = hosts_[host]->agent->apply(now_, {service}, effects);
        CHECK(outcome.has_value());
        carry_out(*hosts_[host], effects);
    }
}

void World::remove(std::size_t host, std::string const& service) {
    agent::Effects effects;
    if (hosts_[host]->agent) {
        auto const outcome = hosts_[host]->agent->remove(now_, service, effects);
        CHECK(outcome.has_value());
        carry_out(*hosts_[host], effects);
    }
}

void World::run_for(base::Duration duration) {
    base::Instant const end = now_ + duration;
    while (!queue_.empty() && queue_.next() <= end) {
        now_ = queue_.next();
        ++events_run_;
        queue_.pop()();
    }
    now_ = end;
}

bool World::run_until(base::Duration limit, std::function<bool()> const& done) {
    base::Instant const end = now_ + limit;
    while (now_ < end) {
        if (done()) {
            return true;
        }
        run_for(milliseconds(100));
    }
    return done();
}

void World::set_faults(Faults const& faults) {
    faults_ = faults;
    ++fault_era_;
    schedule_fault(faults.host_crash, [this] {
        Host& host = random_host();
        auto const index = static_cast<std::size_t>(
            std::ranges::find_if(hosts_, [&](auto const& each) { return each.get() == &host; }) -
            hosts_.begin());
        crash_host(index);
        queue_.at(now_ + between(milliseconds(500), seconds(10)),
                  [this, index] { start_agent(index); });
    });
    schedule_fault(faults.agent_kill, [this] {
        auto const index = static_cast<std::size_t>(prng_.below(hosts_.size()));
        kill_agent(index);
        queue_.at(now_ + between(milliseconds(100), seconds(5)),
                  [this, index] { start_agent(index); });
    });
    schedule_fault(faults.partition, [this] {
        std::set<std::size_t> side;
        for (std::size_t index = 0; index < hosts_.size(); ++index) {
            if (prng_.chance(0.5)) {
                side.insert(index);
            }
        }
        partition(side);
        queue_.at(now_ + between(milliseconds(500), seconds(10)), [this] { unite(); });
    });
    schedule_fault(faults.container_death, [this] {
        Host& host = random_host();
        for (auto& [id, container] : host.containers) {
            if (container.running && prng_.chance(0.5)) {
                container.running = false;
                container.exit = {.code = 1, .signal = 0, .out_of_memory = false};
                runtime_event(host, milliseconds(1), runtime::Exited{id, container.exit});
                break;
            }
        }
    });
}

void World::heal() {
    faults_ = {};
    ++fault_era_;
    unite();
    for (std::size_t index = 0; index < hosts_.size(); ++index) {
        start_agent(index);
    }
}

void World::crash_host(std::size_t index) {
    Host& host = *hosts_[index];
    kill_agent(index);
    ++host.power;
    host.containers.clear();
    host.network.reset();
}

void World::kill_agent(std::size_t index) {
    Host& host = *hosts_[index];
    host.agent.reset();
    ++host.life;
    host.wake.reset();
}

void World::start_agent(std::size_t index) {
    Host& host = *hosts_[index];
    if (host.agent) {
        return;
    }
    ++host.boots;
    agent::Config config;
    config.id = host.id;
    config.address = host.address;
    config.boot = host.boots;
    config.facts = {.name = base::concat("host", index + 1),
                    .arch = "x86_64",
                    .cpu_milli = 4000,
                    .memory_bytes = std::uint64_t{8} << 30,
                    .runtime = "fake",
                    .version = "test",
                    .labels = {}};
    config.runtime.backoff_max = seconds(5);
    host.agent = std::make_unique<agent::Agent>(config, prng_.fork());
    std::vector<runtime::Adopted> adopted;
    for (auto const& [id, container] : host.containers) {
        adopted.push_back({id, container.assignment, container.address,
                           container.running ? std::nullopt
                                             : std::optional<runtime::ExitStatus>(container.exit)});
    }
    std::vector<base::SocketAddress> seeds;
    if (index != 0) {
        seeds.push_back(hosts_[0]->address);
    }
    agent::Effects effects;
    host.agent->start(now_, host.disk, std::move(adopted), seeds, effects);
    carry_out(host, effects);
}

void World::partition(std::set<std::size_t> const& side) {
    for (std::size_t index = 0; index < hosts_.size(); ++index) {
        hosts_[index]->group = side.contains(index) ? 1 : 0;
    }
}

void World::unite() {
    partition({});
}

void World::carry_out(Host& host, agent::Effects& effects) {
    for (gossip::Send& send : effects.sends) {
        deliver(host, std::move(send));
    }
    if (effects.network) {
        host.network = std::move(effects.network);
    }
    for (agent::Persist& persist : effects.persists) {
        // One writer thread: in order, each after the one before.
        host.written_at =
            std::max(host.written_at, now_) + between(milliseconds(1), milliseconds(8));
        queue_.at(host.written_at, [&host, life = host.life, batch = std::move(persist.batch)] {
            if (host.life != life) {
                return;  // it crashed before the write was on disk
            }
            for (crdt::Entry const& entry : batch.entries) {
                std::erase_if(host.disk.entries,
                              [&](crdt::Entry const& held) { return held.key == entry.key; });
                host.disk.entries.push_back(entry);
            }
            host.disk.version = batch.version;
            for (auto const& [key, value] : batch.locals) {
                host.disk.locals[key] = value;
            }
        });
    }
    for (runtime::Action& action : effects.actions) {
        perform(host, std::move(action));
    }
    if (effects.table) {
        host.table = std::move(effects.table);
    }
    schedule_wake(host);
}

void World::deliver(Host& from, gossip::Send send) {
    Host* const to = at(send.to);
    if (to == nullptr) {
        return;
    }
    bool const stream = send.channel == gossip::Channel::stream;
    // A stream retransmits what is lost; it fails only when the peer cannot be reached.
    if (stream && (to->agent == nullptr || to->group != from.group)) {
        queue_.at(now_ + milliseconds(200), [this, &from, life = from.life, address = send.to] {
            if (from.life == life) {
                agent::Effects effects;
                from.agent->on_unreachable(now_, address, effects);
                carry_out(from, effects);
            }
        });
        return;
    }
    if (!stream && prng_.chance(faults_.loss)) {
        return;
    }
    int const copies = !stream && prng_.chance(faults_.duplication) ? 2 : 1;
    for (int copy = 0; copy < copies; ++copy) {
        queue_.at(now_ + between(faults_.delay_min, faults_.delay_max),
                  [this, to, group = from.group, id = from.id, source = from.address,
                   channel = send.channel, bytes = send.bytes] {
                      if (to->agent == nullptr || to->group != group) {
                          return;
                      }
                      note(trace_deliver, *to, bytes);
                      agent::Effects effects;
                      to->agent->on_message(now_, id, source, channel, bytes, effects);
                      carry_out(*to, effects);
                  });
    }
}

void World::perform(Host& host, runtime::Action action) {
    if (auto const* start = std::get_if<runtime::Start>(&action)) {
        start_container(host, *start);
    } else if (auto const* stop = std::get_if<runtime::Stop>(&action)) {
        auto const container = host.containers.find(stop->id);
        if (container != host.containers.end() && container->second.running) {
            container->second.running = false;
            container->second.exit = {.code = 143, .signal = 15, .out_of_memory = false};
            runtime_event(host, between(milliseconds(1), milliseconds(50)),
                          runtime::Exited{stop->id, container->second.exit});
        }
    } else if (auto const* remove = std::get_if<runtime::Remove>(&action)) {
        host.containers.erase(remove->id);
        runtime_event(host, between(milliseconds(1), milliseconds(20)),
                      runtime::Removed{remove->id});
    } else if (auto const* probe = std::get_if<runtime::Probe>(&action)) {
        runtime_event(host, milliseconds(2), runtime::Probed{probe->id, true, {}});
    }
}

void World::start_container(Host& host, runtime::Start const& start) {
    CHECK(host.network.has_value());
    if (faults_.start_failure.count() > 0 && prng_.chance(0.1)) {
        runtime_event(host, milliseconds(5), runtime::StartFailed{start.id, "simulated failure"});
        return;
    }
    std::set<base::IpAddress> taken;
    for (auto const& [id, container] : host.containers) {
        taken.insert(container.address);
    }
    std::uint32_t index = 2;
    while (taken.contains(host.network->subnet.host(index))) {
        ++index;
    }
    base::IpAddress const address = host.network->subnet.host(index);
    host.containers[start.id] = {start.assignment, address, true, {}};
    runtime_event(host, between(milliseconds(20), milliseconds(200)),
                  runtime::Started{start.id, address});
}

void World::runtime_event(Host& host, base::Duration delay, runtime::Event event) {
    if (!host.agent) {
        return;  // the next agent finds out when it adopts
    }
    queue_.at(now_ + delay,
              [this, &host, life = host.life, power = host.power, event = std::move(event)] {
                  if (host.life == life && host.power == power) {
                      note(trace_runtime, host, {});
                      agent::Effects effects;
                      host.agent->on_runtime(now_, event, effects);
                      carry_out(host, effects);
                  }
              });
}

void World::schedule_wake(Host& host) {
    base::Instant const due = std::max(host.agent->next_deadline(), now_);
    if (due == base::instant_max || (host.wake && *host.wake <= due)) {
        return;
    }
    host.wake = due;
    queue_.at(due, [this, &host, life = host.life, due] {
        if (host.life != life || host.wake != due) {
            return;
        }
        host.wake.reset();
        note(trace_wake, host, {});
        agent::Effects effects;
        host.agent->on_tick(now_, effects);
        carry_out(host, effects);
    });
}

void World::schedule_fault(base::Duration mean, std::function<void()> fault) {
    if (mean.count() == 0) {
        return;
    }
    queue_.at(now_ + between(base::Duration{}, 2 * mean),
              [this, mean, fault = std::move(fault), era = fault_era_] {
                  if (fault_era_ == era) {
                      fault();
                      schedule_fault(mean, fault);
                  }
              });
}

void World::note(std::uint64_t what, Host const& host, base::ByteView bytes) {
    trace_ = base::mix(trace_ ^ what ^ static_cast<std::uint64_t>(now_.time_since_epoch().count()));
    trace_ = base::mix(trace_ ^ host.id.bytes[0] ^ base::stable_hash(bytes));
}

base::Duration World::between(base::Duration low, base::Duration high) {
    return low + base::Duration(static_cast<std::int64_t>(
                     prng_.below(static_cast<std::uint64_t>((high - low).count()) + 1)));
}

Host* World::at(base::SocketAddress address) {
    for (auto const& host : hosts_) {
        if (host->address == address) {
            return host.get();
        }
    }
    return nullptr;
}

Host& World::random_host() {
    return *hosts_[static_cast<std::size_t>(prng_.below(hosts_.size()))];
}

}  // namespace sim
