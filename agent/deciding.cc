#include <algorithm>
#include <utility>

#include "agent/claims.h"
#include "agent/machine.h"
#include "base/text.h"

namespace agent {

namespace {

// A fleet of this many members decides half as often: each decision costs as much more.
constexpr std::size_t members_per_interval = 40;
constexpr base::Duration roster_interval = base::seconds(1);
constexpr base::Duration clash_interval = base::seconds(1);
constexpr base::Duration catch_up_max = base::seconds(2);

// Whether both give the same plan for one state.
bool plans_alike(Roster const& a, Roster const& b) {
    return std::ranges::equal(
        a, b, {}, [](auto const& entry) { return std::pair(entry.first, entry.second.duty); },
        [](auto const& entry) { return std::pair(entry.first, entry.second.duty); });
}

}  // namespace

base::Instant Agent::Machine::decision_due() const {
    if (!dirty) {
        return base::instant_max;
    }
    return loss ? urgent_at : decide_at;
}

base::Duration Agent::Machine::pace() const {
    auto const size = static_cast<std::int64_t>(gossip.members().size() / members_per_interval);
    return config.plan_interval * (1 + size);
}

void Agent::Machine::note_loss() {
    dirty = true;
    loss = true;
    roster_stale = true;
}

void Agent::Machine::note_own(bool changed) {
    dirty = dirty || changed;
    own_changed = own_changed || changed;
    tables_stale = tables_stale || changed;
}

void Agent::Machine::act(runtime::Effects& effects, Effects& out) {
    for (runtime::Action& action : effects.actions) {
        if (auto* const probe = std::get_if<runtime::Probe>(&action)) {
            probe->address = reachable(probe->address);
        }
        out.actions.push_back(std::move(action));
    }
}

base::IpAddress Agent::Machine::reachable(base::IpAddress address) const {
    gossip::Member const* const self = gossip.find(config.id);
    bool const shared = address == runtime::host_network_address() && self != nullptr;
    return shared ? self->address.ip : address;
}

void Agent::Machine::finish(base::Instant now, Effects& out) {
    apply_wishes(now, out);
    if (cuts.on_tick(now, gossip.members())) {
        note_loss();
    }
    dirty = dirty || (sight.braked() && now >= sight.full_again) || now >= catch_up_due();
    if (leaving && !leave_stopped && now >= leave_stop_at) {
        leave_stopped = true;
        dirty = true;
    }
    update_settled(now, out);
    pull_missing(now, out);
    if (now >= decision_due()) {
        decide_at = now + pace();
        urgent_at = now + config.plan_interval;
        loss_plans += loss ? 1 : 0;
        dirty = false;
        loss = false;
        decide(now, out);
    }
    // The others wait for it: sooner than a large fleet decides anew.
    if (own_changed && (settled || leaving) && now >= publish_at) {
        publish_instances(now);
    }
    if (leaving && !left && (supervisor.instances().empty() || now >= leave_deadline)) {
        left = true;
        if (subnet) {
            erase(subnet_entry(*subnet));
        }
        erase(facts_entry(config.id));
        gossip::Effects effects;
        gossip.leave(now, effects);
        take(now, effects, out);
        remember_roster();
    }
    if (members_changed && now >= clashes_at) {
        members_changed = false;
        clashes_at = now + clash_interval;
        find_clashes(out);
    }
    if (roster_changed && now >= roster_at) {
        roster_at = now + roster_interval;
        remember_roster();
    }
    update_collection(now, out);
    remember_conflicts();
    settle_acks(now, out);
    flush(now, out);
}

void Agent::Machine::pull_missing(base::Instant now, Effects& out) {
    if (missing.empty() || now < pull_at) {
        return;
    }
    std::erase_if(missing, [&](base::NodeId id) {
        gossip::Member const* const member = gossip.find(id);
        return member == nullptr || !answers(member->state) || !decode_meta(member->meta) ||
               (told && is_current(*member, map.version()));
    });
    if (missing.empty()) {
        return;
    }
    pull_at = now + pace();
    // Any of them: all hosts would else ask the same one.
    base::NodeId const asked =
        *std::next(missing.begin(), static_cast<std::ptrdiff_t>(prng.below(missing.size())));
    crdt::SyncEffects pulled;
    sync.pull(now, asked, map, pulled);
    if (!pulled.sends.empty()) {
        missing.erase(asked);
    }
    take(pulled, {}, asked, out);
}

void Agent::Machine::update_settled(base::Instant now, Effects& out) {
    if (settled) {
        return;
    }
    settle_unchecked = now < settle_check_at && now < settle_deadline;
    if (settle_unchecked) {
        return;
    }
    settle_check_at = now + pace();
    // Peers that announce no records of their own yet do not know the present state either.
    std::size_t peers = 0;
    std::size_t current = 0;
    for (auto const& [id, member] : gossip.members()) {
        if (id != config.id && answers(member.state) && decode_meta(member.meta)) {
            ++peers;
            current += is_current(member, map.version()) ? 1 : 0;
        }
    }
    bool const knows = told && peers > 0 && current == peers;
    bool const alone = peers == 0 && now >= settle_deadline;
    if (knows || alone || now >= settle_limit) {
        settled = true;
        dirty = true;
        if (!knows && lossy) {
            // Nobody gave it the present state, so what it holds is that.
            lossy = false;
            marked_lossy = false;
            pending.locals[std::string(loss_local)] = std::nullopt;
        }
        map.close_gap();
        gossip::Effects announcing;
        gossip.set_meta(now, encode(MemberMeta{map.last_sequence()}), announcing);
        take(now, announcing, out);
        out.notices.push_back(
            {Level::info, knows ? "knows the fleet's present state"
                                : "acts on the state it remembers: no other host has answered"});
    } else if (now >= settle_deadline) {
        settle_deadline = std::min(now + config.settle / 4, settle_limit);
    }
}

Agent::Machine::Subnet Agent::Machine::update_subnet(base::Instant now, Effects& out) {
    std::optional<base::Prefix> const owned = own_subnet(state, config.id);
    std::vector<runtime::Instance> const held = supervisor.instances();
    bool const lost = subnet && owned != subnet;
    bool const strangers = std::ranges::any_of(held, [&](runtime::Instance const& instance) {
        return !instance.address.is_unspecified() &&
               instance.address != runtime::host_network_address() &&
               !(owned && owned->contains(instance.address));
    });
    if (lost || strangers) {
        // A concurrent claim won, here or while this agent was away: the host renumbers, and
        // everything it runs stops first.
        subnet.reset();
        network.reset();
        if (!held.empty()) {
            return Subnet::renumbering;
        }
        out.notices.push_back(
            {Level::warning, "this host's subnet belongs to another host: taking a new one"});
    }
    if (!subnet) {
        if (owned) {
            subnet = owned;
            subnet_usable_at = now;
        } else if (auto const free =
                       free_subnet(state, config.id, config.fleet_range, config.virtual_range)) {
            if (put(subnet_entry(*free), base::to_bytes(to_string(config.id)))) {
                subnet = free;
                subnet_usable_at = now + config.claim_hold;
            }
        }
    }
    return subnet && now >= subnet_usable_at ? Subnet::usable : Subnet::none;
}

void Agent::Machine::claim_missing_vips() {
    // Any host could; the first that takes part in full does, so that claims do not race.
    auto const first = std::ranges::find_if(
        roster, [](auto const& entry) { return entry.second.duty == Duty::full; });
    if (first == roster.end() || first->first != config.id) {
        return;
    }
    for (auto const& [key, service] : state.services()) {
        if (!virtual_ports(service.spec).empty() && !state.vip(key)) {
            if (auto const free = free_vip(state, key, config.virtual_range)) {
                put(vip_entry(*free), base::to_bytes(key));
            }
        }
    }
}

// Records follow their announcement within a round trip or two; who was counted on stays so long.
void Agent::Machine::note_catching_up(base::Instant now) {
    auto const behind = [&](gossip::Member const& member) {
        return gossip::is_live(member.state) && decode_meta(member.meta) &&
               !is_current(member, map.version());
    };
    for (auto const& [id, member] : gossip.members()) {
        if (behind(member) && roster.contains(id)) {
            catching_up.try_emplace(id, now);
        }
    }
    std::erase_if(catching_up, [&](auto const& entry) {
        gossip::Member const* const member = gossip.find(entry.first);
        return member == nullptr || !behind(*member) || now - entry.second >= catch_up_max;
    });
}

base::Instant Agent::Machine::catch_up_due() const {
    base::Instant due = base::instant_max;
    for (auto const& [id, since] : catching_up) {
        due = std::min(due, since + catch_up_max);
    }
    return due;
}

void Agent::Machine::update_roster(base::Instant now) {
    // Who is seen and does not count lacks records, and counts when they are here.
    bool const waits = !catching_up.empty() || roster.size() != sight.seen || sight.braked();
    if (!std::exchange(roster_stale, false) && !waits) {
        return;
    }
    sight = look(gossip.members(), cuts.doubts(), now, config.mass_loss_hold);
    note_catching_up(now);
    Doubts doubts = cuts.doubts();
    for (auto const& [id, since] : catching_up) {
        doubts.catching_up.insert(id);
    }
    Roster live = live_nodes(gossip.members(), map.version(), state, doubts);
    if (live == roster) {
        return;
    }
    if (!plans_alike(roster, live)) {
        plan_stale = true;
        planner.note_roster();
    }
    tables_stale = true;
    roster = std::move(live);
}

void Agent::Machine::decide(base::Instant now, Effects& out) {
    if ((settled || leaving) && !left) {
        // A host that joins again begins with an older clock than its own farewell had, which then
        // wins over what it wrote at its start.
        publish_facts();
    }
    update_roster(now);
    runtime::Effects actions;
    if (settled && !evicted && !(leaving && now >= leave_stop_at)) {
        Subnet const numbering = update_subnet(now, out);
        claim_missing_vips();
        update_plan();
        intent = {};
        if (numbering == Subnet::usable) {
            update_network(out);
            intent = make_intent(config.id, config.zone, plan, state, roster,
                                 supervisor.instances(), desired);
        }
        if (numbering != Subnet::none) {
            desired.clear();
            for (runtime::Desired const& slot : intent.desired) {
                desired[{slot.assignment.service, slot.assignment.slot}] = slot;
            }
            supervisor.set_desired(now, intent.desired, actions);
        }
    } else if (leaving || evicted) {
        intent = {};
        plan = {};
        plan_stale = true;
        held_back.clear();
        supervisor.set_desired(now, {}, actions);
    }
    tables_stale = tables_stale || actions.changed;
    act(actions, out);
    if (settled || leaving) {
        publish_instances(now);
    }
    if (std::exchange(tables_stale, false)) {
        publish_tables(out);
    }
}

void Agent::Machine::update_plan() {
    bool const held = sight.braked() || !held_back.empty();
    if (!std::exchange(plan_stale, false) && !held) {
        return;
    }
    plan = planner.plan(state, roster);
    held_back =
        sight.braked() ? hold_back(plan, state, roster) : std::vector<placement::Assignment>();
}

void Agent::Machine::update_network(Effects& out) {
    if (network && !network_stale) {
        return;
    }
    network_stale = false;
    NetworkPlan next{*subnet, config.fleet_range, config.virtual_range,
                     make_routes(config.id, state, gossip.members())};
    if (network != next) {
        network = next;
        out.network = std::move(next);
    }
}

void Agent::Machine::find_clashes(Effects& out) {
    std::vector<std::string> const before = std::exchange(clashing, clashes(gossip.members()));
    for (std::string const& line : clashing) {
        if (std::ranges::find(before, line) == before.end()) {
            out.notices.push_back({Level::warning, line});
        }
    }
}

void Agent::Machine::publish_facts() {
    NodeFacts const facts{.name = config.facts.name,
                          .arch = config.facts.arch,
                          .os = config.facts.os,
                          .runtime = config.facts.runtime,
                          .version = config.facts.version,
                          .cpu_milli = config.facts.cpu_milli,
                          .memory_bytes = config.facts.memory_bytes,
                          .labels = config.facts.labels,
                          .draining = leaving,
                          .disk_full = !disk_watch.accepts()};
    put(facts_entry(config.id), encode(facts));
}

void Agent::Machine::publish_instances(base::Instant now) {
    own_changed = false;
    publish_at = now + config.plan_interval;
    std::map<SlotKey, InstanceRecord> records;
    for (placement::Assignment const& assignment : plan.assignments) {
        if (assignment.node == config.id) {
            // Assigned but not there yet: holding the slot keeps the others from taking it.
            auto const service = state.services().find(assignment.service);
            if (service == state.services().end()) {
                continue;
            }
            records[{assignment.service, assignment.slot}] = {.container = {},
                                                              .service = assignment.service,
                                                              .slot = assignment.slot,
                                                              .revision = service->second.revision,
                                                              .phase = runtime::Phase::starting,
                                                              .address = {},
                                                              .restarts = 0,
                                                              .exit_code = std::nullopt,
                                                              .message = {}};
            if (InstanceRecord const* const done =
                    completed_run(state, service->second, assignment.slot)) {
                // Whose run it was may be forgotten; that the slot is done is not.
                InstanceRecord& record = records[{assignment.service, assignment.slot}];
                record = *done;
                record.address = {};
            }
        }
    }
    for (runtime::Instance const& instance : supervisor.instances()) {
        InstanceRecord record{.container = instance.id,
                              .service = instance.assignment.service,
                              .slot = instance.assignment.slot,
                              .revision = instance.assignment.revision,
                              .phase = instance.phase,
                              .address = reachable(instance.address),
                              .restarts = instance.restarts,
                              .exit_code = std::nullopt,
                              .message = instance.message.substr(0, text_max)};
        if (instance.last_exit) {
            record.exit_code = instance.last_exit->code;
        }
        records[{record.service, record.slot}] = std::move(record);
    }
    for (Waiting const& waiting : intent.waiting) {
        if (auto const held = records.find(waiting.slot); held != records.end()) {
            held->second.message = waiting.reason;
        }
    }
    if (auto const ours = state.instances().find(config.id); ours != state.instances().end()) {
        std::vector<SlotKey> gone;
        for (auto const& [slot, record] : ours->second) {
            // Before the first plan nobody knows who has the slot.
            bool const done = !records.contains(slot) && is_last_word(state, config.id, record) &&
                              (!settled || is_placed(planner.plan(state, roster), slot));
            if (!records.contains(slot) && !done) {
                gone.push_back(slot);
            }
        }
        for (SlotKey const& slot : gone) {
            erase(instance_entry(config.id, slot.service, slot.slot));
        }
    }
    for (auto const& [slot, record] : records) {
        put(instance_entry(config.id, slot.service, slot.slot), encode(record));
    }
}

void Agent::Machine::publish_tables(Effects& out) {
    Endpoints const usable = endpoints(state, roster);
    dns::ZoneData next_zone = make_zone(config.zone, state, roster, usable, supervisor.instances());
    next_zone.serial = zone ? zone->serial : 1;
    if (!zone || *zone != next_zone) {
        ++next_zone.serial;
        zone = next_zone;
        out.zone = std::move(next_zone);
    }
    balancing = make_frontends(state, usable);
    if (!table || table->frontends != balancing.frontends) {
        table = lb::Table{.generation = table ? table->generation + 1 : 1,
                          .frontends = balancing.frontends};
        out.table = table;
    }
}

}  // namespace agent
