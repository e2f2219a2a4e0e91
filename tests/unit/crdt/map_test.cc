#include "crdt/map.h"

#include <catch2/catch.hpp>

#include "tests/unit/crdt/replicas.h"

namespace crdt {
namespace {

std::string const facts_of_2 = "node/" + base::to_string(node(2)) + "/facts";

TEST_CASE("a write carries the stamp it replaced and the next dot") {
    Map map(node(1));
    Entry const first = put(map, "a", "one");
    CHECK(first.stamp == Stamp{1, node(1)});
    CHECK(first.replaced == Stamp{});
    CHECK(first.dot == Dot{node(1), 1});
    Entry const second = put(map, "a", "two");
    CHECK(second.stamp == Stamp{2, node(1)});
    CHECK(second.replaced == first.stamp);
    CHECK(second.dot == Dot{node(1), 2});
    CHECK(map.version().of(node(1)) == 2);
    CHECK(text(map, "a") == "two");
}

TEST_CASE("erasing leaves a tombstone, once") {
    Map map(node(1));
    put(map, "a", "one");
    Entry const* const erased = *map.erase("a");
    REQUIRE(erased != nullptr);
    CHECK_FALSE(erased->value.has_value());
    CHECK(map.value("a") == nullptr);
    CHECK(map.find("a") == erased);
    CHECK(*map.erase("a") == nullptr);
    CHECK(*map.erase("never") == nullptr);
    CHECK(map.version().of(node(1)) == 2);
}

TEST_CASE("each() visits live entries of a prefix in key order") {
    Map map(node(1));
    for (auto const* const key : {"b/2", "a", "b/1", "b/3", "c"}) {
        put(map, key, key);
    }
    (void)map.erase("b/2");
    std::string seen;
    map.each("b/", [&](Entry const& entry) { seen += entry.key + " "; });
    CHECK(seen == "b/1 b/3 ");
}

TEST_CASE("what breaks a bound is refused and changes nothing") {
    Map map(node(1));
    CHECK(map.put(std::string(key_max + 1, 'k'), {}).error() == Errc::key_too_long);
    CHECK(map.put("a", base::Bytes(value_max + 1)).error() == Errc::value_too_long);
    CHECK(map.put(facts_of_2, {}).error() == Errc::not_the_writer);
    Entry odd = first_write("a", "x", 2, 1);
    SECTION("a counter that does not follow") {
        odd.stamp.counter = 5;
    }
    SECTION("a writer that is not the origin") {
        odd.stamp.writer = node(3);
    }
    SECTION("dot zero") {
        odd.dot.sequence = 0;
    }
    SECTION("a key too long") {
        odd.key = std::string(key_max + 1, 'k');
    }
    SECTION("a value too long") {
        odd.value = base::Bytes(value_max + 1);
    }
    SECTION("a sequence out of range") {
        odd.dot.sequence = counter_max + 1;
    }
    CHECK(map.merge(odd).error() == Errc::malformed);
    CHECK(map.size() == 0);
    CHECK(map.version() == VersionVector{});
}

TEST_CASE("a full map refuses new keys and still takes known ones") {
    Map map(node(1));
    for (std::size_t i = 0; i < entries_max; ++i) {
        REQUIRE(map.put(std::to_string(i), {}));
    }
    CHECK(map.put("one more", {}).error() == Errc::full);
    CHECK(map.merge(first_write("another", "x", 2, 1)).error() == Errc::full);
    CHECK(map.version().of(node(2)) == 0);
    CHECK(map.put("7", base::to_bytes("new")));
    CHECK(map.size() == entries_max);
}

TEST_CASE("an exhausted counter is refused") {
    Map map(node(1));
    map.raise(node(1), counter_max);
    CHECK(map.put("a", {}).error() == Errc::full);
}

TEST_CASE("keys name their only writer") {
    std::string const id = base::to_string(node(2));
    CHECK(single_writer("node/" + id + "/facts") == node(2));
    CHECK(single_writer("instance/" + id + "/web.1") == node(2));
    CHECK_FALSE(single_writer("node/" + id + "/wish"));
    CHECK_FALSE(single_writer("node/" + id + "/facts/more"));
    CHECK_FALSE(single_writer("instance/" + id));
    CHECK_FALSE(single_writer("instance/1234/web.1"));
    CHECK_FALSE(single_writer("service/shop/web"));
    CHECK_FALSE(single_writer(""));
}

TEST_CASE("an entry of a single-writer key is taken from its writer only") {
    Map map(node(1));
    CHECK(map.merge(first_write(facts_of_2, "x", 3, 1)).error() == Errc::not_the_writer);
    CHECK(map.merge(first_write(facts_of_2, "x", 2, 1)) == Merged::applied);
}

TEST_CASE("gossip raises the version only without a gap, and closing the gap raises it over all") {
    Map map(node(1));
    CHECK(map.merge(first_write("b", "2", 2, 2)) == Merged::applied);
    CHECK(map.merge(first_write("c", "3", 2, 3)) == Merged::applied);
    CHECK(map.version().of(node(2)) == 0);
    CHECK(map.ahead(map.version()) == std::vector<Dot>{{node(2), 2}, {node(2), 3}});
    CHECK(map.knows({node(2), 3}));
    CHECK_FALSE(map.knows({node(2), 1}));
    CHECK(map.merge(first_write("a", "1", 2, 1)) == Merged::applied);
    CHECK(map.version().of(node(2)) == 3);
    CHECK(map.ahead(map.version()).empty());
}

TEST_CASE("a losing entry is known and counts for the version") {
    Map map(node(1));
    Map other(node(2));
    Entry const lost = put(other, "a", "old");
    REQUIRE(map.merge(put(other, "a", "new")) == Merged::applied);
    CHECK(map.version().of(node(2)) == 0);
    CHECK(map.merge(lost) == Merged::known);
    CHECK(map.version().of(node(2)) == 2);
    CHECK(text(map, "a") == "new");
}

TEST_CASE(
    "concurrent writes of different values are a conflict, told once, the same way everywhere") {
    Map one(node(1));
    Map two(node(2));
    Entry const a = put(one, "a", "from one");
    Entry const b = put(two, "a", "from two");
    CHECK(one.merge(b) == Merged::conflict);
    CHECK(two.merge(a) == Merged::conflict);
    CHECK(text(one, "a") == "from two");
    CHECK(text(two, "a") == "from two");
    REQUIRE(one.conflicts().all().size() == 1);
    CHECK(one.conflicts().all()[0].winner == b);
    CHECK(one.conflicts().all()[0].loser == a);
    CHECK(two.merge(a) == Merged::known);
    CHECK(two.conflicts().all().size() == 1);
    SECTION("also when the winner was overwritten since") {
        put(two, "a", "later");
        CHECK(two.merge(a) == Merged::known);
        CHECK(two.conflicts().all().size() == 1);
    }
}

TEST_CASE("a conflict is with the last write of a line, not again with those before it") {
    Map one(node(1));
    Map two(node(2));
    Map map(node(3));
    Entry const first = put(one, "a", "1");
    put(two, "a", "2");
    REQUIRE(map.merge(first) == Merged::applied);
    REQUIRE(map.merge(put(one, "a", "3")) == Merged::applied);
    REQUIRE(map.merge(put(two, "a", "4")) == Merged::conflict);
    CHECK(map.merge(first) == Merged::known);
    CHECK(map.conflicts().all().size() == 1);
}

TEST_CASE("no conflict where nothing is lost") {
    Map one(node(1));
    Map two(node(2));
    SECTION("the same value twice") {
        put(one, "a", "same");
        CHECK(one.merge(put(two, "a", "same")) == Merged::applied);
    }
    SECTION("an edit that saw the other, over any distance") {
        REQUIRE(two.merge(put(one, "a", "0")));
        Entry last = put(two, "a", "1");
        auto const edits = GENERATE(0, 1, 5);
        for (int i = 0; i < edits; ++i) {
            last = put(two, "a", std::to_string(i));
        }
        CHECK(one.merge(last) == Merged::applied);
    }
    SECTION("late gossip of an overwritten write") {
        Entry const early = put(two, "a", "early");
        put(two, "a", "middle");
        REQUIRE(one.merge(put(two, "a", "late")));
        CHECK(one.merge(early) == Merged::known);
    }
    CHECK(one.conflicts().all().empty());
}

TEST_CASE("conflicts are kept up to a bound, the oldest go") {
    Map one(node(1));
    Map two(node(2));
    for (std::size_t i = 0; i < conflicts_max + 3; ++i) {
        std::string const key = std::to_string(i);
        put(one, key, "one");
        REQUIRE(one.merge(put(two, key, "two")) == Merged::conflict);
    }
    CHECK(one.conflicts().all().size() == conflicts_max);
    CHECK(one.conflicts().all().front().loser.key == "3");
}

TEST_CASE(
    "a single-writer key has no conflict even if its writer lost a write and repeats the stamp") {
    Map before(node(2));
    Map after(node(2));
    Entry const lost = put(before, facts_of_2, "lost");
    Entry const again = put(after, facts_of_2, "again");
    Map forward(node(1));
    REQUIRE(forward.merge(lost));
    REQUIRE(forward.merge(again));
    Map backward(node(1));
    REQUIRE(backward.merge(again));
    REQUIRE(backward.merge(lost));
    CHECK(forward.canonical() == backward.canonical());
    CHECK(forward.conflicts().all().empty());
    CHECK(backward.conflicts().all().empty());
}

TEST_CASE("a host that lost writes takes them back and goes on above them") {
    Map peer(node(2));
    Map before(node(1));
    for (auto const* const key : {"a", "b", "c"}) {
        REQUIRE(peer.merge(put(before, key, key)));
    }
    Map restored(node(1));
    REQUIRE(restored.merge(first_write("a", "a", 1, 1)));
    SECTION("in order, from a sync") {
        for (Entry const& entry : peer.delta(restored.version(), 1000).entries) {
            REQUIRE(restored.merge(entry) == Merged::applied);
        }
        CHECK(restored.version().of(node(1)) == 3);
    }
    SECTION("the last one first, by gossip: the gap stays open") {
        REQUIRE(restored.merge(*peer.find("c")) == Merged::applied);
        CHECK(restored.version().of(node(1)) == 1);
    }
    CHECK(put(restored, "d", "d").dot.sequence == 4);
}

TEST_CASE("a repeated dot on another key does not hide either entry") {
    Map map(node(1));
    REQUIRE(map.merge(first_write("lost", "1", 2, 1)));
    REQUIRE(map.merge(first_write("again", "2", 2, 1)));
    CHECK(map.delta({}, 1).entries.size() == 2);
    REQUIRE(map.put("lost", {}));
    CHECK(map.delta({}, 10'000).entries.size() == 2);
}

TEST_CASE("a restart from entries and version is the same map") {
    base::Prng prng(7);
    Map map(node(1));
    Map other(node(2));
    for (int i = 0; i < 40; ++i) {
        random_write(map, prng);
        for (Entry const& entry : random_write(other, prng)) {
            REQUIRE(map.merge(entry));
        }
    }
    Map loaded(node(1));
    for (Entry const& entry : map.delta({}, 1 << 20).entries) {
        REQUIRE(loaded.merge(entry));
    }
    loaded.raise(map.version());
    CHECK(loaded.canonical() == map.canonical());
    CHECK(loaded.digest() == map.digest());
    CHECK(put(loaded, "x", "y").dot == put(map, "x", "y").dot);
}

TEST_CASE("a delta holds what is not covered, in dot order, within its bytes") {
    Map map(node(2));
    for (int i = 0; i < 10; ++i) {
        put(map, "k" + std::to_string(i), std::string(100, 'x'));
    }
    REQUIRE(map.merge(first_write("one", "1", 1, 1)));
    REQUIRE(map.merge(first_write("last", "1", 3, 1)));
    VersionVector known;
    known.raise(node(2), 3);
    Map::Delta const all = map.delta(known, 1 << 20);
    CHECK(all.complete);
    CHECK(all.covered == map.version());
    REQUIRE(all.entries.size() == 9);
    CHECK(all.entries.front().key == "one");
    CHECK(all.entries[7].key == "k9");
    CHECK(all.entries.back().key == "last");

    Map::Delta const part = map.delta(known, 300);
    CHECK_FALSE(part.complete);
    REQUIRE(part.entries.size() == 3);
    CHECK(part.covered.of(node(1)) == 1);
    CHECK(part.covered.of(node(2)) == 5);
    CHECK(part.covered.of(node(3)) == 0);
    CHECK(map.delta(known, 0).entries.size() == 1);
    CHECK(map.delta(map.version(), 300).entries.empty());
}

TEST_CASE("writes beyond a gap are handed on, last, and count in the digest") {
    Map map(node(1));
    Map same(node(1));
    put(map, "a", "1");
    put(same, "a", "1");
    CHECK(map.digest() == same.digest());
    REQUIRE(map.merge(first_write("gap", "x", 0, 5)));
    CHECK(map.digest() != same.digest());
    Map::Delta const delta = map.delta({}, 1 << 20);
    REQUIRE(delta.entries.size() == 2);
    CHECK(delta.entries.back().key == "gap");
    CHECK(delta.covered.of(node(0)) == 0);
    std::vector<Dot> const ahead{{node(0), 5}};
    CHECK(map.delta({}, 1 << 20, ahead).entries.size() == 1);
}

TEST_CASE("a version vector ignores lowering, zero and origins beyond its bound") {
    VersionVector version;
    version.raise(node(1), 5);
    version.raise(node(1), 3);
    version.raise(node(2), 0);
    CHECK(version.of(node(1)) == 5);
    CHECK(version.covers({node(1), 5}));
    CHECK_FALSE(version.covers({node(1), 6}));
    CHECK(version.origins().size() == 1);
    VersionVector same;
    same.raise(node(1), 5);
    CHECK(same.digest() == version.digest());
    same.raise(node(1), 6);
    CHECK(same.digest() != version.digest());
    for (std::size_t i = 0; i < origins_max + 5; ++i) {
        base::NodeId id;
        id.bytes[0] = static_cast<std::uint8_t>(i >> 8);
        id.bytes[1] = static_cast<std::uint8_t>(i);
        id.bytes[2] = 1;
        version.raise(id, 1);
    }
    CHECK(version.origins().size() == origins_max);
    version.raise(node(1), 9);
    CHECK(version.of(node(1)) == 9);
}

}  // namespace
}  // namespace crdt
