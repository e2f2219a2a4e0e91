#include <algorithm>
#include <map>
#include <set>
#include <span>

#include <catch2/catch.hpp>

#include "crdt/codec.h"
#include "crdt/map.h"
#include "tests/unit/crdt/replicas.h"

namespace crdt {
namespace {

// Every write ever made, with the writes of its key that its writer had merged before.
struct Written {
    Entry entry;
    std::vector<Entry> seen;
};

// Some hosts that write at random and pass on some of their entries, in any order.
class History {
public:
    History(std::uint64_t seed, std::size_t hosts, int steps) : prng_(seed) {
        for (std::size_t i = 0; i < hosts; ++i) {
            hosts_.emplace_back(node(static_cast<std::uint8_t>(i + 1)));
            merged_.emplace_back();
        }
        for (int i = 0; i < steps; ++i) {
            step();
        }
    }

    [[nodiscard]] std::vector<Written> const& writes() const { return writes_; }

    [[nodiscard]] std::vector<Map> const& hosts() const { return hosts_; }

    [[nodiscard]] base::Prng& prng() { return prng_; }

    [[nodiscard]] std::vector<Entry> shuffled() {
        std::vector<Entry> entries;
        for (Written const& written : writes_) {
            entries.push_back(written.entry);
        }
        prng_.shuffle(std::span(entries));
        return entries;
    }

private:
    void step() {
        std::size_t const host = prng_.below(hosts_.size());
        if (!writes_.empty() && prng_.chance(0.5)) {
            Entry const& entry = writes_[prng_.below(writes_.size())].entry;
            REQUIRE(hosts_[host].merge(entry));
            merged_[host].push_back(entry);
            return;
        }
        for (Entry const& entry : random_write(hosts_[host], prng_)) {
            Written written{.entry = entry, .seen = {}};
            std::ranges::copy_if(merged_[host], std::back_inserter(written.seen),
                                 [&](Entry const& other) { return other.key == entry.key; });
            writes_.push_back(written);
            merged_[host].push_back(entry);
        }
    }

    base::Prng prng_;
    std::vector<Map> hosts_;
    std::vector<std::vector<Entry>> merged_;
    std::vector<Written> writes_;
};

Map merged(std::span<Entry const> entries) {
    Map map(node(99));
    for (Entry const& entry : entries) {
        REQUIRE(map.merge(entry));
    }
    return map;
}

void merge_all(Map& into, Map const& from) {
    for (Entry const& entry : from.delta({}, std::size_t{1} << 30).entries) {
        REQUIRE(into.merge(entry));
    }
}

// A write of our log that `map` claims to cover, and neither holds nor replaced by a later one.
bool covers_only_what_it_knows(Map const& map, std::span<Entry const> log) {
    return std::ranges::all_of(log, [&](Entry const& entry) {
        Entry const* const current = map.find(entry.key);
        return !map.version().covers(entry.dot) ||
               (current != nullptr && current->stamp >= entry.stamp);
    });
}

TEST_CASE("merging is commutative, associative and idempotent") {
    for (std::uint64_t seed = 1; seed <= 300; ++seed) {
        INFO("seed " << seed);
        History history(seed, 3 + seed % 3, 60);
        base::Bytes const expected = merged(history.shuffled()).canonical();
        for (int order = 0; order < 4; ++order) {
            Map map = merged(history.shuffled());
            REQUIRE(map.canonical() == expected);
            for (Entry const& entry : history.shuffled()) {
                REQUIRE(map.merge(entry) != Merged::applied);
            }
            REQUIRE(map.canonical() == expected);
        }
        auto const entries = history.shuffled();
        auto const third = std::span(entries).first(entries.size() / 3);
        auto const rest = std::span(entries).subspan(entries.size() / 3);
        Map left = merged(third);
        merge_all(left, merged(rest));
        Map right = merged(rest);
        merge_all(right, merged(third));
        REQUIRE(left.canonical() == expected);
        REQUIRE(right.canonical() == expected);
    }
}

TEST_CASE("a write that saw another always wins over it") {
    for (std::uint64_t seed = 1; seed <= 300; ++seed) {
        INFO("seed " << seed);
        History history(seed, 4, 80);
        Map const map = merged(history.shuffled());
        for (Written const& written : history.writes()) {
            for (Entry const& seen : written.seen) {
                REQUIRE(written.entry.stamp > seen.stamp);
                REQUIRE_FALSE(map.find(seen.key)->stamp == seen.stamp);
            }
        }
    }
}

TEST_CASE("every conflict told is between writes that do not descend from each other") {
    std::size_t told = 0;
    for (std::uint64_t seed = 1; seed <= 300; ++seed) {
        INFO("seed " << seed);
        History history(seed, 4, 80);
        std::map<std::pair<std::string, Stamp>, Stamp> replaced;
        for (Written const& written : history.writes()) {
            replaced[{written.entry.key, written.entry.stamp}] = written.entry.replaced;
        }
        for (Map const& host : history.hosts()) {
            for (Conflict const& conflict : host.conflicts().all()) {
                ++told;
                REQUIRE(conflict.winner.stamp > conflict.loser.stamp);
                for (Stamp at = conflict.winner.stamp; at.counter > 0;
                     at = replaced[{conflict.winner.key, at}]) {
                    REQUIRE(at != conflict.loser.stamp);
                }
            }
        }
    }
    CHECK(told > 300);
}

TEST_CASE("a deletion and a concurrent edit end the same way everywhere") {
    for (std::uint8_t deleter : {std::uint8_t{1}, std::uint8_t{2}}) {
        Map one(node(deleter));
        Map two(node(static_cast<std::uint8_t>(3 - deleter)));
        REQUIRE(two.merge(put(one, "a", "x")));
        Entry const deletion = **one.erase("a");
        Entry const edit = put(two, "a", "y");
        REQUIRE(one.merge(edit) == Merged::conflict);
        REQUIRE(two.merge(deletion) == Merged::conflict);
        CHECK(one.canonical() == two.canonical());
        CHECK(text(one, "a") == (deleter == 2 ? "(none)" : "y"));
    }
}

// Two hosts, six steps, each of: either host writes or erases the one key, or takes what the other
// holds. All 6^6 orders.
TEST_CASE("two hosts agree after every possible order of three steps each and more") {
    std::size_t const orders = 6 * 6 * 6 * 6 * 6 * 6;
    std::size_t wrong = 0;
    for (std::size_t order = 0; order < orders; ++order) {
        Map hosts[2] = {Map(node(1)), Map(node(2))};
        std::vector<Entry> log;
        std::size_t choices = order;
        for (int step = 0; step < 6; ++step, choices /= 6) {
            Map& host = hosts[choices % 2];
            switch (choices % 6 / 2) {
                case 0:
                    log.push_back(put(host, "a", std::to_string(step)));
                    break;
                case 1:
                    if (Entry const* const erased = *host.erase("a")) {
                        log.push_back(*erased);
                    }
                    break;
                case 2:
                    merge_all(host, hosts[1 - choices % 2]);
                    break;
            }
        }
        merge_all(hosts[0], hosts[1]);
        merge_all(hosts[1], hosts[0]);
        Map const forward = merged(log);
        std::ranges::reverse(log);
        base::Bytes const expected = merged(log).canonical();
        wrong += forward.canonical() != expected;
        wrong += hosts[0].canonical() != expected;
        wrong += hosts[1].canonical() != expected;
        wrong += !covers_only_what_it_knows(hosts[0], log);
    }
    CHECK(wrong == 0);
}

// Pulls from `peer` in small chunks; may break off after any of them.
void pull(Map& map, Map const& peer, base::Prng& prng, double broken) {
    VersionVector from = map.version();
    std::set<Dot> beyond;
    for (int chunk = 0;; ++chunk) {
        REQUIRE(chunk < 1000);
        auto const held = map.ahead(from);
        beyond.insert(held.begin(), held.end());
        std::vector<Dot> const ahead(beyond.begin(), beyond.end());
        Map::Delta const delta = peer.delta(from, 60, ahead);
        for (Entry const& entry : delta.entries) {
            REQUIRE(map.merge(entry));
            beyond.insert(entry.dot);
        }
        if (delta.complete) {
            map.raise(delta.covered);
            return;
        }
        if (prng.chance(broken)) {
            return;
        }
        for (auto const& [origin, sequence] : delta.covered.origins()) {
            from.raise(origin, sequence);
        }
    }
}

TEST_CASE("lossy gossip and broken pulls never make a version cover what is not known") {
    for (std::uint64_t seed = 1; seed <= 150; ++seed) {
        INFO("seed " << seed);
        base::Prng prng(seed);
        std::vector<Map> hosts;
        for (std::uint8_t i = 1; i <= 5; ++i) {
            hosts.emplace_back(node(i));
        }
        std::vector<Entry> log;
        for (int step = 0; step < 150; ++step) {
            Map& host = hosts[prng.below(hosts.size())];
            for (Entry const& entry : random_write(host, prng)) {
                log.push_back(entry);
                for (Map& other : hosts) {
                    if (prng.chance(0.4)) {
                        REQUIRE(other.merge(entry));
                    }
                }
            }
            if (prng.chance(0.3)) {
                pull(host, hosts[prng.below(hosts.size())], prng, 0.4);
            }
            for (Map const& each : hosts) {
                REQUIRE(covers_only_what_it_knows(each, log));
            }
        }
        // The first host is lost for good, with whatever nobody else has heard of.
        hosts.erase(hosts.begin());
        for (int round = 0; round < 2; ++round) {
            for (std::size_t i = 0; i < hosts.size(); ++i) {
                pull(hosts[i], hosts[(i + 1) % hosts.size()], prng, 0);
                pull(hosts[(i + 1) % hosts.size()], hosts[i], prng, 0);
            }
        }
        for (Map const& host : hosts) {
            REQUIRE(host.canonical() == hosts[0].canonical());
            REQUIRE(host.digest() == hosts[0].digest());
            REQUIRE(covers_only_what_it_knows(host, log));
        }
    }
}

}  // namespace
}  // namespace crdt
