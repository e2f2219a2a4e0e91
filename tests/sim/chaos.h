#pragma once

#include <array>
#include <cstdint>
#include <functional>

#include "base/random.h"
#include "tests/sim/faults.h"
#include "tests/sim/world.h"

namespace sim {

// Brings the faults of a seed over a world, from begin() to end(). Each kind has a generator of its
// own, so that the others stay as they are when one is left out.
class Chaos {
public:
    // Does something on a host that is about to be lost.
    using LastWords = std::function<void(std::size_t host)>;

    // The world must run no more once this is gone.
    Chaos(World& world, Faults const& faults, std::uint64_t seed, LastWords last_words);

    void begin();
    // And everything is repaired.
    void end();

private:
    // `fault` again and again, this far apart on average; zero: never.
    void repeat(Fault kind, base::Duration mean, void (Chaos::*fault)(base::Prng&));
    void later(base::Duration delay, std::function<void()> action);

    void clog(base::Prng& prng);
    void part(base::Prng& prng);
    void part_one_way(base::Prng& prng);
    void isolate(base::Prng& prng);
    void cut(base::Prng& prng, std::set<std::size_t> const& side, Cut direction);
    void crash(base::Prng& prng);
    // Some moments later, in which a user may still be promised something.
    void lose(base::Prng& prng, std::size_t host, base::Duration when,
              void (World::*how)(std::size_t));
    void kill(base::Prng& prng);
    // Once in a run: of two hosts that have confirmed a write one keeps its disk.
    void lose_disk(base::Prng& prng);
    void pause(base::Prng& prng);
    void stall(std::size_t host);
    void suspend(base::Prng& prng);
    void fill_disk(base::Prng& prng);
    void end_container(base::Prng& prng);

    [[nodiscard]] std::size_t some_host(base::Prng& prng) const;
    [[nodiscard]] std::set<std::size_t> some_hosts(base::Prng& prng) const;

    [[nodiscard]] base::Prng& prng(Fault kind) { return prngs_[static_cast<std::size_t>(kind)]; }

    World& world_;
    Faults faults_;
    LastWords last_words_;
    std::vector<base::Prng> prngs_;
    bool ended_ = false;
};

}  // namespace sim
