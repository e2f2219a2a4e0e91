#include "tests/sim/checkers/state.h"

#include "base/text.h"

namespace sim {

using base::concat;

Complaint StateConverged::check(World const& world) {
    std::vector<Host const*> const hosts = running_hosts(world);
    base::Bytes const first = hosts.front()->agent->map().canonical();
    for (Host const* const host : hosts) {
        if (host->agent->map().canonical() != first) {
            return concat("host ", short_string(host->id), " holds another state");
        }
    }
    return std::nullopt;
}

Complaint DigestsAgree::check(World const& world) {
    std::vector<Host const*> const hosts = running_hosts(world);
    std::uint64_t const first = hosts.front()->agent->map().digest();
    for (Host const* const host : hosts) {
        if (host->agent->map().digest() != first) {
            return concat("host ", short_string(host->id), " knows of other writes");
        }
    }
    return std::nullopt;
}

Complaint NoAcknowledgedWriteLost::check(World const& world) {
    for (Host const* const host : running_hosts(world)) {
        for (auto const& [key, edits] : world.ledger().edits()) {
            crdt::Entry const* const entry = host->agent->map().find(key);
            for (auto const& [stamp, edit] : edits) {
                bool const lost = edit.forgotten || (Ledger::promised(edit) &&
                                                     (entry == nullptr || entry->stamp < stamp));
                if (lost) {
                    return concat("host ", short_string(host->id), " lacks write ", stamp.counter,
                                  " of ", key, " by ", short_string(stamp.writer),
                                  edit.forgotten ? ", whose stamp was given again" : "",
                                  ", and holds ", entry != nullptr ? entry->stamp.counter : 0);
                }
            }
        }
    }
    return std::nullopt;
}

Complaint NoTombstoneResurrected::check(World const& world) {
    for (Host const* const host : running_hosts(world)) {
        for (auto const& [key, edits] : world.ledger().edits()) {
            crdt::Entry const* const entry = host->agent->map().find(key);
            for (auto const& [stamp, edit] : edits) {
                bool const removed = !edit.value && Ledger::promised(edit);
                if (removed && entry != nullptr && entry->value && entry->stamp < stamp) {
                    return concat("host ", short_string(host->id), " holds ", key, " as of write ",
                                  entry->stamp.counter, ", which write ", stamp.counter,
                                  " removed");
                }
            }
        }
    }
    return std::nullopt;
}

Complaint NothingInvented::check(World const& world) {
    for (Host const* const host : running_hosts(world)) {
        Complaint complaint;
        auto const known = [&](crdt::Entry const& entry) {
            if (!world.ledger().knows(entry)) {
                complaint = concat("nobody wrote ", entry.key, " as host ", short_string(host->id),
                                   " holds it");
            }
        };
        host->agent->map().each("service/", known);
        host->agent->map().each("scale/", known);
        if (complaint) {
            return complaint;
        }
    }
    return std::nullopt;
}

}  // namespace sim
