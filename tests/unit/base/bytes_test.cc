#include "base/bytes.h"

#include <catch2/catch.hpp>

using namespace base;

TEST_CASE("a reader returns what a writer wrote") {
    ByteWriter out;
    out.u8(0xfe);
    out.u16(0x1234);
    out.u32(0xdeadbeef);
    out.u64(0x0123456789abcdef);
    out.varint(0);
    out.varint(127);
    out.varint(128);
    out.varint(~std::uint64_t{0});
    out.sized("text");
    Bytes const bytes = out.take();
    ByteReader in(bytes);
    CHECK(in.u8() == 0xfe);
    CHECK(in.u16() == 0x1234);
    CHECK(in.u32() == 0xdeadbeef);
    CHECK(in.u64() == 0x0123456789abcdef);
    CHECK(in.varint() == 0);
    CHECK(in.varint() == 127);
    CHECK(in.varint() == 128);
    CHECK(in.varint() == ~std::uint64_t{0});
    CHECK(in.text(4) == "text");
    CHECK(in.complete());
}

TEST_CASE("every truncation is a failure and nothing is read after it") {
    ByteWriter out;
    out.u32(7);
    out.sized("abcdef");
    Bytes const bytes = out.take();
    for (std::size_t size = 0; size < bytes.size(); ++size) {
        ByteReader in(ByteView(bytes).first(size));
        in.u32();
        in.sized(100);
        CHECK(in.failed());
        CHECK(in.u8() == 0);
    }
}

TEST_CASE("a field longer than its bound is refused") {
    ByteWriter out;
    out.sized("12345");
    Bytes const bytes = out.take();
    ByteReader in(bytes);
    CHECK(in.sized(4).empty());
    CHECK(in.failed());
}

TEST_CASE("a varint of more than 64 bits is refused") {
    Bytes const bytes(10, std::byte{0xff});
    ByteReader in(bytes);
    in.varint();
    CHECK(in.failed());
}
