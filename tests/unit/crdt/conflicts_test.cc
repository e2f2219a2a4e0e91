#include "crdt/conflicts.h"

#include <catch2/catch.hpp>

#include "tests/unit/crdt/replicas.h"

using namespace crdt;

namespace {

Conflict conflict(std::string const& key, std::size_t bytes = 1) {
    return {.winner = first_write(key, "kept", 2, 1),
            .loser = first_write(key, std::string(bytes, 'x'), 1, 1)};
}

}  // namespace

TEST_CASE("a losing write is kept once, under the id of itself") {
    Conflicts conflicts;
    CHECK(conflicts.add(conflict("a")));
    Conflict other = conflict("a");
    other.winner = first_write("a", "another", 3, 1);
    CHECK_FALSE(conflicts.add(other));
    CHECK(id_of(other) == id_of(conflict("a")));
    CHECK(id_of(conflict("b")) != id_of(conflict("a")));
    REQUIRE(conflicts.find(id_of(other)) != nullptr);
    CHECK(conflicts.find(id_of(other))->winner == conflict("a").winner);
    CHECK(conflicts.changes() == 1);
}

TEST_CASE("conflicts are bounded in number and in bytes, and the oldest go") {
    Conflicts many;
    for (std::size_t i = 0; i < conflicts_max + 1; ++i) {
        REQUIRE(many.add(conflict(std::to_string(i))));
    }
    CHECK(many.all().size() == conflicts_max);
    CHECK(many.all().front().loser.key == "1");
    Conflicts large;
    for (std::size_t i = 0; i < 20; ++i) {
        REQUIRE(large.add(conflict(std::to_string(i), value_max)));
    }
    CHECK(large.all().size() == conflict_bytes_max / value_max - 1);
    CHECK(large.all().back().loser.key == "19");
}

TEST_CASE("a conflict ends when it is settled, or the lost value stands again") {
    Conflicts conflicts;
    conflicts.add(conflict("a"));
    conflicts.add(conflict("b"));
    CHECK(conflicts.settle(id_of(conflict("a"))));
    CHECK_FALSE(conflicts.settle(id_of(conflict("a"))));
    conflicts.on_write(first_write("b", "something else", 3, 1));
    CHECK(conflicts.all().size() == 1);
    conflicts.on_write(first_write("c", "x", 3, 1));
    CHECK(conflicts.all().size() == 1);
    conflicts.on_write(first_write("b", "x", 3, 1));
    CHECK(conflicts.all().empty());
    CHECK(conflicts.changes() == 4);
}

TEST_CASE("a conflict comes back as it was, and nothing else is one") {
    base::Bytes bytes = encode(conflict("a"));
    CHECK(decode_conflict(bytes) == conflict("a"));
    for (std::size_t size = 0; size < bytes.size(); ++size) {
        CHECK_FALSE(decode_conflict(base::ByteView(bytes).first(size)).has_value());
    }
    bytes.push_back(std::byte{0});
    CHECK_FALSE(decode_conflict(bytes).has_value());
    CHECK_FALSE(
        decode_conflict(encode(Conflict{first_write("a", "x", 1, 1), first_write("b", "y", 2, 1)}))
            .has_value());
}

TEST_CASE("only edits conflict") {
    CHECK(is_edit("service/shop/web"));
    CHECK(is_edit("scale/shop/web"));
    CHECK(is_edit("node/" + std::string(32, '0') + "/wish"));
    CHECK_FALSE(is_edit("node/" + std::string(32, '0') + "/facts"));
    CHECK_FALSE(is_edit("instance/" + std::string(32, '0') + "/shop/web/1"));
    CHECK_FALSE(is_edit("subnet/10.128.1.0/24"));
    CHECK_FALSE(is_edit("vip/10.143.0.1"));
    CHECK_FALSE(is_edit("token/abc"));
}
