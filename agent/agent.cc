#include "agent/agent.h"

#include <algorithm>

#include "agent/known_hosts.h"
#include "agent/machine.h"
#include "agent/near_first.h"
#include "agent/preview.h"
#include "base/result.h"
#include "base/text.h"

namespace agent {

namespace {

gossip::Self make_self(Config const& config, std::uint32_t flaps) {
    return {.id = config.id,
            .name = config.facts.name.substr(0, gossip::name_max),
            .address = config.address,
            .incarnation = config.boot << 20,
            .meta = {},
            .flaps = flaps};
}

}  // namespace

Agent::Machine::Machine(Config given, base::Prng seed, gossip::Keys const& signing)
    : config(std::move(given)),
      prng(seed),
      keys(signing),
      gossip(make_self(config, 0), config.gossip, prng.fork(), keys),
      map(config.id, config.boot << 32),
      sync(config.id, config.sync, prng.fork()),
      supervisor(config.runtime, prng.fork()),
      ack_waits(config.id, config.boot << 32) {}

void Agent::Machine::start(base::Instant now, crdt::Loaded loaded,
                           std::vector<runtime::Adopted> adopted,
                           std::span<base::SocketAddress const> seeds, Effects& out) {
    for (crdt::Entry& entry : loaded.entries) {
        std::string const key = entry.key;
        if (map.merge(std::move(entry))) {
            note_changed(key);
        }
    }
    map.raise(loaded.version);
    restore_conflicts(loaded);
    restore_floor(loaded);
    collect_at = now + config.collect_interval;
    if (auto const known = loaded.locals.find("files"); known != loaded.locals.end()) {
        files.restore(known->second);
    }
    if (auto const known = loaded.locals.find("flaps"); known != loaded.locals.end()) {
        base::ByteReader in(known->second);
        std::uint32_t const flaps = in.u32();
        gossip = gossip::Gossip(make_self(config, in.complete() ? flaps : 0), config.gossip,
                                prng.fork(), keys);
    }
    runtime::Effects actions;
    supervisor.adopt(now, std::move(adopted), actions);
    act(actions, out);
    bool const kept = holds_what_it_recorded();
    std::uint64_t const recorded = map.version().of(config.id);
    publish_instances(now);
    publish_facts();
    gossip::Effects spreading;
    if (kept && !lossy) {
        // Only the agent was gone: what the others know of this host is still true.
        gossip.set_meta(now, encode(MemberMeta{recorded}), spreading);
    }

    std::vector<gossip::Member> known;
    if (auto const stored = loaded.locals.find("roster"); stored != loaded.locals.end()) {
        known = decode_known_hosts(stored->second);
        std::erase_if(known, [&](auto const& member) { return member.id == config.id; });
    }
    gossip.remember(now, known);
    apply_wishes(now, out);
    gossip.join(now, seeds, spreading);
    take(now, spreading, out);
    settle_deadline = known.empty() && seeds.empty() ? now : now + config.settle;
    settle_limit = settle_deadline + 4 * config.settle;
    finish(now, out);
}

void Agent::Machine::on_message(base::Instant now, base::NodeId from, base::SocketAddress source,
                                gossip::Channel channel, base::ByteView bytes, Effects& out) {
    if (bytes.empty() || from == config.id) {
        return;
    }
    if (state.evicted(from)) {
        remind_evicted(now, from, source, out);
        return;
    }
    base::ByteView const body = bytes.subspan(1);
    switch (static_cast<Part>(bytes.front())) {
        case Part::gossip: {
            gossip::Effects effects;
            // A bad message is counted by the library and changes nothing.
            if (gossip.on_message(now, from, source, channel, body, effects)) {
                take(now, effects, out);
            }
            break;
        }
        case Part::sync: {
            crdt::SyncEffects effects;
            // What was merged before an error stands, so the effects count in any case.
            [[maybe_unused]] auto const result = sync.on_message(now, from, body, map, effects);
            take(effects, source, from, out);
            break;
        }
        case Part::entries:
            on_entries(from, body);
            break;
        case Part::log_question:
            logs.on_question(now, from, body, out.log_reads);
            break;
        case Part::log_answer:
            logs.on_answer(from, body, out.log_replies);
            break;
        case Part::ack_question:
            on_ack_question(now, from, body, out);
            break;
        case Part::ack_answer:
            if (auto const answer = decode_ack_answer(body)) {
                ack_waits.on_answer(from, *answer);
            }
            break;
        case Part::evicted:
            on_evicted(channel, body);
            break;
    }
    finish(now, out);
}

void Agent::Machine::on_tick(base::Instant now, Effects& out) {
    if (now >= gossip.next_deadline()) {
        gossip::Effects effects;
        gossip.on_tick(now, effects);
        take(now, effects, out);
    }
    if (now >= sync.next_deadline()) {
        std::vector<base::NodeId> peers;
        for (auto const& [id, member] : gossip.members()) {
            if (id != config.id && answers(member.state)) {
                peers.push_back(id);
            }
        }
        near_first(peers, crdt::pulls_max, prng,
                   [this](base::NodeId id) { return gossip.distance(config.id, id); });
        crdt::SyncEffects effects;
        sync.on_tick(now, std::span(peers).first(std::min<std::size_t>(peers.size(), 1)), map,
                     effects);
        if (!settled && !told) {
            for (base::NodeId const peer : peers) {
                sync.pull(now, peer, map, effects);
            }
        }
        take(effects, {}, {}, out);
    }
    if (now >= supervisor.next_deadline()) {
        runtime::Effects effects;
        supervisor.on_tick(now, effects);
        act(effects, out);
        note_own(effects.changed);
    }
    logs.on_tick(now, out.log_replies);
    if (now >= ack_waits.next_deadline()) {
        ack_waits.on_tick(now, ack_peers());
    }
    if (subnet && settled && !network && now >= subnet_usable_at) {
        dirty = true;
    }
    finish(now, out);
}

base::Instant Agent::Machine::next_deadline() const {
    base::Instant next = std::min(
        {gossip.next_deadline(), sync.next_deadline(), supervisor.next_deadline(),
         logs.next_deadline(), cuts.next_deadline(), ack_waits.next_deadline(), decision_due()});
    if (!catching_up.empty()) {
        next = std::min(next, std::max(catch_up_due(), decide_at));
    }
    if (sight.braked()) {
        next = std::min(next, std::max(sight.full_again, decide_at));
    }
    if (own_changed && (settled || leaving)) {
        next = std::min(next, publish_at);
    }
    if (roster_changed) {
        next = std::min(next, roster_at);
    }
    if (members_changed) {
        next = std::min(next, clashes_at);
    }
    if (!missing.empty()) {
        next = std::min(next, pull_at);
    }
    if (has_pending()) {
        next = std::min(next, write_at);
    }
    if (settled && !leaving) {
        next = std::min(next, collect_at);
    }
    if (!settled) {
        next = std::min({next, settle_deadline, settle_unchecked ? settle_check_at : next});
    } else if (subnet && !network && !leaving) {
        next = std::min(next, std::max(subnet_usable_at, decide_at));
    }
    if (leaving && !left) {
        next = std::min(next, leave_stopped ? leave_deadline : leave_stop_at);
    }
    return next;
}

Agent::Agent(Config config, base::Prng prng, gossip::Keys const& keys)
    : machine_(std::make_unique<Machine>(std::move(config), prng, keys)) {}

Agent::~Agent() = default;
Agent::Agent(Agent&&) noexcept = default;

void Agent::start(base::Instant now, crdt::Loaded loaded, std::vector<runtime::Adopted> adopted,
                  std::span<base::SocketAddress const> seeds, Effects& out) {
    machine_->start(now, std::move(loaded), std::move(adopted), seeds, out);
}

void Agent::on_message(base::Instant now, base::NodeId from, base::SocketAddress source,
                       gossip::Channel channel, base::ByteView bytes, Effects& out) {
    machine_->on_message(now, from, source, channel, bytes, out);
}

void Agent::on_unreachable(base::Instant now, base::SocketAddress to, gossip::Unreachable why,
                           Effects& out) {
    gossip::Effects effects;
    machine_->gossip.on_unreachable(now, to, why, effects);
    machine_->take(now, effects, out);
    machine_->finish(now, out);
}

void Agent::on_runtime(base::Instant now, runtime::Event const& event, Effects& out) {
    runtime::Effects effects;
    machine_->supervisor.on_event(now, event, effects);
    machine_->act(effects, out);
    machine_->note_own(effects.changed);
    machine_->finish(now, out);
}

void Agent::on_persisted(base::Instant now, std::uint64_t sequence, Disk disk, Effects& out) {
    machine_->on_persisted(now, sequence, disk, out);
}

void Agent::on_disk(base::Instant now, DiskState state, Effects& out) {
    if (machine_->disk_watch.on_state(now, state)) {
        machine_->dirty = true;
        out.notices.push_back(
            machine_->disk_watch.accepts()
                ? Notice{Level::info, "the disk has worked for a while: takes new instances again"}
                : Notice{Level::warning,
                         "the disk is full or takes no writes: takes no new instances"});
        machine_->finish(now, out);
    }
}

void Agent::on_tick(base::Instant now, Effects& out) {
    machine_->on_tick(now, out);
}

base::Instant Agent::next_deadline() const {
    return machine_->next_deadline();
}

void Agent::on_file(base::Instant now, std::string const& name, bool usable,
                    std::vector<spec::ServiceSpec> services, std::vector<std::string> messages,
                    Effects& out) {
    if (usable) {
        machine_->apply_file_change(
            machine_->files.update(name, std::move(services), std::move(messages)), name, out);
    } else {
        for (std::string const& message : messages) {
            out.notices.push_back({Level::error, message});
        }
        machine_->files.reject(name, std::move(messages));
    }
    machine_->finish(now, out);
}

void Agent::on_file_removed(base::Instant now, std::string const& name, Effects& out) {
    machine_->apply_file_change(machine_->files.remove(name), name, out);
    machine_->finish(now, out);
}

void Agent::on_files_scanned(base::Instant now, Effects& out) {
    for (std::string const& name : machine_->files.unseen()) {
        machine_->apply_file_change(machine_->files.remove(name), name, out);
    }
    machine_->finish(now, out);
}

Outcome<Accepted> Agent::apply(base::Instant now, std::vector<spec::ServiceSpec> services,
                               Effects& out) {
    auto outcome = machine_->apply(std::move(services));
    machine_->finish(now, out);
    return outcome;
}

Outcome<Accepted> Agent::remove(base::Instant now, std::string_view service, Effects& out) {
    auto outcome = machine_->remove(service);
    machine_->finish(now, out);
    return outcome;
}

Outcome<Accepted> Agent::scale(base::Instant now, std::string_view service, std::uint32_t replicas,
                               Effects& out) {
    auto outcome = machine_->scale(service, replicas);
    machine_->finish(now, out);
    return outcome;
}

Outcome<Accepted> Agent::put_token(base::Instant now, std::string_view id, base::Bytes record,
                                   Effects& out) {
    if (!machine_->put(token_entry(id), std::move(record))) {
        return std::unexpected(Refusal{"the shared state is full"});
    }
    Accepted const accepted{machine_->pending_sequence(), {}, {token_entry(id)}};
    machine_->finish(now, out);
    return accepted;
}

base::Bytes const* Agent::token(std::string_view id) const {
    return machine_->map.value(token_entry(id));
}

std::expected<void, std::string> Agent::set_settings(base::Instant now, Settings const& settings,
                                                     Effects& out) {
    if (auto fine = check(settings); !fine) {
        return fine;
    }
    TRY_VOID(machine_->gossip.set_config(now, settings.gossip));
    machine_->config.mass_loss_hold = settings.mass_loss_hold;
    machine_->dirty = true;
    machine_->finish(now, out);
    return {};
}

Settings Agent::settings() const {
    return {.gossip = machine_->gossip.config(), .mass_loss_hold = machine_->config.mass_loss_hold};
}

Outcome<Accepted> Agent::evict(base::Instant now, std::string_view host, Effects& out) {
    auto outcome = machine_->evict(host);
    machine_->finish(now, out);
    return outcome;
}

Outcome<Accepted> Agent::readmit(base::Instant now, std::string_view host, Effects& out) {
    auto outcome = machine_->readmit(host);
    machine_->finish(now, out);
    return outcome;
}

void Agent::await_acks(base::Instant now, std::uint64_t request, Accepted const& accepted,
                       AckTerms const& terms, Effects& out) {
    machine_->await_acks(now, request, accepted, terms);
    machine_->finish(now, out);
}

Outcome<Accepted> Agent::settle_conflict(base::Instant now, std::string_view id, Settling how,
                                         Effects& out) {
    auto outcome = machine_->settle_conflict(id, how);
    machine_->finish(now, out);
    return outcome;
}

void Agent::announce_restart(base::Instant now, Effects& out) {
    gossip::Effects effects;
    machine_->gossip.announce_restart(now, effects);
    machine_->take(now, effects, out);
    machine_->remember_roster();
    machine_->finish(now, out);
}

void Agent::leave(base::Instant now, Effects& out) {
    machine_->begin_leave(now, out);
    machine_->finish(now, out);
}

bool Agent::left() const {
    return machine_->left;
}

Outcome<void> Agent::read_log(base::Instant now, std::uint64_t request, std::string_view target,
                              std::uint64_t from, bool from_end, Effects& out) {
    auto outcome = machine_->read_log(now, request, target,
                                      {.container = {}, .from = from, .from_end = from_end}, out);
    machine_->finish(now, out);
    return outcome;
}

void Agent::on_log_read(base::Instant now, std::uint64_t request,
                        std::expected<runtime::LogPart, std::string> part, Effects& out) {
    if (auto const answer = machine_->logs.on_read(request, std::move(part), out.log_replies)) {
        machine_->send(answer->to, Part::log_answer, gossip::Channel::stream, answer->message, out);
    }
    machine_->finish(now, out);
}

StatusReport Agent::status(base::Instant now) const {
    return machine_->status(now);
}

std::vector<NodeReport> Agent::nodes(base::Instant now) const {
    return machine_->nodes(now);
}

std::vector<ServiceReport> Agent::services() const {
    return machine_->services();
}

std::string Agent::host_name(base::NodeId id) const {
    return machine_->name_of(id);
}

std::vector<ConflictReport> Agent::conflicts() const {
    return machine_->conflicts();
}

std::vector<spec::ServiceSpec> Agent::specs() const {
    std::vector<spec::ServiceSpec> specs;
    for (auto const& [key, service] : machine_->state.services()) {
        specs.push_back(service.spec);
    }
    return specs;
}

std::vector<ChangeReport> Agent::preview(std::span<spec::ServiceSpec const> services) const {
    return agent::preview(machine_->state, machine_->roster, services);
}

Outcome<std::vector<InstanceReport>> Agent::instances(std::string_view service) const {
    if (service.empty()) {
        return machine_->instances({});
    }
    auto const key = machine_->resolve(service);
    if (!key) {
        return std::unexpected(key.error());
    }
    return machine_->instances(*key);
}

std::vector<std::pair<base::NodeId, base::SocketAddress>> Agent::contacts() const {
    std::vector<std::pair<base::NodeId, base::SocketAddress>> contacts;
    for (auto const& [id, member] : machine_->gossip.members()) {
        if (answers(member.state)) {
            contacts.emplace_back(id, member.address);
        }
    }
    return contacts;
}

crdt::Map const& Agent::map() const {
    return machine_->map;
}

}  // namespace agent
