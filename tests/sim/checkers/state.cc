#include "tests/sim/checkers/state.h"

#include <algorithm>

#include "base/text.h"
#include "crdt/codec.h"

namespace sim {

using base::concat;

namespace {

// Without the tombstones, which each host collects at its own time.
base::Bytes live_entries(Host const& host) {
    base::ByteWriter out;
    host.agent->map().each("", [&](crdt::Entry const& entry) { crdt::encode(entry, out); });
    return out.take();
}

// Nothing is left of a removal that all have seen.
bool removed_since(Ledger::Edits const& edits, crdt::Stamp stamp) {
    return std::any_of(edits.lower_bound(stamp), edits.end(),
                       [](auto const& edit) { return !edit.second.value; });
}

}  // namespace

Complaint StateConverged::check(World const& world) {
    std::vector<Host const*> const hosts = running_hosts(world);
    base::Bytes const first = live_entries(*hosts.front());
    for (Host const* const host : hosts) {
        if (live_entries(*host) != first) {
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
                bool const overtaken =
                    entry != nullptr ? entry->stamp >= stamp : removed_since(edits, stamp);
                bool const lost = edit.forgotten || (Ledger::promised(edit) && !overtaken);
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
