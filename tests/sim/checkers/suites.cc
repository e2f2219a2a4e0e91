#include "tests/sim/checkers/suites.h"

#include "tests/sim/checkers/containers.h"
#include "tests/sim/checkers/limits.h"
#include "tests/sim/checkers/membership.h"
#include "tests/sim/checkers/plans.h"
#include "tests/sim/checkers/state.h"

namespace sim {

namespace {
constexpr std::size_t small_fleet = 64;  // whose every message is read
}

Suite always(World& world) {
    Suite suite;
    suite.add<OneContainerPerSlotAndHost>();
    suite.add<NoAddressTwice>();
    suite.add<MessagesFit>();
    suite.add<QueuesBounded>();
    suite.add<NoStorm>();
    if (world.hosts().size() <= small_fleet) {
        suite.add<IncarnationsRise>(world);
    }
    return suite;
}

Suite after_heal() {
    Suite suite;
    suite.add<EveryoneAlive>();
    suite.add<DigestsAgree>();
    suite.add<PlansAgree>();
    suite.add<ExactlyTheReplicas>();
    suite.add<NoAddressTwice>();
    suite.add<ClaimsUnique>();
    suite.add<TablesTrue>();
    return suite;
}

Suite nothing_lost() {
    Suite suite;
    suite.add<StateConverged>();
    suite.add<NoTombstoneResurrected>();
    suite.add<NoAcknowledgedWriteLost>();
    suite.add<NothingInvented>();
    return suite;
}

std::optional<Violation> healed(World const& world) {
    return after_heal().check(world);
}

Healing heals_for_good(World& world, Suite const& watched) {
    Suite const wanted = after_heal();
    base::Instant const end = world.now() + heal_bound(world);
    base::Instant since = world.now();
    std::optional<Violation> last;
    while (world.now() - since < heal_proof) {
        world.run_for(look_interval(world));
        if (auto violation = watched.check(world)) {
            return {std::move(violation), std::nullopt};
        }
        if (auto violation = wanted.check(world)) {
            since = world.now();
            last = std::move(violation);
        }
        if (since > end) {
            return {std::nullopt, std::move(last)};
        }
    }
    return {};
}

base::Duration look_interval(World const& world) {
    return base::milliseconds(world.hosts().size() <= 100 ? 100 : 1000);
}

}  // namespace sim
