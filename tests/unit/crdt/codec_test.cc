#include "crdt/codec.h"

#include <catch2/catch.hpp>

#include "base/text.h"
#include "tests/unit/crdt/replicas.h"

namespace crdt {
namespace {

std::expected<Entry, Errc> decoded(base::ByteView bytes) {
    base::ByteReader in(bytes);
    auto entry = decode_entry(in);
    if (entry && !in.complete()) {
        return std::unexpected(Errc::malformed);
    }
    return entry;
}

std::vector<Entry> samples() {
    Map map(node(1));
    Map other(node(200));
    std::vector<Entry> out{put(map, "", ""), put(map, "service/shop/web", "spec")};
    REQUIRE(other.merge(out.back()));
    out.push_back(put(other, "service/shop/web", std::string(300, 'x')));
    out.push_back(**other.erase("service/shop/web"));
    out.push_back(first_write(std::string(key_max, 'k'), std::string(value_max, 'v'), 3, 1));
    out.push_back(first_write("far", "x", 3, counter_max));
    out.back().stamp.counter = counter_max;
    out.back().replaced = {.counter = counter_max - 1, .writer = node(9)};
    return out;
}

TEST_CASE("an entry survives encoding, and its size is known beforehand") {
    for (Entry const& entry : samples()) {
        base::Bytes const bytes = encode(entry);
        CHECK(bytes.size() == encoded_size(entry));
        CHECK(decoded(bytes) == entry);
    }
}

TEST_CASE("the format of an entry is fixed") {
    Entry entry = first_write("key", "v", 0xab, 300);
    entry.stamp.counter = 2;
    entry.replaced = {.counter = 1, .writer = node(0xcd)};
    std::string const zeros(30, '0');
    CHECK(base::hex(encode(entry)) ==
          "01"
          "036b6579"
          "010176"
          "02" +
              zeros + "ab" + zeros + "cd" + "ac02");
    entry.value.reset();
    CHECK(base::hex(encode(entry)) ==
          "01"
          "036b6579"
          "00"
          "02" +
              zeros + "ab" + zeros + "cd" + "ac02");
}

TEST_CASE("no prefix of an entry is an entry") {
    for (Entry const& entry : samples()) {
        base::Bytes const bytes = encode(entry);
        std::size_t const step = bytes.size() > 1000 ? 997 : 1;
        for (std::size_t size = 0; size < bytes.size(); size += step) {
            CHECK_FALSE(decoded(base::ByteView(bytes).first(size)));
        }
    }
}

TEST_CASE("whatever a flipped bit makes of an entry, only its own encoding is accepted") {
    for (Entry const& entry : samples()) {
        base::Bytes bytes = encode(entry);
        if (bytes.size() > 1000) {
            continue;
        }
        for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
            std::byte const mask{static_cast<unsigned char>(1U << (bit % 8))};
            bytes[bit / 8] ^= mask;
            if (auto const other = decoded(bytes)) {
                CHECK(encode(*other) == bytes);
            }
            bytes[bit / 8] ^= mask;
        }
    }
}

TEST_CASE("numbers out of range or padded are refused") {
    std::string const id(32, '0');
    auto const refused = [](std::string const& hex) { return !decoded(*base::unhex(hex)); };
    CHECK_FALSE(
        refused("01"
                "00"
                "00"
                "01" +
                id + "01"));
    CHECK(
        refused("02"
                "00"
                "00"
                "01" +
                id + "01"));  // a newer format
    CHECK(
        refused("01"
                "8000"
                "00"
                "01" +
                id + "01"));  // padded key size
    CHECK(
        refused("01"
                "00"
                "02"
                "01" +
                id + "01"));  // neither value nor tombstone
    CHECK(
        refused("01"
                "00"
                "00"
                "00" +
                id + "01"));  // counter 0
    CHECK(
        refused("01"
                "00"
                "00"
                "01" +
                id + "00"));  // sequence 0
    CHECK(
        refused("01"
                "00"
                "00"
                "01" +
                id + "8100"));  // padded sequence
    CHECK(
        refused("01"
                "00"
                "00"
                "01" +
                id + "ffffffffffffffffff01"));  // sequence too large
    CHECK(
        refused("01"
                "8104" +
                std::string(1026, '0') +
                "00"
                "01" +
                id + "01"));  // key too long
}

TEST_CASE("a version vector survives encoding and has one encoding only") {
    VersionVector version;
    version.raise(node(1), 1);
    version.raise(node(2), counter_max);
    base::ByteWriter out;
    encode(version, out);
    base::ByteReader in(out.view());
    CHECK(decode_version(in) == version);
    CHECK(in.complete());

    std::string const one = std::string(30, '0') + "01";
    std::string const two = std::string(30, '0') + "02";
    auto const refused = [](std::string const& hex) {
        base::Bytes const bytes = *base::unhex(hex);
        base::ByteReader reader(bytes);
        return !decode_version(reader);
    };
    CHECK_FALSE(refused("0102" + one + "05" + two + "05"));
    CHECK(refused("0202" + one + "05" + two + "05"));
    CHECK(refused("0102" + two + "05" + one + "05"));
    CHECK(refused("0102" + one + "05" + one + "06"));
    CHECK(refused("0101" + one + "00"));
    CHECK(refused("0102" + one + "05"));
    CHECK(refused("018120"));  // origins_max + 1
}

}  // namespace
}  // namespace crdt
