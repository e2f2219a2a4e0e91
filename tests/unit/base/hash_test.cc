#include "base/hash.h"

#include <catch2/catch.hpp>

using namespace base;

TEST_CASE("SipHash-2-4 gives the vectors of its paper") {
    // Appendix A: key 00 01 .. 0f, message 00 01 .. 0e.
    Bytes message;
    for (unsigned value = 0; value < 15; ++value) {
        message.push_back(static_cast<std::byte>(value));
    }
    CHECK(sip_hash(0x0706050403020100, 0x0f0e0d0c0b0a0908, message) == 0xa129ca6149be45e5);
}

TEST_CASE("stable hashes never change: placement and revisions are built on them") {
    CHECK(stable_hash("covey") == 0x54756771a8ffbb8e);
    CHECK(stable_hash("") != stable_hash(std::string_view("\0", 1)));
    CHECK(stable_hash128(as_bytes("a"))[0] != stable_hash128(as_bytes("a"))[1]);
}
