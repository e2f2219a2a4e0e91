#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include <catch2/catch.hpp>

#include "crdt/codec.h"
#include "crdt/map.h"
#include "tests/unit/crdt/replicas.h"

using namespace crdt;

namespace {

Entry removed(Map& map, std::string_view key) {
    return **map.erase(key);
}

// Everything that either holds.
void exchange(Map& one, Map& two) {
    for (auto const& [from, to] : {std::pair(&one, &two), std::pair(&two, &one)}) {
        Map::Delta const delta = from->delta({}, 1 << 20);
        for (Entry const& entry : delta.entries) {
            REQUIRE(to->merge(entry));
        }
        to->raise(delta.covered);
    }
}

}  // namespace

TEST_CASE("collecting takes tombstones up to the floor, and nothing else") {
    Map map(node(1));
    put(map, "a", "1");
    put(map, "b", "1");
    removed(map, "a");
    Floor const floor = map.floor_here({});
    put(map, "c", "1");
    removed(map, "c");
    CHECK(floor.counter == 2);
    CHECK(map.collectable(floor) == 1);
    CHECK(map.collect(floor) == std::vector<std::string>{"a"});
    CHECK(map.find("a") == nullptr);
    CHECK(map.find("b") != nullptr);
    CHECK(map.find("c") != nullptr);
    CHECK(map.collectable(floor) == 0);
}

TEST_CASE("records that hosts wrote of themselves go with the hosts") {
    std::string const facts = "node/" + to_string(node(2)) + "/facts";
    Map map(node(1));
    Map other(node(2));
    REQUIRE(map.merge(put(other, facts, "x")));
    REQUIRE(map.merge(put(other, "service/a/b", "x")));
    CHECK(map.collect(map.floor_here({node(2)})) == std::vector<std::string>{facts});
    // It returns, and says it again.
    REQUIRE(map.merge(put(other, facts, "x")) == Merged::applied);
    CHECK(text(map, facts) == "x");
}

TEST_CASE("what comes late from before the floor changes nothing") {
    Map one(node(1));
    Map two(node(2));
    Entry const first = put(one, "a", "old");
    Entry const tombstone = removed(one, "a");
    exchange(one, two);
    Floor const floor = two.floor_here({});
    one.collect(floor);
    two.collect(floor);
    CHECK(two.merge(first) == Merged::known);
    CHECK(two.merge(tombstone) == Merged::known);
    CHECK(two.find("a") == nullptr);
    // Nor against a new life of the key, however high the old one had counted.
    Entry const fresh = put(one, "a", "new");
    REQUIRE(two.merge(fresh) == Merged::applied);
    CHECK(two.merge(first) == Merged::known);
    CHECK(text(two, "a") == "new");
}

TEST_CASE("what a disk lost comes back past the floor, and what was removed does not") {
    Map one(node(1));
    Entry const kept = put(one, "a", "x");
    std::string const facts = "node/" + to_string(node(3)) + "/facts";
    Map three(node(3));
    Entry const of_gone = put(three, facts, "x");
    REQUIRE(one.merge(of_gone));
    put(one, "b", "x");
    Entry const tombstone = removed(one, "b");
    Floor const floor = one.floor_here({node(3)});
    // It covers all of this and holds none of it.
    Map lossy(node(2));
    lossy.raise(one.version());
    lossy.collect(floor);
    CHECK(lossy.reaches_floor(one.version()));
    CHECK_FALSE(lossy.reaches_floor(three.version()));
    CHECK(lossy.merge(kept) == Merged::known);
    CHECK(lossy.merge(kept, From::past_floor) == Merged::applied);
    CHECK(lossy.merge(tombstone, From::past_floor) == Merged::known);
    CHECK(lossy.merge(of_gone, From::past_floor) == Merged::known);
    one.collect(floor);
    CHECK(lossy.digest() == one.digest());
    CHECK(lossy.canonical() == one.canonical());
}

TEST_CASE("a key that lives again wins where its tombstone is still held, without a conflict") {
    Map one(node(1));
    Map two(node(2));
    for (int life = 0; life < 5; ++life) {
        put(one, "a", "x");
        removed(one, "a");
    }
    exchange(one, two);
    one.collect(one.floor_here({}));
    Entry const fresh = put(one, "a", "again");
    CHECK(two.merge(fresh) == Merged::applied);
    CHECK(text(two, "a") == "again");
    CHECK(two.conflicts().all().empty());
}

TEST_CASE("maps that collected and maps that did not yet have nothing to tell each other") {
    Map one(node(1));
    Map two(node(2));
    put(one, "a", "x");
    removed(one, "a");
    put(one, "b", "x");
    exchange(one, two);
    one.collect(one.floor_here({}));
    CHECK(one.digest() == two.digest());
}

TEST_CASE("a map that forgets is empty, and numbers its writes above all before") {
    Map map(node(1));
    put(map, "a", "x");
    Entry const last = put(map, "b", "x");
    CHECK(map.forget() == std::vector<std::string>{"a", "b"});
    CHECK(map.size() == 0);
    CHECK(map.version() == VersionVector());
    CHECK(put(map, "c", "x").dot.sequence > last.dot.sequence);
}

TEST_CASE("a floor comes back as it was, and nothing else is one") {
    Map map(node(1));
    put(map, "a", "x");
    removed(map, "a");
    Floor const floor = map.floor_here({node(3), node(2)});
    base::Bytes const bytes = encode(floor);
    base::ByteReader in(bytes);
    CHECK(decode_floor(in) == floor);
    for (std::size_t size = 0; size < bytes.size(); ++size) {
        base::ByteReader cut(base::ByteView(bytes).first(size));
        CHECK_FALSE(decode_floor(cut).has_value());
    }
}

namespace {

// Hosts that write, remove and gossip out of order and twice, and a cut now and then that each of
// them sees, closes and takes over in its own time, as agents do.
class Collecting {
public:
    explicit Collecting(std::uint64_t seed) : prng_(seed) {
        for (std::uint8_t number = 1; number <= 3; ++number) {
            hosts_.emplace_back(node(number));
        }
    }

    void run(int steps) {
        for (int step = 0; step < steps; ++step) {
            std::size_t const at = prng_.below(hosts_.size());
            Map& host = hosts_[at];
            std::string const key = "k" + std::to_string(prng_.below(4));
            std::uint64_t const what = prng_.below(6);
            if (what == 0) {
                sent_.push_back(put(host, key, std::to_string(step)));
            } else if (what == 1 && host.value(key) != nullptr) {
                sent_.push_back(removed(host, key));
            } else if (what <= 3 && !sent_.empty()) {
                REQUIRE(host.merge(sent_[prng_.below(sent_.size())]));
            } else if (what == 4) {
                exchange(host, hosts_[(at + 1) % hosts_.size()]);
            } else {
                collect(at);
            }
        }
        for (int round = 0; round < 2; ++round) {
            exchange(hosts_[0], hosts_[1]);
            exchange(hosts_[1], hosts_[2]);
            exchange(hosts_[2], hosts_[0]);
        }
    }

    [[nodiscard]] std::vector<Map> const& hosts() const { return hosts_; }

    [[nodiscard]] std::vector<Entry> const& sent() const { return sent_; }

    [[nodiscard]] std::size_t collected() const { return collected_; }

private:
    void collect(std::size_t at) {
        Map& host = hosts_[at];
        if (!cut_) {
            cut_ = host.floor_here({});
        }
        if (!seen_.contains(at) && covers(host, cut_->version)) {
            seen_[at] = host.last_sequence();
            cut_->closed.raise(node(static_cast<std::uint8_t>(at + 1)), seen_[at]);
        }
        bool const closed = seen_.size() == hosts_.size();
        if (closed && !done_.contains(at) && covers(host, cut_->closed)) {
            collected_ += host.collect(*cut_).size();
            done_.insert(at);
        }
        if (done_.size() == hosts_.size()) {
            cut_.reset();
            seen_.clear();
            done_.clear();
        }
    }

    static bool covers(Map const& map, VersionVector const& version) {
        return std::ranges::all_of(version.origins(), [&](auto const& at) {
            return map.version().of(at.first) >= at.second;
        });
    }

    base::Prng prng_;
    std::vector<Map> hosts_;
    std::vector<Entry> sent_;
    std::optional<Floor> cut_;
    std::map<std::size_t, std::uint64_t> seen_;
    std::set<std::size_t> done_;
    std::size_t collected_ = 0;
};

}  // namespace

// Told the same, a map that never collects holds the same.
TEST_CASE("no history of writes, late gossip and collections brings back what was removed") {
    constexpr std::uint64_t runs = 2000;
    std::size_t collected = 0;
    for (std::uint64_t run = 1; run <= runs; ++run) {
        CAPTURE(run);
        Collecting fleet(run);
        fleet.run(200);
        collected += fleet.collected();
        Map keeper(node(9));
        for (Entry const& entry : fleet.sent()) {
            REQUIRE(keeper.merge(entry));
        }
        for (Map const& host : fleet.hosts()) {
            for (int number = 0; number < 4; ++number) {
                std::string const key = "k" + std::to_string(number);
                REQUIRE(text(host, key) == text(keeper, key));
            }
        }
    }
    CHECK(collected > runs);
}
