// The containers on the hosts.
#include "base/check.h"
#include "tests/sim/world.h"

namespace sim {

using base::milliseconds;
using base::seconds;

namespace {
constexpr runtime::ExitStatus terminated{.code = 143, .signal = 15, .out_of_memory = false};
constexpr runtime::ExitStatus killed{.code = 137, .signal = 9, .out_of_memory = false};
}  // namespace

void World::perform(Host& host, runtime::Action action) {
    if (auto const* start = std::get_if<runtime::Start>(&action)) {
        start_container(host, *start);
    } else if (auto const* stop = std::get_if<runtime::Stop>(&action)) {
        bool const hangs = container_prng_.chance(faults_.hang);
        base::Duration const wait =
            hangs ? stop->grace : draw(container_prng_, milliseconds(1), milliseconds(50));
        Event event;
        event.what = ContainerEnd{stop->id, host.power, hangs ? killed : terminated};
        at_host(host, now_ + wait, std::move(event));
    } else if (auto const* remove = std::get_if<runtime::Remove>(&action)) {
        host.containers.erase(remove->id);
        runtime_event(host, draw(container_prng_, milliseconds(1), milliseconds(20)),
                      runtime::Removed{remove->id});
    } else if (auto const* probe = std::get_if<runtime::Probe>(&action)) {
        bool const healthy = !container_prng_.chance(faults_.sickness);
        runtime_event(host, milliseconds(2), runtime::Probed{probe->id, healthy, {}});
    }
}

void World::start_container(Host& host, runtime::Start const& start) {
    CHECK(host.network.has_value());
    if (host.disk_full) {
        runtime_event(host, milliseconds(5), runtime::StartFailed{start.id, "the disk is full"});
        return;
    }
    if (container_prng_.chance(faults_.start_failure)) {
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
    base::Duration const wait = container_prng_.chance(faults_.slow_start)
                                    ? draw(container_prng_, seconds(1), slow_start_max)
                                    : draw(container_prng_, milliseconds(20), milliseconds(200));
    runtime_event(host, wait, runtime::Started{start.id, address});
}

void World::end_container(std::size_t index, std::string const& id, runtime::ExitStatus exit) {
    Event event;
    event.what = ContainerEnd{id, hosts_[index]->power, exit};
    at_host(*hosts_[index], now_, std::move(event));
}

void World::on(Host& host, ContainerEnd const& end) {
    auto const container = host.containers.find(end.id);
    if (host.power != end.power || container == host.containers.end() ||
        !container->second.running) {
        return;
    }
    container->second.running = false;
    container->second.exit = end.exit;
    runtime_event(host, milliseconds(1), runtime::Exited{end.id, end.exit});
}

void World::runtime_event(Host& host, base::Duration delay, runtime::Event event) {
    if (!host.agent) {
        return;  // the next agent finds out when it adopts
    }
    Event news;
    news.what = RuntimeNews{std::move(event)};
    at_agent(host, now_ + delay, std::move(news));
}

}  // namespace sim
