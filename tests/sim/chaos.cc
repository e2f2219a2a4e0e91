#include "tests/sim/chaos.h"

#include "base/hash.h"

namespace sim {

using base::milliseconds;
using base::seconds;

namespace {

base::Duration between(base::Prng& prng, base::Duration low, base::Duration high) {
    return low + base::Duration(static_cast<std::int64_t>(
                     prng.below(static_cast<std::uint64_t>((high - low).count()) + 1)));
}

}  // namespace

Chaos::Chaos(World& world, Faults const& faults, std::uint64_t seed, LastWords last_words)
    : world_(world), faults_(faults), last_words_(std::move(last_words)) {
    for (std::size_t kind = 0; kind < fault_kinds; ++kind) {
        prngs_.emplace_back(base::mix(base::mix(seed) ^ kind));
    }
}

void Chaos::begin() {
    world_.set_faults(faults_);
    repeat(Fault::clog, faults_.clog, &Chaos::clog);
    repeat(Fault::partition, faults_.partition, &Chaos::part);
    repeat(Fault::one_way, faults_.one_way, &Chaos::part_one_way);
    repeat(Fault::isolation, faults_.isolation, &Chaos::isolate);
    repeat(Fault::crash, faults_.crash, &Chaos::crash);
    repeat(Fault::kill, faults_.kill, &Chaos::kill);
    repeat(Fault::pause, faults_.pause, &Chaos::pause);
    repeat(Fault::step, faults_.step, &Chaos::suspend);
    repeat(Fault::full_disk, faults_.full_disk, &Chaos::fill_disk);
    repeat(Fault::death, faults_.death, &Chaos::end_container);
    if (faults_.disk_loss > 0) {
        lose_disk(prng(Fault::disk_loss));
    }
    for (std::size_t host = 0; host < world_.hosts().size(); ++host) {
        if (prng(Fault::stall).chance(faults_.stalling_hosts)) {
            stall(host);
        }
        auto const off = static_cast<std::int64_t>((2 * prng(Fault::drift).unit() - 1) *
                                                   faults_.drift * HostClock::normal);
        world_.set_clock_rate(host, HostClock::normal + off);
    }
}

void Chaos::end() {
    ended_ = true;
    world_.repair();
}

void Chaos::repeat(Fault kind, base::Duration mean, void (Chaos::*fault)(base::Prng&)) {
    if (mean.count() == 0) {
        return;
    }
    later(between(prng(kind), {}, 2 * mean), [this, kind, mean, fault] {
        (this->*fault)(prng(kind));
        repeat(kind, mean, fault);
    });
}

void Chaos::later(base::Duration delay, std::function<void()> action) {
    world_.after(delay, [this, action = std::move(action)] {
        if (!ended_) {
            action();
        }
    });
}

void Chaos::clog(base::Prng& prng) {
    base::Instant const until = world_.now() + between(prng, milliseconds(200), seconds(8));
    std::size_t const to = some_host(prng);
    std::size_t const from = some_host(prng);
    if (prng.chance(0.5)) {
        world_.network().clog_all_to(to, until);
    } else {
        world_.network().clog({from, to}, until);
    }
}

void Chaos::cut(base::Prng& prng, std::set<std::size_t> const& side, Cut direction) {
    std::uint64_t const cut = world_.network().cut(side, direction);
    later(between(prng, milliseconds(500), seconds(10)),
          [this, cut] { world_.network().mend(cut); });
}

void Chaos::part(base::Prng& prng) {
    cut(prng, some_hosts(prng), Cut::both_ways);
}

void Chaos::part_one_way(base::Prng& prng) {
    cut(prng, some_hosts(prng), Cut::inbound);
}

void Chaos::isolate(base::Prng& prng) {
    cut(prng, {some_host(prng)}, prng.chance(0.3) ? Cut::inbound : Cut::both_ways);
}

void Chaos::crash(base::Prng& prng) {
    std::size_t const host = some_host(prng);
    lose(prng, host, {}, &World::crash_host);
    later(between(prng, milliseconds(500), seconds(10)),
          [this, host] { world_.start_agent(host); });
}

void Chaos::kill(base::Prng& prng) {
    std::size_t const host = some_host(prng);
    // Also several times in a row, before it has settled or written anything.
    base::Duration when{};
    do {
        lose(prng, host, when, &World::kill_agent);
        when += between(prng, milliseconds(250), seconds(4));
        later(when, [this, host] { world_.start_agent(host); });
        when += between(prng, milliseconds(1), seconds(3));
    } while (prng.chance(0.4));
}

void Chaos::lose(base::Prng& prng, std::size_t host, base::Duration when,
                 void (World::*how)(std::size_t)) {
    bool const promised = prng.chance(0.5);
    later(when, [this, host, promised] {
        if (promised) {
            last_words_(host);
        }
    });
    later(when + between(prng, {}, milliseconds(150)), [this, host, how] { (world_.*how)(host); });
}

void Chaos::lose_disk(base::Prng& prng) {
    std::size_t const host = some_host(prng);
    base::Duration const when = between(prng, seconds(1), seconds(20));
    // Long enough to be confirmed by another host, too short for gossip to be done with it.
    later(when, [this, host] { last_words_(host); });
    later(when + between(prng, milliseconds(5), milliseconds(60)), [this, host] {
        if (world_.hosts()[host]->agent) {
            world_.destroy_disk(host);
        }
    });
    later(when + between(prng, seconds(2), seconds(12)),
          [this, host] { world_.start_agent(host); });
}

void Chaos::pause(base::Prng& prng) {
    std::size_t const host = some_host(prng);
    world_.freeze(host);
    base::Duration const long_or_short = prng.chance(0.3) ? seconds(60) : seconds(15);
    later(between(prng, seconds(1), long_or_short), [this, host] { world_.thaw(host); });
}

void Chaos::stall(std::size_t host) {
    base::Prng& prng = this->prng(Fault::stall);
    later(between(prng, milliseconds(500), seconds(5)), [this, host, &prng] {
        world_.freeze(host);
        later(between(prng, milliseconds(500), seconds(5)), [this, host] {
            world_.thaw(host);
            stall(host);
        });
    });
}

void Chaos::suspend(base::Prng& prng) {
    std::size_t const host = some_host(prng);
    bool const minutes = prng.chance(0.5);
    base::Duration const ahead = between(prng, seconds(30), seconds(minutes ? 600 : 4 * 3600));
    world_.freeze(host);
    later(between(prng, milliseconds(10), seconds(2)), [this, host, ahead] {
        world_.jump_clock(host, ahead);
        world_.thaw(host);
    });
}

void Chaos::fill_disk(base::Prng& prng) {
    std::size_t const host = some_host(prng);
    world_.fill_disk(host);
    later(between(prng, milliseconds(500), seconds(15)), [this, host] { world_.free_disk(host); });
}

void Chaos::end_container(base::Prng& prng) {
    std::size_t const host = some_host(prng);
    for (auto const& [id, container] : world_.hosts()[host]->containers) {
        if (container.running && prng.chance(0.5)) {
            world_.end_container(host, id, {.code = 1, .signal = 0, .out_of_memory = false});
            break;
        }
    }
}

std::size_t Chaos::some_host(base::Prng& prng) const {
    return static_cast<std::size_t>(prng.below(world_.hosts().size()));
}

// Of any size: half of the time each host tosses a coin, else a number is drawn first.
std::set<std::size_t> Chaos::some_hosts(base::Prng& prng) const {
    double const share = prng.chance(0.5) ? 0.5 : prng.unit();
    std::set<std::size_t> side;
    for (std::size_t host = 0; host < world_.hosts().size(); ++host) {
        if (prng.chance(share)) {
            side.insert(host);
        }
    }
    return side;
}

}  // namespace sim
