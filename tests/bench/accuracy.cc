// Who is taken for dead that is not.
#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/text.h"
#include "tests/bench/fleet.h"
#include "tests/bench/measurements.h"
#include "tests/bench/table.h"
#include "tests/unit/gossip/measures.h"

namespace bench {

namespace {

using gossip::State;
using gossip_test::any_host;
using gossip_test::changes_to;
using gossip_test::Cluster;
using gossip_test::Hosts;

// Hosts that run for a while, stand still for a while, and so on (Lifeguard, section V-A).
class Stalls {
public:
    Stalls(int hosts, std::uint64_t seed) : prng_(seed), next_(static_cast<std::size_t>(hosts)) {}

    // Stops those whose time has come; each host begins at a time of its own.
    void step(Cluster& cluster) {
        for (std::size_t index = 0; index < next_.size(); ++index) {
            if (cluster.now() < next_[index]) {
                continue;
            }
            bool const began = next_[index] != base::Instant{};
            base::Duration const pause = base::milliseconds(500 + prng_.below(4500));
            if (began) {
                cluster.pause(host(index), pause);
            }
            next_[index] = cluster.now() + pause + base::milliseconds(prng_.below(2000));
        }
    }

    // Spread over the fleet.
    static int host(std::size_t index) { return static_cast<int>(index) * 6 + 3; }

    [[nodiscard]] Hosts stalled() const {
        int const end = host(next_.size());
        return [end](int other) { return other < end && other % 6 == 3; };
    }

private:
    base::Prng prng_;
    std::vector<base::Instant> next_;
};

std::uint64_t suspicions(Cluster const& cluster) {
    std::uint64_t sum = 0;
    for (int host = 0; host < cluster.size(); ++host) {
        sum += cluster.at(host).counters().suspicions;
    }
    return sum;
}

std::uint64_t refutations(Cluster const& cluster) {
    std::uint64_t sum = 0;
    for (int host = 0; host < cluster.size(); ++host) {
        sum += cluster.at(host).counters().refutations;
    }
    return sum;
}

// What `agent nodes` shows: an unsteady host is one, also while it does not answer.
State shown(State state) {
    return state == State::absent ? State::unsteady : state;
}

// How often what healthy hosts see of `subject` changed after `since`, at each of `observers`.
double shown_changes(Cluster const& cluster, int subject, Hosts const& observers,
                     std::function<base::Instant(int)> const& since, double count) {
    double changes = 0;
    base::NodeId const id = gossip_test::node_id(subject);
    for (Cluster::Observed const& each : cluster.observed) {
        changes += each.change.id == id && observers(each.host) && each.change.before &&
                           each.at > since(each.host) &&
                           shown(*each.change.before) != shown(each.change.now)
                       ? 1
                       : 0;
    }
    return changes / count;
}

// When each host first saw `subject` become `state`.
std::map<int, base::Instant> first_saw(Cluster const& cluster, int subject, State state) {
    std::map<int, base::Instant> first;
    base::NodeId const id = gossip_test::node_id(subject);
    for (Cluster::Observed const& each : cluster.observed) {
        if (each.change.id == id && each.change.now == state) {
            first.try_emplace(each.host, each.at);
        }
    }
    return first;
}

std::string per_host_minute(double count, int hosts, double minutes) {
    return base::concat(number(count / hosts / minutes, 2), " a host and minute");
}

}  // namespace

void measure_loss() {
    title("100 hosts, every datagram lost with this probability, 10 minutes");
    for (double const loss : {0.1, 0.2, 0.3}) {
        std::size_t downs = 0;
        double suspected = 0;
        double refuted = 0;
        int const seeds = 3;
        for (int seed = 1; seed <= seeds; ++seed) {
            Cluster::Options options;
            options.loss = loss;
            Cluster cluster = joined(100, static_cast<std::uint64_t>(seed), std::move(options));
            cluster.observed.clear();
            cluster.run_for(base::seconds(600));
            downs += changes_to(cluster, State::down);
            suspected += static_cast<double>(suspicions(cluster));
            refuted += static_cast<double>(refutations(cluster));
        }
        std::string const what = base::concat(number(loss * 100, 0), " %: false `down`, ", seeds,
                                              " seeds, all observers");
        if (loss == 0.2) {
            row(what, std::to_string(downs), {"0", downs == 0});
        } else {
            row(what, std::to_string(downs));
        }
        row(base::concat(number(loss * 100, 0), " %: suspicions"),
            per_host_minute(suspected, 100 * seeds, 10));
        row(base::concat(number(loss * 100, 0), " %: refutations"),
            per_host_minute(refuted, 100 * seeds, 10));
    }
}

void measure_stalls() {
    title("16 of 100 hosts stand still for 0.5 to 5 s, again and again, 5 minutes, 3 seeds");
    std::size_t at_healthy = 0;
    std::size_t at_stalled = 0;
    std::size_t suspected = 0;
    std::size_t stalled_down = 0;
    for (std::uint64_t seed = 1; seed <= 3; ++seed) {
        Cluster cluster = joined(100, seed);
        cluster.run_for(base::seconds(30));
        cluster.observed.clear();
        Stalls stalls(16, seed);
        for (int step = 0; step < 3000; ++step) {
            stalls.step(cluster);
            cluster.run_for(base::milliseconds(100));
        }
        Hosts const stalled = stalls.stalled();
        Hosts const healthy = [&](int host) { return !stalled(host); };
        at_healthy += changes_to(cluster, State::down, healthy, healthy);
        at_stalled += changes_to(cluster, State::down, healthy, stalled);
        suspected += changes_to(cluster, State::suspect, healthy, healthy);
        stalled_down += changes_to(cluster, State::down, stalled, healthy);
    }
    row("`down` about healthy hosts, at healthy ones", std::to_string(at_healthy),
        {"0", at_healthy == 0});
    row("`down` about healthy hosts, at the stalled", std::to_string(at_stalled),
        {"0", at_stalled == 0});
    row("`suspect` about healthy hosts, at healthy ones", std::to_string(suspected));
    row("`down` about the stalled, at healthy ones", std::to_string(stalled_down));
}

void measure_deaf_hosts() {
    title("10 of 1,000 hosts hear nothing for 20 s in 40, 3 minutes");
    Cluster cluster = joined(1000, 3);
    cluster.run_for(base::seconds(20));
    cluster.observed.clear();
    auto const faulty = [](int host) { return host % 100 == 7; };
    auto const healthy = [&](int host) { return !faulty(host); };
    std::size_t unsteady = 0;
    for (int phase = 0; phase < 9; ++phase) {
        for (int host = 7; host < 1000; host += 100) {
            cluster.faults(host).cut_in = phase % 2 == 0;
        }
        cluster.run_for(base::seconds(20));
    }
    for (int host = 7; host < 1000; host += 100) {
        cluster.faults(host).cut_in = false;
    }
    cluster.run_for(base::seconds(10));
    for (int host = 7; host < 1000; host += 100) {
        unsteady += cluster.view(0, host) == State::unsteady ? 1 : 0;
    }
    auto const downs = changes_to(cluster, State::down, faulty, healthy);
    auto const wrong = changes_to(cluster, State::down, healthy, healthy);
    row("`down` about each faulty host at each healthy one",
        number(static_cast<double>(downs) / 10 / 990, 2));
    row("`down` about healthy hosts, at healthy ones", std::to_string(wrong), {"0", wrong == 0});
    row("`down` about healthy hosts, at the faulty",
        std::to_string(changes_to(cluster, State::down, healthy, faulty)));
    for (auto const& [name, from] :
         {std::pair("first lost", State::down), std::pair("first unsteady", State::unsteady)}) {
        double most = 0;
        for (int host = 7; host < 1000; host += 100) {
            auto const first = first_saw(cluster, host, from);
            auto const since = [&](int observer) {
                auto const found = first.find(observer);
                return found == first.end() ? base::instant_max : found->second;
            };
            most = std::max(most, shown_changes(cluster, host, healthy, since, 990));
        }
        bool const bounded = from == State::unsteady;
        std::string const what =
            base::concat("changes shown of a faulty host at each healthy one since it was ", name);
        if (bounded) {
            row(what, number(most, 2), {"<= 2", most <= 2});
        } else {
            row(what, number(most, 2));
        }
    }
    row("faulty hosts that are unsteady at the end", base::concat(unsteady, " of 10"),
        {"10", unsteady == 10});
}

void measure_semidetached_host() {
    title("one of 50 hosts can talk to 5 others only");
    Cluster cluster = joined(50, 4);
    cluster.run_for(base::seconds(60));
    double const idle =
        gossip_test::median(gossip_test::measure_rates(cluster, base::seconds(60)).out);
    cluster.observed.clear();
    for (int other = 0; other < 50; ++other) {
        if (other != 9 && other >= 5) {
            cluster.cut(9, other);
        }
    }
    gossip_test::Rates rates = gossip_test::measure_rates(cluster, base::seconds(300));
    rates.out.erase(rates.out.begin() + 9);
    double const most = gossip_test::quantile(rates.out, 1);
    row("idle, bytes a second sent by a host", number(idle, 0));
    row("with it, the others, bytes a second sent: the most", number(most, 0),
        {"< 3 times idle", most < 3 * idle});
    auto const wrong =
        changes_to(cluster, State::down, gossip_test::all_but(9), gossip_test::all_but(9));
    row("`down` about the others", std::to_string(wrong), {"0", wrong == 0});
    row("`down` about it, at each other host",
        number(static_cast<double>(changes_to(cluster, State::down)) / 49, 2));
}

}  // namespace bench
