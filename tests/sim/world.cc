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
    faults.write_max = milliseconds(prng.chance(0.3) ? 120 : 8);
    faults.start_failure = prng.chance(0.5) ? prng.unit() * 0.2 : 0;
    faults.host_crash = sometimes(seconds(5), seconds(40));
    faults.agent_kill = sometimes(seconds(3), seconds(40));
    faults.partition = sometimes(seconds(8), seconds(40));
    faults.pause = sometimes(seconds(8), seconds(40));
    faults.container_death = sometimes(seconds(2), seconds(20));
    return faults;
}

World::World(std::uint64_t seed, std::size_t hosts) : prng_(seed) {
    for (std::size_t index = 0; index < hosts; ++index) {
        auto host = std::make_unique<Host>();
        host->index = index;
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
    tell(*hosts_[host], [&](agent::Agent& agent, agent::Effects& out) {
        auto const outcome = agent.apply(now_, {service}, out);
        CHECK(outcome.has_value());
    });
}

void World::remove(std::size_t host, std::string const& service) {
    tell(*hosts_[host], [&](agent::Agent& agent, agent::Effects& out) {
        [[maybe_unused]] auto const outcome = agent.remove(now_, service, out);
    });
}

void World::scale(std::size_t host, std::string const& service, std::uint32_t replicas) {
    tell(*hosts_[host], [&](agent::Agent& agent, agent::Effects& out) {
        [[maybe_unused]] auto const outcome = agent.scale(now_, service, replicas, out);
    });
}

void World::leave(std::size_t index) {
    tell(*hosts_[index], [&](agent::Agent& agent, agent::Effects& out) { agent.leave(now_, out); });
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
    schedule_fault(faults.host_crash, [this] { crash_some_host(); });
    schedule_fault(faults.agent_kill, [this] { kill_some_agent(); });
    schedule_fault(faults.partition, [this] { part_some_hosts(); });
    schedule_fault(faults.pause, [this] { freeze_some_host(); });
    schedule_fault(faults.container_death, [this] { end_some_container(); });
}

void World::crash_some_host() {
    std::size_t const index = random_index();
    crash_host(index);
    queue_.at(now_ + between(milliseconds(500), seconds(10)),
              [this, index] { start_agent(index); });
}

void World::kill_some_agent() {
    std::size_t const index = random_index();
    // Also several times in a row, before it has settled or written anything.
    base::Instant when = now_;
    do {
        queue_.at(when, [this, index, era = fault_era_] {
            if (fault_era_ == era) {
                kill_agent(index);
            }
        });
        when += between(milliseconds(50), seconds(4));
        queue_.at(when, [this, index] { start_agent(index); });
        when += between(milliseconds(1), seconds(3));
    } while (prng_.chance(0.4));
}

void World::part_some_hosts() {
    std::set<std::size_t> side;
    for (std::size_t index = 0; index < hosts_.size(); ++index) {
        if (prng_.chance(0.5)) {
            side.insert(index);
        }
    }
    partition(side, prng_.chance(0.3));
    queue_.at(now_ + between(milliseconds(500), seconds(10)), [this] { unite(); });
}

void World::freeze_some_host() {
    std::size_t const index = random_index();
    freeze(index);
    queue_.at(now_ + between(seconds(1), seconds(20)), [this, index] { thaw(index); });
}

void World::end_some_container() {
    Host& host = *hosts_[random_index()];
    for (auto& [id, container] : host.containers) {
        if (container.running && prng_.chance(0.5)) {
            container.running = false;
            container.exit = {.code = 1, .signal = 0, .out_of_memory = false};
            runtime_event(host, milliseconds(1), runtime::Exited{id, container.exit});
            break;
        }
    }
}

void World::heal() {
    faults_ = {};
    ++fault_era_;
    unite();
    for (std::size_t index = 0; index < hosts_.size(); ++index) {
        thaw(index);
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
    if (host.writing > 0 && prng_.chance(0.5)) {
        host.disk.sync(host.writing);  // on the disk, though nobody was told
    }
    host.disk.crash();
    host.unwritten.clear();
    host.writing = 0;
    host.agent.reset();
    ++host.life;
    host.wake.reset();
    host.frozen = false;
    host.held.clear();
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
    auto loaded = host.disk.load();
    CHECK(loaded.has_value());
    host.agent->start(now_, *std::move(loaded), std::move(adopted), seeds, effects);
    carry_out(host, effects);
}

void World::partition(std::set<std::size_t> const& side, bool one_way) {
    cut_off_ = side;
    cut_one_way_ = one_way;
}

void World::unite() {
    partition({});
}

bool World::hears(std::size_t to, std::size_t from) const {
    bool const inside = cut_off_.contains(to);
    return inside == cut_off_.contains(from) || (cut_one_way_ && !inside);
}

void World::freeze(std::size_t index) {
    hosts_[index]->frozen = hosts_[index]->agent != nullptr;
}

void World::thaw(std::size_t index) {
    Host& host = *hosts_[index];
    host.frozen = false;
    for (std::function<void()> const& action : std::exchange(host.held, {})) {
        action();
    }
}

void World::at_host(Host& host, base::Instant when, std::function<void()> action) {
    queue_.at(when, [&host, action = std::move(action)]() mutable {
        if (host.frozen) {
            host.held.push_back(std::move(action));
        } else {
            action();
        }
    });
}

void World::at_agent(Host& host, base::Instant when, std::function<void()> action) {
    at_host(host, when, [&host, life = host.life, action = std::move(action)] {
        if (host.life == life) {
            action();
        }
    });
}

void World::tell(Host& host, std::function<void(agent::Agent&, agent::Effects&)> const& event) {
    if (host.agent && !host.frozen) {
        agent::Effects effects;
        event(*host.agent, effects);
        carry_out(host, effects);
    }
}

void World::carry_out(Host& host, agent::Effects& effects) {
    for (gossip::Send& send : effects.sends) {
        deliver(host, std::move(send));
    }
    if (effects.network) {
        host.network = std::move(effects.network);
    }
    for (agent::Persist& persist : effects.persists) {
        host.disk.stage(std::move(persist.batch));
        host.unwritten.push_back(persist.sequence);
    }
    write(host);
    for (runtime::Action& action : effects.actions) {
        perform(host, std::move(action));
    }
    if (effects.table) {
        host.table = std::move(effects.table);
    }
    schedule_wake(host);
}

// One writer thread: what waits while one write is under way goes into the next.
void World::write(Host& host) {
    if (host.writing > 0 || host.unwritten.empty()) {
        return;
    }
    host.writing = host.unwritten.size();
    at_agent(host, now_ + between(milliseconds(1), faults_.write_max), [this, &host] {
        std::size_t const count = std::exchange(host.writing, 0);
        std::uint64_t const last = host.unwritten[count - 1];
        host.disk.sync(count);
        host.unwritten.erase(host.unwritten.begin(),
                             host.unwritten.begin() + static_cast<std::ptrdiff_t>(count));
        tell(host, [&](agent::Agent& agent, agent::Effects& out) {
            agent.on_persisted(now_, last, out);
        });
    });
}

void World::deliver(Host& from, gossip::Send send) {
    auto const index = at(send.to);
    if (!index) {
        return;
    }
    Host& to = *hosts_[*index];
    bool const stream = send.channel == gossip::Channel::stream;
    // A stream retransmits what is lost; it fails only when the peer cannot be reached and answer.
    if (stream && (!to.agent || !hears(*index, from.index) || !hears(from.index, *index))) {
        at_agent(from, now_ + milliseconds(200), [this, &from, address = send.to] {
            tell(from, [&](agent::Agent& agent, agent::Effects& out) {
                agent.on_unreachable(now_, address, out);
            });
        });
        return;
    }
    if (!stream && prng_.chance(faults_.loss)) {
        return;
    }
    int const copies = !stream && prng_.chance(faults_.duplication) ? 2 : 1;
    for (int copy = 0; copy < copies; ++copy) {
        at_host(to, now_ + between(faults_.delay_min, faults_.delay_max),
                [this, &to, &from, channel = send.channel, bytes = send.bytes] {
                    if (!to.agent || !hears(to.index, from.index)) {
                        return;
                    }
                    note(trace_deliver, to, bytes);
                    tell(to, [&](agent::Agent& agent, agent::Effects& out) {
                        agent.on_message(now_, from.id, from.address, channel, bytes, out);
                    });
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
    if (prng_.chance(faults_.start_failure)) {
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
    at_agent(host, now_ + delay, [this, &host, power = host.power, event = std::move(event)] {
        if (host.power == power) {
            note(trace_runtime, host, {});
            tell(host, [&](agent::Agent& agent, agent::Effects& out) {
                agent.on_runtime(now_, event, out);
            });
        }
    });
}

void World::schedule_wake(Host& host) {
    base::Instant const due = std::max(host.agent->next_deadline(), now_);
    if (due == base::instant_max || (host.wake && *host.wake <= due)) {
        return;
    }
    host.wake = due;
    at_agent(host, due, [this, &host, due] {
        if (host.wake != due) {
            return;
        }
        host.wake.reset();
        note(trace_wake, host, {});
        tell(host, [&](agent::Agent& agent, agent::Effects& out) { agent.on_tick(now_, out); });
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

std::optional<std::size_t> World::at(base::SocketAddress address) const {
    auto const found =
        std::ranges::find(hosts_, address, [](auto const& host) -> auto& { return host->address; });
    return found == hosts_.end() ? std::nullopt
                                 : std::optional(static_cast<std::size_t>(found - hosts_.begin()));
}

std::size_t World::random_index() {
    return static_cast<std::size_t>(prng_.below(hosts_.size()));
}

}  // namespace sim
