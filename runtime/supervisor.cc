#include "runtime/supervisor.h"

#include <algorithm>
#include <set>
#include <utility>

#include "base/bytes.h"
#include "base/text.h"

namespace runtime {
namespace {

constexpr std::size_t message_size_max = 512;

// A check without an interval does not keep the host busy.
constexpr base::Duration probe_interval_min = base::milliseconds(100);

// The most that a doubling wait is doubled; beyond it only `backoff_max` limits.
constexpr std::uint32_t doublings_max = 30;

std::string shortened(std::string text) {
    text.resize(std::min(text.size(), message_size_max));
    return text;
}

std::string reason_of(ExitStatus const& status) {
    if (status.out_of_memory) {
        return "ended: out of memory";
    }
    return status.signal != 0 ? base::concat("ended by signal ", status.signal)
                              : base::concat("ended with exit code ", status.code);
}

}  // namespace

Supervisor::Supervisor(Config config, base::Prng prng) : config_(config), prng_(prng) {}

void Supervisor::adopt(base::Instant now, std::vector<Adopted> found, Effects& out) {
    for (Adopted& adopted : found) {
        Container container{.assignment = adopted.assignment, .address = adopted.address};
        container.notice = shortened(std::move(adopted.notice));
        if (adopted.exited) {
            container.life = Life::ended;
            container.exit = adopted.exited;
        } else {
            begin_serving(now, container);
        }
        containers_.insert_or_assign(std::move(adopted.id), std::move(container));
        out.changed = true;
    }
}

void Supervisor::set_desired(base::Instant now, std::vector<Desired> desired, Effects& out) {
    told_ = true;
    std::map<SlotKey, Slot> slots;
    for (Desired& wish : desired) {
        SlotKey const key = key_of(wish.assignment);
        auto const at = slots_.find(key);
        Slot slot;
        if (at != slots_.end() && at->second.desired.assignment == wish.assignment) {
            slot = at->second;
        }
        if (slot.completed && slot.desired.restart != wish.restart) {
            slot.completed = false;
            slot.retry_at = now;
        }
        slot.desired = std::move(wish);
        slots.insert_or_assign(key, std::move(slot));
    }
    out.changed |= !std::ranges::equal(slots_, slots, [](auto const& before, auto const& after) {
        return before.second.desired.assignment == after.second.desired.assignment;
    });
    slots_ = std::move(slots);
    reconcile(now, out);
}

void Supervisor::on_event(base::Instant now, Event const& event, Effects& out) {
    std::visit([&](auto const& alternative) { on(now, alternative, out); }, event);
    reconcile(now, out);
}

void Supervisor::on_tick(base::Instant now, Effects& out) {
    reconcile(now, out);
}

base::Instant Supervisor::next_deadline() const {
    base::Instant deadline = base::instant_max;
    if (!told_) {
        return deadline;
    }
    for (auto const& [id, container] : containers_) {
        if (container.life == Life::draining) {
            deadline = std::min(deadline, container.drained_at);
        } else if (container.life == Life::running && !container.probing) {
            deadline = std::min(deadline, container.probe_at);
        }
    }
    for (auto const& [key, slot] : slots_) {
        if (!occupied(key)) {
            deadline = std::min(deadline, slot.retry_at);
        }
    }
    return deadline;
}

std::vector<Instance> Supervisor::instances() const {
    std::vector<Instance> result;
    for (auto const& [id, container] : containers_) {
        Instance instance;
        instance.id = id;
        instance.assignment = container.assignment;
        instance.phase = phase_of(container);
        instance.address = container.address;
        instance.last_exit = container.exit;
        instance.message = container.message.empty() ? container.notice : container.message;
        if (Slot const* const slot = slot_of(container)) {
            if (container.life == Life::ended) {
                instance.message = slot->message;
            }
            instance.restarts = slot->restarts;
            instance.last_exit = container.exit ? container.exit : slot->last_exit;
        }
        result.push_back(std::move(instance));
    }
    for (auto const& [key, slot] : slots_) {
        if (!slot.last_id.empty() && !occupied(key)) {
            Instance instance;
            instance.id = slot.last_id;
            instance.assignment = slot.desired.assignment;
            instance.phase = slot.completed      ? Phase::completed
                             : slot.start_failed ? Phase::failed
                                                 : Phase::backoff;
            instance.restarts = slot.restarts;
            instance.last_exit = slot.last_exit;
            instance.message = slot.message;
            result.push_back(std::move(instance));
        }
    }
    std::ranges::sort(result, {}, &Instance::id);
    return result;
}

Supervisor::SlotKey Supervisor::key_of(Assignment const& assignment) {
    return {assignment.service, assignment.slot};
}

bool Supervisor::occupied(SlotKey const& key) const {
    return std::ranges::any_of(
        containers_, [&](auto const& entry) { return key_of(entry.second.assignment) == key; });
}

Supervisor::Slot const* Supervisor::slot_of(Container const& container) const {
    auto const at = slots_.find(key_of(container.assignment));
    bool const same = at != slots_.end() && at->second.desired.assignment == container.assignment;
    return same ? &at->second : nullptr;
}

Supervisor::Slot* Supervisor::slot_of(Container const& container) {
    return const_cast<Slot*>(std::as_const(*this).slot_of(container));
}

Phase Supervisor::phase_of(Container const& container) const {
    switch (container.life) {
        case Life::starting:
            return Phase::starting;
        case Life::running:
            return container.healthy ? Phase::healthy : Phase::running;
        case Life::draining:
            return Phase::draining;
        case Life::stopping:
            return Phase::stopping;
        case Life::ended:
            break;
    }
    Slot const* const slot = slot_of(container);
    if (slot == nullptr) {
        return Phase::stopping;
    }
    return slot->completed ? Phase::completed : Phase::backoff;
}

// The number makes the id unique: drawn, because a counter would have to survive the agent.
std::string Supervisor::new_id(Assignment const& assignment) {
    std::string service = assignment.service;
    std::ranges::replace(service, '/', '.');
    std::string const middle = base::concat(
        '.', assignment.slot, '.', std::string_view(assignment.revision).substr(0, 8), '.');
    service.resize(
        std::min(service.size(), id_size_max - middle.size() - 2 * sizeof(std::uint32_t)));
    std::string const head = service + middle;
    base::ByteWriter number;
    std::string id;
    do {
        number = {};
        number.u32(static_cast<std::uint32_t>(prng_.next() >> 32));
        id = head + base::hex(number.view());
    } while (containers_.contains(id));
    return id;
}

void Supervisor::reconcile(base::Instant now, Effects& out) {
    if (!told_) {
        return;
    }
    std::set<SlotKey> kept;
    for (ContainerEntry& entry : containers_) {
        Container const& container = entry.second;
        if (container.life == Life::ended) {
            bury(now, entry, out);
        }
        if (container.life != Life::running && container.life != Life::draining) {
            continue;
        }
        Slot const* const slot = slot_of(container);
        // Of two adopted containers of one slot, one may stay.
        if (slot != nullptr && kept.insert(key_of(container.assignment)).second) {
            keep(now, *slot, entry, out);
        } else {
            let_go(now, entry, out);
        }
    }
    for (auto& [key, slot] : slots_) {
        if (now >= slot.retry_at && !occupied(key)) {
            start(now, slot, out);
        }
    }
}

void Supervisor::keep(base::Instant now, Slot const& slot, ContainerEntry& entry, Effects& out) {
    Container& container = entry.second;
    container.stop_grace = slot.desired.stop_grace;
    if (container.life == Life::draining) {
        container.life = Life::running;
        out.changed = true;
    }
    if (slot.desired.health.kind == CheckKind::none) {
        container.probe_at = base::instant_max;
        out.changed |= !container.healthy;
        container.healthy = true;
    } else if (!container.probing && now >= container.probe_at) {
        container.probing = true;
        out.actions.emplace_back(Probe{entry.first, container.address, slot.desired.health});
    }
}

void Supervisor::let_go(base::Instant now, ContainerEntry& entry, Effects& out) {
    Container& container = entry.second;
    if (container.life == Life::running) {
        container.life = Life::draining;
        container.drained_at = now + config_.drain;
        out.changed = true;
    }
    if (now >= container.drained_at) {
        container.life = Life::stopping;
        out.actions.emplace_back(Stop{entry.first, container.stop_grace});
        out.changed = true;
    }
}

void Supervisor::start(base::Instant now, Slot& slot, Effects& out) {
    Desired const& desired = slot.desired;
    if (!slot.last_id.empty()) {
        ++slot.restarts;
    }
    std::string id = new_id(desired.assignment);
    containers_.emplace(id, Container{.assignment = desired.assignment,
                                      .running_since = now,
                                      .stop_grace = desired.stop_grace});
    out.actions.emplace_back(Start{std::move(id), desired.assignment, desired.spec});
    out.changed = true;
}

void Supervisor::begin_serving(base::Instant now, Container& container) {
    container.life = Life::running;
    container.running_since = now;
    container.probe_at = now;
}

void Supervisor::bury(base::Instant now, ContainerEntry& entry, Effects& out) {
    Container& container = entry.second;
    if (Slot* const slot = slot_of(container); slot != nullptr && !container.judged) {
        container.judged = true;
        judge(now, *slot, container);
    }
    if (!container.removing) {
        container.removing = true;
        out.actions.emplace_back(Remove{entry.first});
    }
}

void Supervisor::judge(base::Instant now, Slot& slot, Container const& container) {
    ExitStatus const exit = container.exit.value_or(ExitStatus{});
    base::Duration const run = now - container.running_since;
    RestartPolicy const& policy = slot.desired.restart;
    slot.start_failed = false;
    slot.message = reason_of(exit);
    if (policy.window > base::Duration::zero() && run >= policy.window) {
        slot.attempts = 0;
    }
    bool const again = policy.condition == RestartCondition::any ||
                       (policy.condition == RestartCondition::on_failure && exit.code != 0);
    bool const given_up = policy.attempts_max > 0 && slot.attempts >= policy.attempts_max;
    if (!again || given_up) {
        slot.completed = true;
        slot.retry_at = base::instant_max;
        if (again) {
            slot.message += base::concat("; given up after ", slot.attempts, " restarts");
        }
        return;
    }
    ++slot.attempts;
    if (run >= config_.stable_after) {
        slot.failures = 0;
    }
    count_failure(now, slot);
}

void Supervisor::count_failure(base::Instant now, Slot& slot) {
    if (slot.desired.restart.delay) {
        slot.retry_at = now + std::max(*slot.desired.restart.delay, config_.backoff_min);
        return;
    }
    base::Duration wait = config_.backoff_min * (1LL << std::min(slot.failures, doublings_max));
    wait = std::min(wait, config_.backoff_max);
    // Somewhere in the upper half, so that what failed together does not start together.
    auto const half = static_cast<std::uint64_t>(wait.count() / 2);
    wait -= base::Duration(static_cast<std::int64_t>(prng_.below(half + 1)));
    slot.retry_at = now + wait;
    ++slot.failures;
}

void Supervisor::on(base::Instant now, Started const& event, Effects& out) {
    auto const at = containers_.find(event.id);
    if (at == containers_.end() || at->second.life != Life::starting) {
        return;
    }
    at->second.address = event.address;
    at->second.notice = shortened(event.notice);
    begin_serving(now, at->second);
    out.changed = true;
}

void Supervisor::on(base::Instant now, StartFailed const& event, Effects& out) {
    auto const at = containers_.find(event.id);
    if (at == containers_.end() || at->second.life != Life::starting) {
        return;
    }
    if (Slot* const slot = slot_of(at->second)) {
        slot->last_id = event.id;
        slot->start_failed = true;
        slot->message = shortened(event.reason);
        count_failure(now, *slot);
    }
    containers_.erase(at);
    out.changed = true;
}

void Supervisor::on(base::Instant, Exited const& event, Effects& out) {
    auto const at = containers_.find(event.id);
    if (at == containers_.end() || at->second.life == Life::ended) {
        return;
    }
    Container& container = at->second;
    container.judged = container.life == Life::stopping;  // it was asked to end
    container.life = Life::ended;
    container.healthy = false;
    container.exit = event.status;
    out.changed = true;
}

void Supervisor::on(base::Instant, Removed const& event, Effects& out) {
    auto const at = containers_.find(event.id);
    if (at == containers_.end() || at->second.life != Life::ended) {
        return;
    }
    if (Slot* const slot = slot_of(at->second)) {
        slot->last_id = event.id;
        slot->last_exit = at->second.exit;
    }
    containers_.erase(at);
    out.changed = true;
}

void Supervisor::on(base::Instant now, Probed const& event, Effects& out) {
    auto const at = containers_.find(event.id);
    if (at == containers_.end() || !at->second.probing) {
        return;
    }
    Container& container = at->second;
    container.probing = false;
    Slot const* const slot = slot_of(container);
    if (container.life == Life::ended || slot == nullptr) {
        return;
    }
    HealthCheck const& check = slot->desired.health;
    bool const was_healthy = container.healthy;
    if (event.healthy) {
        container.probes_failed = 0;
        container.healthy = true;
        container.was_healthy = true;
        container.message = {};
    } else if (container.was_healthy || now - container.running_since >= check.start_period) {
        ++container.probes_failed;
        if (container.probes_failed >= std::max(check.retries, 1U)) {
            container.healthy = false;
            container.message = shortened(base::concat("health check failed: ", event.output));
            out.changed = true;
        }
    }
    out.changed |= was_healthy != container.healthy;
    bool const eager = !container.was_healthy && check.start_interval > base::Duration::zero();
    base::Duration const wait =
        eager ? std::min(check.start_interval, check.interval) : check.interval;
    container.probe_at = now + std::max(wait, probe_interval_min);
}

}  // namespace runtime
