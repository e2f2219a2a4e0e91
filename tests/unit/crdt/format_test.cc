// The bytes of format 1, as hosts have written them to disks and said them to each other since
// 0.1. They never change: a fleet is upgraded host by host.
#include <catch2/catch.hpp>

#include "base/text.h"
#include "crdt/codec.h"
#include "crdt/message.h"
#include "crdt/sync.h"
#include "tests/unit/crdt/replicas.h"

using namespace crdt;

namespace {

std::string const live_bytes =
    "0110736572766963652f73686f702f776562010473706563ac020000000000000000000000000000000100000000"
    "00000000000000000000000207";
std::string const dead_bytes =
    "010e7363616c652f73686f702f7765620001000000000000000000000000000000028180808010";
std::string const version_bytes =
    "010200000000000000000000000000000001070000000000000000000000000000000281"
    "80808010";

Entry live() {
    return {.key = "service/shop/web",
            .value = base::to_bytes("spec"),
            .stamp = {300, node(1)},
            .replaced = {299, node(2)},
            .dot = {node(1), 7}};
}

Entry dead() {
    return {.key = "scale/shop/web",
            .value = {},
            .stamp = {1, node(2)},
            .replaced = {},
            .dot = {node(2), (std::uint64_t{1} << 32) + 1}};
}

VersionVector version() {
    VersionVector out;
    out.raise(node(1), 7);
    out.raise(node(2), (std::uint64_t{1} << 32) + 1);
    return out;
}

base::Bytes bytes_of(std::string const& hex) {
    auto bytes = base::unhex(hex);
    REQUIRE(bytes);
    return *bytes;
}

void same(Message const& message, std::string const& hex) {
    CHECK(base::hex(encode(message)) == hex);
    auto const decoded = decode_message(bytes_of(hex));
    REQUIRE(decoded);
    CHECK(base::hex(encode(*decoded)) == hex);
}

}  // namespace

TEST_CASE("format 1: entries and version vectors") {
    CHECK(base::hex(encode(live())) == live_bytes);
    CHECK(base::hex(encode(dead())) == dead_bytes);
    for (auto const& [entry, hex] :
         {std::pair(live(), live_bytes), std::pair(dead(), dead_bytes)}) {
        base::Bytes const bytes = bytes_of(hex);
        base::ByteReader in(bytes);
        CHECK(decode_entry(in) == entry);
    }
    base::Bytes const bytes = bytes_of(version_bytes);
    base::ByteReader in(bytes);
    CHECK(decode_version(in) == version());
}

TEST_CASE("format 1: messages of sync") {
    same(Digest{.value = 0x0102030405060708}, "01010102030405060708");
    same(Pull{.from = version(), .ahead = {{node(3), 9}}},
         "0102" + version_bytes + "010000000000000000000000000000000309");
    Answer answer{.question = 5, .delta = {}};
    answer.delta.covered = version();
    answer.delta.entries = {live(), dead()};
    same(answer, "0103000000000000000501" + version_bytes + live_bytes + dead_bytes);
}

TEST_CASE("a kind of message that a later version has added is passed over") {
    base::Bytes const later = bytes_of("0109cafe");
    CHECK(decode_message(later).error() == Errc::later);
    CHECK(decode_message(bytes_of("0201")).error() == Errc::malformed);
    CHECK(decode_message(bytes_of("01")).error() == Errc::malformed);
    // In the middle of a pull, which goes on.
    Map old(node(1));
    Map peer(node(2));
    put(peer, "a", "x");
    Sync here(node(1), {}, base::Prng(1));
    Sync there(node(2), {}, base::Prng(2));
    SyncEffects asked;
    here.pull({}, node(2), old, asked);
    SyncEffects ignored;
    CHECK(here.on_message({}, node(2), later, old, ignored).error() == Errc::later);
    CHECK(ignored.sends.empty());
    SyncEffects answered;
    REQUIRE(there.on_message({}, node(1), asked.sends.at(0).bytes, peer, answered));
    SyncEffects done;
    REQUIRE(here.on_message({}, node(2), answered.sends.at(0).bytes, old, done));
    CHECK(text(old, "a") == "x");
}
