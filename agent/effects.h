#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "agent/acks.h"
#include "base/address.h"
#include "base/ids.h"
#include "crdt/store.h"
#include "dns/zone.h"
#include "gossip/gossip.h"
#include "lb/table.h"
#include "runtime/driver.h"

namespace agent {

// One atomic write, to be answered by Agent::on_persisted(). Sequences rise by one.
struct Persist {
    std::uint64_t sequence{};
    crdt::Batch batch;
};

struct SubnetRoute {
    base::Prefix subnet;
    base::IpAddress via;
    friend auto operator<=>(SubnetRoute const&, SubnetRoute const&) = default;
};

// What this host's network should look like, whole.
struct NetworkPlan {
    base::Prefix subnet;         // ours
    base::Prefix fleet;          // the range all subnets come from
    base::Prefix virtual_range;  // the range of virtual IPs
    std::vector<SubnetRoute> routes;
    friend bool operator==(NetworkPlan const&, NetworkPlan const&) = default;
};

// A log to be read on this host: answer with Agent::on_log_read().
struct LogRead {
    std::uint64_t request{};
    std::string container;
    std::uint64_t from{};
    bool from_end{};
    std::size_t size_max{};
};

// The answer to Agent::read_log(), from whichever host ran the container.
struct LogReply {
    std::uint64_t request{};
    std::optional<runtime::LogPart> part;  // nothing: see `problem`
    std::string problem;
};

enum class Level : std::uint8_t { info, warning, error };

// A line for the log.
struct Notice {
    Level level{};
    std::string text;
};

// Everything the caller must carry out after a call: the network before the actions, the rest in
// any order. Tables and the network plan replace what was given before.
struct Effects {
    std::vector<gossip::Send> sends;
    std::vector<Persist> persists;
    std::vector<runtime::Action> actions;
    std::optional<NetworkPlan> network;
    std::optional<dns::ZoneData> zone;
    std::optional<lb::Table> table;
    std::vector<LogRead> log_reads;
    std::vector<LogReply> log_replies;
    std::vector<Acknowledged> acknowledged;  // of Agent::await_acks()
    std::vector<Notice> notices;

    void clear() { *this = {}; }
};

}  // namespace agent
