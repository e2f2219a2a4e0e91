// What membership relies on when it believes a signature.
#include <catch2/catch.hpp>

#include "net/identity_keys.h"
#include "tests/support/fake_keys.h"

namespace {

struct Fake {
    explicit Fake(std::uint8_t host) : id{{host}}, keys(id) {}

    base::NodeId id;
    support::FakeKeys keys;
};

struct Real {
    explicit Real(std::uint8_t host) : Real(identity_of(host)) {}

    explicit Real(net::Identity const& identity) : id(identity.id()), keys(identity) {}

    static net::Identity identity_of(std::uint8_t host) {
        return net::Identity(net::Key({std::byte{host}}));
    }

    base::NodeId id;
    net::IdentityKeys keys;
};

base::Bytes const message = base::to_bytes("what is signed");

}  // namespace

TEMPLATE_TEST_CASE("anybody can verify what a member signed", "", Fake, Real) {
    TestType const alice(1);
    TestType const bob(2);
    for (std::string_view const text : {"", "a", "what is signed"}) {
        CAPTURE(text);
        auto const signature = alice.keys.sign(base::as_bytes(text));
        gossip::PublicKey const key = alice.keys.public_key();
        CHECK(bob.keys.verify(alice.id, key, base::as_bytes(text), signature));
        CHECK(alice.keys.verify(alice.id, key, base::as_bytes(text), signature));
    }
}

TEMPLATE_TEST_CASE("keys and signatures are the same every time", "", Fake, Real) {
    TestType const alice(1);
    TestType const again(1);
    TestType const bob(2);
    CHECK(alice.keys.public_key() == again.keys.public_key());
    CHECK(alice.keys.public_key() != bob.keys.public_key());
    CHECK(alice.keys.sign(message) == again.keys.sign(message));
    CHECK(alice.keys.sign(message) != bob.keys.sign(message));
}

TEMPLATE_TEST_CASE("a change of one bit anywhere is seen", "", Fake, Real) {
    TestType const alice(1);
    auto const signature = alice.keys.sign(message);
    auto const key = alice.keys.public_key();
    auto const flipped = [](auto bytes, std::size_t bit) {
        bytes[bit / 8] ^= static_cast<std::byte>(1 << bit % 8);
        return bytes;
    };
    for (std::size_t bit = 0; bit < 8 * message.size(); ++bit) {
        REQUIRE_FALSE(alice.keys.verify(alice.id, key, flipped(message, bit), signature));
    }
    for (std::size_t bit = 0; bit < 8 * signature.size(); ++bit) {
        REQUIRE_FALSE(alice.keys.verify(alice.id, key, message, flipped(signature, bit)));
    }
    for (std::size_t bit = 0; bit < 8 * key.size(); ++bit) {
        REQUIRE_FALSE(alice.keys.verify(alice.id, flipped(key, bit), message, signature));
    }
    base::NodeId other = alice.id;
    other.bytes[15] ^= 1;
    CHECK_FALSE(alice.keys.verify(other, key, message, signature));
}

TEMPLATE_TEST_CASE("nobody signs for another", "", Fake, Real) {
    TestType const alice(1);
    TestType const mallory(2);
    auto const forged = mallory.keys.sign(message);
    CHECK_FALSE(alice.keys.verify(alice.id, mallory.keys.public_key(), message, forged));
    CHECK_FALSE(alice.keys.verify(alice.id, alice.keys.public_key(), message, forged));
    CHECK_FALSE(alice.keys.verify(alice.id, {}, message, {}));
}
