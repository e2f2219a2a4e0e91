// What users do, and what they are promised.
#include "agent/records.h"
#include "base/check.h"
#include "tests/sim/world.h"

namespace sim {

// Notes the entries that the command wrote, and whom of its user's wishes `subject` is. A wish that
// was fulfilled already is promised all the same.
template <class Call>
void World::command(std::size_t host_index, std::string const& service, std::string const& subject,
                    Call&& call) {
    Host& host = *hosts_[host_index];
    tell(host, [&](agent::Agent& agent, base::Instant local_now, agent::Effects& out) {
        std::array const keys{agent::service_entry(service), agent::scale_entry(service)};
        auto const stamp = [&](std::string const& key) {
            crdt::Entry const* const entry = agent.map().find(key);
            return entry != nullptr ? entry->stamp : crdt::Stamp{};
        };
        std::array const before{stamp(keys[0]), stamp(keys[1])};
        agent::Outcome<agent::Accepted> const outcome = call(agent, local_now, out);
        Host::Promise promise;
        for (std::size_t at = 0; outcome && at < keys.size(); ++at) {
            crdt::Entry const* const entry = agent.map().find(keys[at]);
            bool const wrote = entry != nullptr && entry->stamp != before[at];
            if (wrote) {
                ledger_.issued(*entry);
            }
            if (entry == nullptr || (!wrote && keys[at] != subject)) {
                continue;
            }
            promise.entries.push_back(*entry);
        }
        if (!outcome) {
            return;
        }
        promise.sequence = outcome->sequence;
        promise.accepted = *outcome;
        if (promise.sequence == 0) {
            await_acks(host, promise, agent, local_now, out);
        } else {
            host.promises.push_back(std::move(promise));
        }
    });
}

void World::await_acks(Host& host, Host::Promise const& promise, agent::Agent& agent,
                       base::Instant local_now, agent::Effects& out) {
    std::uint64_t const request = host.next_request++;
    host.acknowledging[request] = promise.entries;
    agent.await_acks(local_now, request, promise.accepted, {}, out);
}

void World::on_acknowledged(Host& host, agent::Acknowledged const& acknowledged) {
    if (auto const asked = host.acknowledging.extract(acknowledged.request)) {
        for (crdt::Entry const& entry : asked.mapped()) {
            ledger_.acknowledged(entry, acknowledged.hosts);
        }
    }
}

void World::apply(std::size_t host, spec::ServiceSpec const& service) {
    std::string const key = spec::service_key(service);
    command(host, key, agent::service_entry(key),
            [&](agent::Agent& agent, base::Instant local_now, agent::Effects& out) {
                auto outcome = agent.apply(local_now, {service}, out);
                CHECK(outcome.has_value());
                return outcome;
            });
}

void World::remove(std::size_t host, std::string const& service) {
    command(host, service, agent::service_entry(service),
            [&](agent::Agent& agent, base::Instant local_now, agent::Effects& out) {
                return agent.remove(local_now, service, out);
            });
}

void World::scale(std::size_t host, std::string const& service, std::uint32_t replicas) {
    command(host, service, agent::scale_entry(service),
            [&](agent::Agent& agent, base::Instant local_now, agent::Effects& out) {
                return agent.scale(local_now, service, replicas, out);
            });
}

void World::leave(std::size_t index) {
    tell(*hosts_[index], [](agent::Agent& agent, base::Instant local_now, agent::Effects& out) {
        agent.leave(local_now, out);
    });
}

}  // namespace sim
