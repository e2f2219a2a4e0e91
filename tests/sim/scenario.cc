#include "tests/sim/scenario.h"

#include <algorithm>
#include <optional>

#include "agent/records.h"
#include "base/hash.h"
#include "base/text.h"
#include "tests/sim/bounds.h"
#include "tests/sim/chaos.h"
#include "tests/sim/checkers/containers.h"
#include "tests/sim/checkers/limits.h"
#include "tests/sim/checkers/losses.h"
#include "tests/sim/checkers/membership.h"
#include "tests/sim/checkers/state.h"
#include "tests/sim/checkers/suites.h"
#include "tests/sim/users.h"
#include "tests/sim/world.h"

namespace sim {

using base::milliseconds;
using base::seconds;

namespace {

constexpr base::Duration idle_time = seconds(20);
constexpr base::Duration glance = milliseconds(20);

Faults draw_faults(Settings const& settings) {
    base::Prng prng(base::mix(settings.seed ^ 0xfa));
    Faults faults = Faults::draw(prng);
    faults.leave_out(settings.without);
    return faults;
}

class Story {
public:
    explicit Story(Settings const& settings)
        : settings_(settings),
          world_(settings.seed, settings.hosts),
          users_(world_, settings.seed),
          chaos_(world_, settings.calm ? Faults() : draw_faults(settings), settings.seed,
                 [this](std::size_t host) { users_.change_on(host); }),
          always_(always(world_)),
          prng_(base::mix(settings.seed ^ 0x57)) {
        if (settings.calm) {
            peace_.add<NoFalseDown>();
        }
    }

    Outcome tell() {
        boots() && suffers() && heals() && idles() && updates() && loses_a_host() && loses_many();
        outcome_.trace = world_.trace();
        outcome_.events = world_.events();
        outcome_.simulated = world_.now().time_since_epoch();
        return outcome_;
    }

private:
    bool boots() {
        act_ = "boot";
        world_.boot();
        if (auto complaint = comes_true<EveryoneAlive>(heal_bound(world_))) {
            return fails(Verdict::liveness, *complaint);
        }
        users_.deploy();
        // The subnets are claimed and each host knows of the others' from here on.
        return watched_for(seconds(2) + planned(world_));
    }

    bool suffers() {
        act_ = "faults";
        chaos_.begin();
        base::Instant const end = world_.now() + settings_.fault_phase;
        base::Instant look_at{};
        while (world_.now() < end) {
            world_.run_for(milliseconds(100));
            if (world_.now() >= look_at) {
                look_at = world_.now() + look_interval(world_);
                if (!holds(always_) || !holds(peace_)) {
                    return false;
                }
            }
            users_.maybe_change();
        }
        chaos_.end();
        return true;
    }

    bool heals() {
        act_ = "heal";
        Healing const healing = heals_for_good(world_, always_);
        if (healing.safety) {
            return fails(Verdict::safety, *healing.safety);
        }
        if (healing.liveness) {
            return fails(Verdict::liveness, *healing.liveness);
        }
        return holds(nothing_lost());
    }

    bool idles() {
        act_ = "idle";
        if (!settings_.calm) {
            return true;
        }
        Suite suite;
        suite.add<TrafficWithinBudget>(world_);
        return watched_for(idle_time) && holds(suite);
    }

    // A new revision of some service is heard of at once, and rolled out a replica at a time.
    bool updates() {
        act_ = "update";
        spec::ServiceSpec service = some_replicated_service();
        std::string const name = spec::service_key(service);
        std::uint32_t const replicas = wanted(name);
        service.environment["VERSION"] = "next";
        world_.apply(some_host(), service);
        base::Bytes const written = spec::encode(service);
        auto const informed = [&] {
            return std::ranges::count_if(world_.hosts(), [&](auto const& host) {
                auto const* held = host->agent->map().value(agent::service_entry(name));
                return held != nullptr && *held == written;
            });
        };
        auto const hosts = static_cast<std::ptrdiff_t>(settings_.hosts);
        if (!world_.run_until(gossip_bound(world_), [&] { return 2 * informed() >= hosts; })) {
            return fails(Verdict::liveness, {"gossip-spreads", "half of the hosts lack an edit"});
        }
        if (!world_.run_until(news_bound(world_), [&] { return informed() == hosts; })) {
            return fails(Verdict::liveness, {"news-spreads", "some hosts lack an edit"});
        }
        return rolls_out(name, spec::revision(service), replicas);
    }

    bool rolls_out(std::string const& name, std::string const& revision, std::uint32_t replicas) {
        Suite floor;
        floor.add<RolloutKeepsItsFloor>(name, replicas);
        base::Instant const end = world_.now() + rollout_bound(world_, replicas);
        while (running_containers(world_, name, revision) < replicas) {
            world_.run_for(glance);
            if (auto const violation = floor.check(world_)) {
                return fails(Verdict::safety, *violation);
            }
            if (world_.now() > end) {
                return fails(Verdict::liveness,
                             {"rollout-ends",
                              base::concat(running_containers(world_, name, revision), " of ",
                                           replicas, " replicas of ", name, " are updated")});
            }
        }
        if (auto const violation = comes_true_all(rollout_bound(world_, 1))) {
            return fails(Verdict::liveness, *violation);
        }
        return true;
    }

    bool loses_a_host() {
        act_ = "loss";
        std::size_t const lost = some_host();
        Suite unmoved;
        unmoved.add<OnlyLostSlotsMove>(world_, lost);
        world_.crash_host(lost);
        if (auto const complaint =
                comes_true<LossNoticed>(detection_bound(world_), world_.hosts()[lost]->id)) {
            return fails(Verdict::liveness, *complaint);
        }
        if (auto const complaint = comes_true<ReplicasRun>(recovery_bound(world_))) {
            return fails(Verdict::liveness, *complaint);
        }
        if (auto const violation = comes_true_all(recovery_bound(world_) + news_bound(world_))) {
            return fails(Verdict::liveness, *violation);
        }
        return holds(unmoved) && holds(always_) && holds(nothing_lost());
    }

    // Hosts that lose their power at the same moment are one cut to each survivor, and one plan.
    bool loses_many() {
        act_ = "vanish";
        if (settings_.vanish == 0) {
            return true;
        }
        std::vector<Host const*> hosts = running_hosts(world_);
        prng_.shuffle(std::span(hosts));
        hosts.resize(std::min(settings_.vanish, hosts.size() / 2));
        LostTogether counted(world_, hosts.size());
        base::Instant const begun = world_.now();
        for (Host const* const host : hosts) {
            world_.crash_host(host->index);
        }
        auto const after = [&] {
            return std::chrono::duration_cast<milliseconds>(world_.now() - begun).count();
        };
        Complaint complaint;
        world_.run_until(detection_bound(world_),
                         [&] { return !(complaint = counted.check(world_)); });
        outcome_.figures = base::concat("counted after ", after(), " ms: ", counted.tally(world_));
        if (complaint) {
            return fails(Verdict::liveness, {std::string(counted.name()), *complaint});
        }
        ReplicasRun replaced;
        world_.run_until(recovery_bound(world_),
                         [&] { return !(complaint = replaced.check(world_)); });
        if (complaint) {
            return fails(Verdict::liveness, {std::string(replaced.name()), *complaint});
        }
        outcome_.figures += base::concat("; all replicas run after ", after(), " ms");
        if (auto const violation = comes_true_all(recovery_bound(world_) + news_bound(world_))) {
            return fails(Verdict::liveness, *violation);
        }
        complaint = counted.check(world_);
        return complaint ? fails(Verdict::safety, {std::string(counted.name()), *complaint})
                         : holds(always_) && holds(nothing_lost());
    }

    template <class Checked, class... Arguments>
    std::optional<Violation> comes_true(base::Duration limit, Arguments&&... arguments) {
        Suite suite;
        suite.add<Checked>(std::forward<Arguments>(arguments)...);
        return comes_true(limit, suite);
    }

    std::optional<Violation> comes_true_all(base::Duration limit) {
        return comes_true(limit, after_heal());
    }

    std::optional<Violation> comes_true(base::Duration limit, Suite const& suite) {
        base::Instant const end = world_.now() + limit;
        for (;;) {
            auto violation = suite.check(world_);
            if (!violation || world_.now() >= end) {
                return violation;
            }
            world_.run_for(look_interval(world_));
        }
    }

    bool watched_for(base::Duration duration) {
        base::Instant const end = world_.now() + duration;
        while (world_.now() < end) {
            world_.run_for(std::min<base::Duration>(look_interval(world_), end - world_.now()));
            if (!holds(always_) || !holds(peace_)) {
                return false;
            }
        }
        return true;
    }

    bool holds(Suite const& suite) {
        auto const violation = suite.check(world_);
        return !violation || fails(Verdict::safety, *violation);
    }

    bool fails(Verdict verdict, Violation const& violation) {
        outcome_.act = act_;
        outcome_.verdict = verdict;
        outcome_.property = violation.property;
        outcome_.text = violation.text;
        return false;
    }

    std::uint32_t wanted(std::string_view name) const {
        for (agent::ServiceReport const& service : world_.hosts().front()->agent->services()) {
            if (service.service == name) {
                return service.replicas;
            }
        }
        return 0;
    }

    // The one with the fewest, but two at least; if there is none, one is made.
    spec::ServiceSpec some_replicated_service() {
        std::optional<agent::ServiceReport> best;
        for (agent::ServiceReport& service : world_.hosts().front()->agent->services()) {
            bool const fits = !service.global && service.replicas >= 2;
            if (fits && (!best || service.replicas < best->replicas)) {
                best = std::move(service);
            }
        }
        if (best) {
            auto const* const bytes =
                world_.hosts().front()->agent->map().value(agent::service_entry(best->service));
            return spec::decode(*bytes).value();
        }
        spec::ServiceSpec service;
        service.project = "shop";
        service.name = "last";
        service.image = "busybox";
        service.replicas = 3;
        world_.apply(some_host(), service);
        static_cast<void>(comes_true_all(rollout_bound(world_, service.replicas)));
        return service;
    }

    std::size_t some_host() { return static_cast<std::size_t>(prng_.below(settings_.hosts)); }

    Settings settings_;
    World world_;
    Users users_;
    Chaos chaos_;
    Suite always_;
    Suite peace_;  // of a fleet without faults, as long as it has none
    base::Prng prng_;
    Outcome outcome_;
    std::string_view act_;
};

}  // namespace

std::size_t draw_hosts(std::uint64_t seed) {
    base::Prng prng(base::mix(seed ^ 0x40));
    return 3 + static_cast<std::size_t>(prng.below(1 + prng.below(28)));
}

bool draw_calm(std::uint64_t seed) {
    return base::mix(seed ^ 0xca) % 16 == 0;
}

Outcome run_seed(Settings const& settings) {
    return Story(settings).tell();
}

}  // namespace sim
