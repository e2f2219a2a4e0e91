#include "tests/sim/world.h"

#include <algorithm>
#include <bit>

#include "base/check.h"
#include "base/hash.h"
#include "base/text.h"
#include "crdt/codec.h"

namespace sim {

using base::milliseconds;
using base::seconds;

namespace {

constexpr std::uint32_t first_address = 0x0a000001;
constexpr std::uint16_t port = 7700;
// Agents that ask to be woken again at once would never let time pass.
constexpr int events_an_instant_max = 1'000'000;
constexpr base::Duration uptime_max = std::chrono::hours(1000);

enum Trace : std::uint64_t { trace_arrival = 1, trace_wake, trace_runtime, trace_written };

base::NodeId node_id(std::size_t index) {
    base::NodeId id;
    std::uint64_t const word = base::mix(index + 1);
    for (std::size_t at = 0; at < id.bytes.size(); ++at) {
        id.bytes[at] = static_cast<std::uint8_t>(word >> (8 * (at % 8)));
    }
    return id;
}

}  // namespace

agent::Config fleet_config(std::uint64_t seed, std::size_t hosts) {
    agent::Config config;
    config.runtime.backoff_max = seconds(5);
    // Short, so that what they hold back happens within a run.
    config.gossip.restart_hold = seconds(5);
    config.gossip.flap_hold = seconds(5);
    config.gossip.flap_hold_max = seconds(10);
    config.mass_loss_hold = seconds(5);
    config.collect_interval = seconds(2);
    if (base::mix(seed ^ 5) % 4 == 0) {
        auto const bits = std::bit_width(hosts);
        config.fleet_range.length = static_cast<std::uint8_t>(24 - bits);
    }
    return config;
}

World::World(std::uint64_t seed, std::size_t hosts)
    : config_(fleet_config(seed, hosts)),
      boot_prng_(base::mix(seed ^ 1)),
      disk_prng_(base::mix(seed ^ 2)),
      container_prng_(base::mix(seed ^ 3)),
      network_(hosts, base::Prng(base::mix(seed ^ 4))) {
    for (std::size_t index = 0; index < hosts; ++index) {
        auto host = std::make_unique<Host>();
        host->index = index;
        host->id = node_id(index);
        host->keys = std::make_unique<support::FakeKeys>(host->id);
        host->address = {base::IpAddress::v4(first_address + static_cast<std::uint32_t>(index)),
                         port};
        host->clock = HostClock(base::Instant(draw(boot_prng_, {}, uptime_max)));
        hosts_.push_back(std::move(host));
    }
}

World::~World() = default;

void World::boot() {
    base::Duration const apart =
        boot_prng_.chance(0.3)
            ? milliseconds(1)
            : std::min<base::Duration>(milliseconds(50),
                                       seconds(3) / static_cast<int>(hosts_.size()));
    for (std::size_t index = 0; index < hosts_.size(); ++index) {
        start_agent(index);
        run_for(apart);
    }
}

void World::run_for(base::Duration duration) {
    base::Instant const end = now_ + duration;
    int at_once = 0;
    while (!queue_.empty() && queue_.next() <= end) {
        at_once = queue_.next() == now_ ? at_once + 1 : 0;
        CHECK(at_once < events_an_instant_max);
        now_ = std::max(now_, queue_.next());
        ++events_run_;
        happen(queue_.pop());
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

void World::after(base::Duration delay, std::function<void()> action) {
    Event event;
    event.what = std::move(action);
    queue_.at(now_ + delay, std::move(event));
}

void World::at_host(Host& host, base::Instant when, Event event) {
    event.host = host.index;
    queue_.at(std::max(when, now_), std::move(event));
}

void World::at_agent(Host& host, base::Instant when, Event event) {
    event.life = host.life;
    at_host(host, when, std::move(event));
}

void World::happen(Event event) {
    if (event.host == Event::no_host) {
        std::get<std::function<void()>>(event.what)();
        return;
    }
    Host& host = *hosts_[event.host];
    if (event.life != Event::any_life && event.life != host.life) {
        return;
    }
    if (host.frozen) {
        bool const mail = std::holds_alternative<Arrival>(event.what);
        if (!mail || host.held.size() < mail_max) {
            host.held.push_back(std::move(event));
        }
        return;
    }
    std::visit(
        [&](auto const& what) {
            if constexpr (requires { what(); }) {
                what();
            } else {
                on(host, what);
            }
        },
        event.what);
}

void World::crash_host(std::size_t index) {
    Host& host = *hosts_[index];
    kill_agent(index);
    host.disk.crash();
    ++host.power;
    host.powered = false;
    host.containers.clear();
    host.network.reset();
    host.clock.reset(now_, base::Instant(seconds(10)));
}

void World::destroy_disk(std::size_t index) {
    crash_host(index);
    hosts_[index]->disk = {};
    ledger_.vanished(hosts_[index]->id);
}

void World::kill_agent(std::size_t index) {
    Host& host = *hosts_[index];
    if (host.writing > 0 && host.refused == 0 && disk_prng_.chance(0.5)) {
        host.disk.sync(host.writing);  // on the disk, though nobody was told
    }
    host.disk.kill();
    host.unwritten.clear();
    host.promises.clear();
    host.acknowledging.clear();
    host.writing = 0;
    host.refused = 0;
    host.agent.reset();
    ++host.life;
    host.wake.reset();
    host.frozen = false;
    std::vector<Event> const held = std::exchange(host.held, {});
    for (Event const& event : held) {
        bool const outlives = std::holds_alternative<ContainerEnd>(event.what) ||
                              std::holds_alternative<Undelivered>(event.what);
        if (outlives) {
            happen(event);
        }
    }
}

void World::start_agent(std::size_t index) {
    Host& host = *hosts_[index];
    if (host.agent) {
        return;
    }
    ++host.boots;
    host.powered = true;
    agent::Config config = config_;
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
    host.agent = std::make_unique<agent::Agent>(config, boot_prng_.fork(), *host.keys);
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
    auto loaded = host.disk.load();
    CHECK(loaded.has_value());
    tell(host, [&](agent::Agent& agent, base::Instant local_now, agent::Effects& out) {
        agent.start(local_now, *std::move(loaded), std::move(adopted), seeds, out);
    });
    watch_disk(host);
}

void World::freeze(std::size_t index) {
    hosts_[index]->frozen = hosts_[index]->agent != nullptr;
}

void World::thaw(std::size_t index) {
    Host& host = *hosts_[index];
    host.frozen = false;
    for (Event& event : std::exchange(host.held, {})) {
        happen(std::move(event));
    }
}

void World::set_clock_rate(std::size_t index, std::int64_t millionths) {
    Host& host = *hosts_[index];
    host.clock.set_rate(now_, millionths);
    host.wake.reset();
    schedule_wake(host);
}

void World::jump_clock(std::size_t index, base::Duration ahead) {
    Host& host = *hosts_[index];
    host.clock.jump(ahead);
    host.wake.reset();
    schedule_wake(host);
}

void World::partition(std::set<std::size_t> const& side, bool one_way) {
    partitions_.push_back(network_.cut(side, one_way ? Cut::inbound : Cut::both_ways));
}

void World::unite() {
    for (std::uint64_t const cut : std::exchange(partitions_, {})) {
        network_.mend(cut);
    }
}

void World::set_faults(Faults const& faults) {
    faults_ = faults;
    network_.set(faults);
}

void World::repair() {
    faults_ = {};
    network_.repair();
    partitions_.clear();
    for (std::size_t index = 0; index < hosts_.size(); ++index) {
        set_clock_rate(index, HostClock::normal);
        free_disk(index);
        thaw(index);
        start_agent(index);
    }
}

void World::carry_out(Host& host, agent::Effects& effects) {
    for (gossip::Send& send : effects.sends) {
        deliver(host, send);
    }
    if (effects.network) {
        host.network = std::move(effects.network);
    }
    for (agent::Persist& persist : effects.persists) {
        ++host.writes_asked;
        for (crdt::Entry const& entry : persist.batch.entries) {
            host.bytes_asked += crdt::encoded_size(entry);
        }
        for (auto const& [name, value] : persist.batch.locals) {
            host.bytes_asked += name.size() + (value ? value->size() : 0);
        }
        host.disk.stage(std::move(persist.batch));
        host.unwritten.push_back(persist.sequence);
    }
    write(host);
    for (runtime::Action& action : effects.actions) {
        perform(host, std::move(action));
    }
    for (agent::Acknowledged const& acknowledged : effects.acknowledged) {
        on_acknowledged(host, acknowledged);
    }
    if (effects.table) {
        host.table = std::move(effects.table);
    }
    schedule_wake(host);
}

void World::schedule_wake(Host& host) {
    if (!host.agent) {
        return;
    }
    base::Instant const due = std::max(host.clock.world(host.agent->next_deadline()), now_);
    if (due == base::instant_max || (host.wake && *host.wake <= due)) {
        return;
    }
    host.wake = due;
    Event event;
    event.what = Wake{due};
    at_agent(host, due, std::move(event));
}

void World::on(Host& host, Wake const& wake) {
    if (host.wake != wake.due) {
        return;  // an earlier one came, and the next was set anew
    }
    host.wake.reset();
    note(trace_wake, host, {});
    tell(host, [](agent::Agent& agent, base::Instant local_now, agent::Effects& out) {
        agent.on_tick(local_now, out);
    });
}

void World::on(Host& host, Arrival const& arrival) {
    Host const& from = *hosts_[arrival.from];
    if (!network_.hears({from.index, host.index})) {
        return;
    }
    if (!host.agent) {
        // A datagram too is refused by a host that is up (ICMP port unreachable), if that returns.
        bool const refused = host.powered && network_.hears({host.index, from.index});
        if (refused || arrival.channel == gossip::Channel::stream) {
            report_undelivered(
                *hosts_[arrival.from], host.index,
                refused ? gossip::Unreachable::refused : gossip::Unreachable::silent);
        }
        return;
    }
    note(trace_arrival, host, *arrival.bytes);
    tell(host, [&](agent::Agent& agent, base::Instant local_now, agent::Effects& out) {
        agent.on_message(local_now, from.id, from.address, arrival.channel, *arrival.bytes, out);
    });
}

void World::on(Host& host, RuntimeNews const& news) {
    note(trace_runtime, host, {});
    if (std::holds_alternative<runtime::StartFailed>(news.event)) {
        look_at_disk(host);
    }
    tell(host, [&](agent::Agent& agent, base::Instant local_now, agent::Effects& out) {
        agent.on_runtime(local_now, news.event, out);
    });
}

void World::note(std::uint64_t what, Host const& host, base::ByteView bytes) {
    trace_ = base::mix(trace_ ^ what ^ static_cast<std::uint64_t>(now_.time_since_epoch().count()));
    trace_ = base::mix(trace_ ^ host.id.bytes[0] ^ base::stable_hash(bytes));
}

base::Duration World::draw(base::Prng& prng, base::Duration low, base::Duration high) {
    return low + base::Duration(static_cast<std::int64_t>(
                     prng.below(static_cast<std::uint64_t>((high - low).count()) + 1)));
}

// Addresses were given in order.
std::optional<std::size_t> World::at(base::SocketAddress address) const {
    if (!address.ip.is_v4() || address.port != port || address.ip.v4_value() < first_address ||
        address.ip.v4_value() - first_address >= hosts_.size()) {
        return std::nullopt;
    }
    return address.ip.v4_value() - first_address;
}

}  // namespace sim
