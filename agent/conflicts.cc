// Edits that lost against one made beside them: kept, shown, and restored when asked.
#include <algorithm>

#include "agent/machine.h"
#include "base/text.h"

namespace agent {

namespace {

constexpr std::string_view local_prefix = "conflict/";
constexpr std::size_t id_digits_min = 4;

std::unexpected<Refusal> refuse(std::string text) {
    return std::unexpected(Refusal{std::move(text)});
}

std::string text_of(std::uint64_t id) {
    base::ByteWriter bytes;
    bytes.u64(id);
    return base::hex(bytes.view());
}

std::string words_of(spec::ServiceSpec const& service) {
    return base::concat("image ", service.image, ", ",
                        service.mode == spec::Mode::global
                            ? std::string("on every host")
                            : base::concat(service.replicas, " replicas"),
                        ", revision ", spec::revision(service));
}

}  // namespace

void Agent::Machine::restore_conflicts(crdt::Loaded const& loaded) {
    for (auto const& [name, bytes] : loaded.locals) {
        if (!name.starts_with(local_prefix)) {
            continue;
        }
        // One that does not decode is removed from the disk as if it were settled.
        stored_conflicts.insert(name);
        if (auto conflict = crdt::decode_conflict(bytes)) {
            map.conflicts().add(*std::move(conflict));
        }
    }
    conflicts_stored = ~std::uint64_t{0};
    remember_conflicts();
}

void Agent::Machine::remember_conflicts() {
    if (conflicts_stored == map.conflicts().changes()) {
        return;
    }
    conflicts_stored = map.conflicts().changes();
    std::set<std::string> names;
    for (crdt::Conflict const& conflict : map.conflicts().all()) {
        std::string name = base::concat(local_prefix, text_of(id_of(conflict)));
        if (!stored_conflicts.contains(name)) {
            pending.locals[name] = crdt::encode(conflict);
        }
        names.insert(std::move(name));
    }
    for (std::string const& name : stored_conflicts) {
        if (!names.contains(name)) {
            pending.locals[name] = std::nullopt;
        }
    }
    stored_conflicts = std::move(names);
}

std::string Agent::Machine::describe(crdt::Entry const& entry) const {
    if (!entry.value) {
        return "removed";
    }
    if (entry.key.starts_with("service/")) {
        auto const service = spec::decode(*entry.value);
        return service ? words_of(*service) : "a service of a newer version";
    }
    if (entry.key.starts_with("scale/")) {
        auto const replicas = decode_replicas(*entry.value);
        return replicas ? base::concat(*replicas, " replicas") : "a number of a newer version";
    }
    if (entry.key.ends_with("/wish")) {
        auto const wish = decode_wish(*entry.value);
        return wish ? (wish->evicted ? "evicted" : "not evicted") : "a wish of a newer version";
    }
    return base::concat(entry.value->size(), " bytes");
}

std::vector<ConflictReport> Agent::Machine::conflicts() const {
    std::vector<ConflictReport> reports;
    for (crdt::Conflict const& conflict : map.conflicts().all()) {
        crdt::Entry const* const current = map.find(conflict.winner.key);
        reports.push_back({.id = text_of(id_of(conflict)),
                           .key = conflict.winner.key,
                           .kept = describe(conflict.winner),
                           .kept_by = name_of(conflict.winner.dot.origin),
                           .lost = describe(conflict.loser),
                           .lost_by = name_of(conflict.loser.dot.origin),
                           .current = current != nullptr && *current == conflict.winner});
    }
    return reports;
}

Outcome<Accepted> Agent::Machine::settle_conflict(std::string_view id, Settling how) {
    std::vector<std::uint64_t> found;
    for (crdt::Conflict const& conflict : map.conflicts().all()) {
        if (id.size() >= id_digits_min && text_of(id_of(conflict)).starts_with(id)) {
            found.push_back(id_of(conflict));
        }
    }
    if (found.size() != 1) {
        return refuse(
            found.empty()
                ? base::concat("this host knows no conflict ", id,
                               ": `agent conflicts` lists those it knows; give at least ",
                               id_digits_min, " digits of the id")
                : base::concat("several conflicts begin with ", id, ": give more of the id"));
    }
    crdt::Entry const lost = map.conflicts().find(found.front())->loser;
    Accepted accepted{0, {lost.key}, {lost.key}};
    if (how == Settling::restore) {
        auto restored = restore_edit(lost);
        if (!restored) {
            return restored;
        }
        accepted.entries = std::move(restored->entries);
    }
    map.conflicts().settle(found.front());
    remember_conflicts();
    accepted.sequence = pending_sequence();
    return accepted;
}

Outcome<Accepted> Agent::Machine::restore_edit(crdt::Entry const& lost) {
    constexpr std::string_view service_prefix = "service/";
    bool const service = lost.key.starts_with(service_prefix);
    if (service && lost.value) {
        auto decoded = spec::decode(*lost.value);
        if (!decoded) {
            return refuse("the lost edit was made by a newer version: restore it there");
        }
        return apply({*std::move(decoded)});
    }
    if (service) {
        remove_service(lost.key.substr(service_prefix.size()));
    } else if (!lost.value) {
        erase(lost.key);
    } else if (!put(lost.key, *lost.value)) {
        return refuse("the shared state is full");
    }
    return Accepted{0, {}, {lost.key}};
}

}  // namespace agent
