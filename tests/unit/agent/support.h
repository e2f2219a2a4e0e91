#pragma once

#include <string>
#include <utility>

#include "agent/records.h"
#include "agent/roster.h"
#include "agent/state.h"
#include "base/bytes.h"
#include "spec/spec.h"

namespace agent {

inline base::NodeId node(std::uint8_t number) {
    base::NodeId id;
    id.bytes.fill(number);
    return id;
}

inline spec::ServiceSpec service(std::string name, std::uint32_t replicas = 1) {
    spec::ServiceSpec spec;
    spec.project = "shop";
    spec.name = std::move(name);
    spec.image = "busybox";
    spec.replicas = replicas;
    return spec;
}

// `spec` with another revision.
inline spec::ServiceSpec changed(spec::ServiceSpec spec, std::string version = "2") {
    spec.environment["VERSION"] = std::move(version);
    return spec;
}

inline void put(State& state, std::string const& key, base::Bytes const& value) {
    state.update(key, &value);
}

inline void put(State& state, spec::ServiceSpec const& spec) {
    put(state, service_entry(service_key(spec)), spec::encode(spec));
}

inline InstanceRecord record(spec::ServiceSpec const& spec, std::uint32_t slot,
                             runtime::Phase phase) {
    InstanceRecord out;
    out.service = service_key(spec);
    out.slot = slot;
    out.container = out.service + "." + std::to_string(slot);
    out.revision = spec::revision(spec);
    out.phase = phase;
    out.address = base::IpAddress::v4(0x0a800000 + slot);
    return out;
}

inline void put(State& state, base::NodeId holder, InstanceRecord const& record) {
    put(state, instance_entry(holder, record.service, record.slot), encode(record));
}

// A live node that decisions may count on.
inline void join(State& state, Roster& roster, base::NodeId id, bool suspect = false) {
    NodeFacts facts;
    facts.name = "host" + std::to_string(id.bytes[0]);
    facts.arch = "x86_64";
    facts.os = "linux";
    facts.cpu_milli = 4000;
    facts.memory_bytes = std::uint64_t{8} << 30;
    put(state, facts_entry(id), encode(facts));
    roster[id] = {.id = id,
                  .name = facts.name,
                  .address = {base::IpAddress::v4(0x0a000000U + id.bytes[0]), 7700},
                  .suspect = suspect};
}

}  // namespace agent
