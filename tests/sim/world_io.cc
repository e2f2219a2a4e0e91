// The network and the disks between the agents.
#include <utility>

#include "tests/sim/world.h"

namespace sim {

using base::milliseconds;
using base::seconds;

namespace {
constexpr base::Duration round_trip = milliseconds(2);
// As in the product: net/transport.h (connect_timeout), net/store_writer.h (retry_after).
constexpr base::Duration connect_timeout = seconds(2);
constexpr base::Duration write_again_after = seconds(1);
constexpr base::Duration watch_interval = seconds(5);  // net/host_disk.cc
constexpr base::Duration write_min = milliseconds(1);
}  // namespace

void World::deliver(Host& from, gossip::Send& send) {
    ++from.packets_out;
    from.bytes_out += send.bytes.size();
    std::size_t& longest = longest_[static_cast<std::size_t>(send.channel)];
    longest = std::max(longest, send.bytes.size());
    if (tap_) {
        tap_(from, send.channel, send.bytes);
    }
    auto const index = at(send.to);
    if (!index) {
        return;
    }
    auto const bytes = std::make_shared<base::Bytes const>(std::move(send.bytes));
    if (send.channel == gossip::Channel::stream) {
        deliver_stream(from, *index, bytes);
        return;
    }
    Network::Copies const copies = network_.datagram(now_, {from.index, *index}, bytes->size());
    for (std::size_t copy = 0; copy < copies.count; ++copy) {
        Event event;
        event.what = Arrival{from.index, send.channel, bytes};
        at_host(*hosts_[*index], copies.at[copy], std::move(event));
    }
}

void World::deliver_stream(Host& from, std::size_t to, std::shared_ptr<base::Bytes const> bytes) {
    Host& peer = *hosts_[to];
    bool const connected =
        network_.hears({from.index, to}) && network_.hears({to, from.index}) && peer.powered;
    if (!connected) {
        report_undelivered(from, to, gossip::Unreachable::silent);
    } else if (!peer.agent) {
        report_undelivered(from, to, gossip::Unreachable::refused);
    } else if (auto const when = network_.stream(now_, {from.index, to})) {
        Event event;
        event.what = Arrival{from.index, gossip::Channel::stream, std::move(bytes)};
        at_host(peer, *when, std::move(event));
    } else {
        report_undelivered(from, to, gossip::Unreachable::silent);
    }
}

// Messages to the same peer meanwhile wait for the same connection, and are lost with it.
void World::report_undelivered(Host& from, std::size_t to, gossip::Unreachable why) {
    if (!from.agent || !failing_.insert({from.index, to}).second) {
        return;
    }
    Event event;
    event.what = Undelivered{to, why};
    at_host(from, now_ + (why == gossip::Unreachable::refused ? round_trip : connect_timeout),
            std::move(event));
}

void World::on(Host& host, Undelivered const& undelivered) {
    failing_.erase({host.index, undelivered.to});
    tell(host, [&](agent::Agent& agent, base::Instant local_now, agent::Effects& out) {
        agent.on_unreachable(local_now, hosts_[undelivered.to]->address, undelivered.why, out);
    });
}

// One writer thread: what waits while one write is under way goes into the next.
void World::write(Host& host) {
    if (host.writing > 0 || host.unwritten.empty()) {
        return;
    }
    host.writing = host.unwritten.size();
    base::Duration const wait =
        host.refused > 0 ? write_again_after : draw(disk_prng_, write_min, faults_.write_max);
    Event event;
    event.what = Written{};
    at_agent(host, now_ + wait, std::move(event));
}

void World::on(Host& host, Written const& /*written*/) {
    if (host.disk_full) {
        refuse_writes(host);
        return;
    }
    std::size_t const count = std::exchange(host.writing, 0);
    std::uint64_t const last = host.unwritten[count - 1];
    host.disk.sync(count);
    host.unwritten.erase(host.unwritten.begin(),
                         host.unwritten.begin() + static_cast<std::ptrdiff_t>(count));
    host.refused = 0;
    std::vector<Host::Promise> promises = std::exchange(host.promises, {});
    tell(host, [&](agent::Agent& agent, base::Instant local_now, agent::Effects& out) {
        agent.on_persisted(local_now, last, agent::Disk::written, out);
        for (Host::Promise& promise : promises) {
            if (promise.sequence <= last) {
                await_acks(host, promise, agent, local_now, out);
            } else {
                host.promises.push_back(std::move(promise));
            }
        }
    });
}

// The agent goes on as if it were written, and the user is told that it is not; it is tried again,
// with what came since, for as long as the agent lives.
void World::refuse_writes(Host& host) {
    std::size_t const count = std::exchange(host.writing, 0);
    std::uint64_t const last = host.unwritten[count - 1];
    bool const news = count > std::exchange(host.refused, count);
    std::erase_if(host.promises,
                  [&](Host::Promise const& promise) { return promise.sequence <= last; });
    write(host);
    if (news) {
        tell(host, [&](agent::Agent& agent, base::Instant local_now, agent::Effects& out) {
            agent.on_persisted(local_now, last, agent::Disk::failed, out);
        });
        look_at_disk(host);
    }
}

void World::look_at_disk(Host& host) {
    tell(host, [&](agent::Agent& agent, base::Instant local_now, agent::Effects& out) {
        agent.on_disk(local_now, host.disk_full ? agent::DiskState::full : agent::DiskState::works,
                      out);
    });
}

void World::watch_disk(Host& host) {
    look_at_disk(host);
    Event event;
    event.what = std::function<void()>([this, &host] { watch_disk(host); });
    at_agent(host, now_ + watch_interval, std::move(event));
}

void World::fill_disk(std::size_t index) {
    hosts_[index]->disk_full = true;
}

void World::free_disk(std::size_t index) {
    hosts_[index]->disk_full = false;
}

}  // namespace sim
