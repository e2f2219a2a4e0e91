#include "net/sealing.h"

#include <algorithm>
#include <optional>
#include <set>

#include <catch2/catch.hpp>

#include "tests/unit/net/support.h"

using net::Drop;
using net::Purpose;
using net::Sealer;

namespace {
struct Pair {
    net::KeyRing keys = support::one_key();
    net::Identity alice = net::Identity::generate();
    net::Identity bob = net::Identity::generate();
    Sealer from_alice = support::sealer_of(alice, keys);
    Sealer at_bob = support::sealer_of(bob, keys);

    base::Bytes packet(std::string_view payload = "hello") {
        return from_alice.seal(Purpose::datagram, base::as_bytes(payload));
    }

    std::optional<Drop> drop_of(base::ByteView packet) {
        auto const opened = at_bob.open(Purpose::datagram, packet);
        return opened ? std::nullopt : std::optional(opened.error());
    }
};
}  // namespace

TEST_CASE("a sealed packet opens with its sender and payload, and hides both") {
    Pair pair;
    base::Bytes const packet = pair.packet("a payload");
    CHECK(packet.size() == Sealer::overhead + 9);
    CHECK(base::as_text(packet).find("payload") == std::string_view::npos);
    auto const opened = pair.at_bob.open(Purpose::datagram, packet);
    REQUIRE(opened);
    CHECK(opened->from == pair.alice.id());
    CHECK(base::as_text(opened->payload) == "a payload");
}

TEST_CASE("an empty payload and the largest one open") {
    Pair pair;
    CHECK_FALSE(pair.drop_of(pair.packet("")));
    base::Bytes const largest(Sealer::packet_max - Sealer::overhead, std::byte{7});
    auto const packet = pair.from_alice.seal(Purpose::datagram, largest);
    CHECK_FALSE(pair.drop_of(packet));
}

TEST_CASE("a packet opens once") {
    Pair pair;
    base::Bytes const packet = pair.packet();
    CHECK_FALSE(pair.drop_of(packet));
    CHECK(pair.drop_of(packet) == Drop::replayed);
    CHECK(pair.drop_of(packet) == Drop::replayed);
    CHECK(pair.at_bob.drops()[static_cast<std::size_t>(Drop::replayed)] == 2);
}

TEST_CASE("no truncation and no longer packet opens") {
    Pair pair;
    base::Bytes packet = pair.packet();
    for (std::size_t size = 0; size < packet.size(); ++size) {
        INFO(size);
        CHECK(pair.drop_of(base::ByteView(packet).first(size)));
    }
    packet.push_back(std::byte{0});
    CHECK(pair.drop_of(packet) == Drop::forged);
    packet.pop_back();
    CHECK_FALSE(pair.drop_of(packet));  // none of them spoiled the window
}

TEST_CASE("no flipped bit goes unnoticed") {
    Pair pair;
    base::Bytes packet = pair.packet();
    for (std::size_t at = 0; at < packet.size() * 8; ++at) {
        INFO("bit " << at);
        auto const bit = static_cast<std::byte>(1 << (at % 8));
        packet[at / 8] ^= bit;
        CHECK(pair.drop_of(packet));
        packet[at / 8] ^= bit;
    }
    CHECK_FALSE(pair.drop_of(packet));
}

TEST_CASE("each drop has its reason") {
    Pair pair;
    CHECK(pair.drop_of({}) == Drop::too_short);
    CHECK(pair.drop_of(base::Bytes(Sealer::packet_max + 1)) == Drop::too_short);
    CHECK(pair.drop_of(pair.at_bob.seal(Purpose::datagram, {})) == Drop::from_self);
    CHECK(pair.drop_of(pair.from_alice.seal(Purpose::hello, {})) == Drop::bad_version);
    SECTION("another fleet has another key id") {
        Sealer stranger = support::sealer_of(net::Identity::generate(), support::one_key());
        CHECK(pair.drop_of(stranger.seal(Purpose::datagram, {})) == Drop::unknown_key);
    }
    SECTION("a key with the same id but other bytes") {
        net::KeyRing const wrong({{.id = pair.keys.primary().id, .key = net::random_key()}});
        Sealer stranger = support::sealer_of(net::Identity::generate(), wrong);
        CHECK(pair.drop_of(stranger.seal(Purpose::datagram, {})) == Drop::forged);
    }
}

TEST_CASE("every key of the ring opens, the first seals") {
    Pair pair;
    net::FleetKey const fresh{.id = pair.keys.primary().id + 1, .key = net::random_key()};
    net::KeyRing const both({fresh, pair.keys.primary()});
    Sealer rotated = support::sealer_of(net::Identity::generate(), both);
    CHECK(rotated.open(Purpose::datagram, pair.packet()).has_value());
    CHECK(pair.drop_of(rotated.seal(Purpose::datagram, {})) == Drop::unknown_key);
}

TEST_CASE("a restarted sender is heard, its packets from before are not") {
    Pair pair;
    base::Bytes const late = pair.packet("late");
    for (int i = 0; i < 5000; ++i) {
        REQUIRE_FALSE(pair.drop_of(pair.packet()));
    }
    Sealer restarted = support::sealer_of(pair.alice, pair.keys, 2);
    CHECK_FALSE(pair.drop_of(restarted.seal(Purpose::datagram, {})));
    CHECK(pair.drop_of(late) == Drop::replayed);
    CHECK(pair.drop_of(pair.packet()) == Drop::replayed);
}

TEST_CASE("senders are bounded: the one unheard the longest is forgotten") {
    Pair pair;
    base::Bytes const first = pair.packet();
    REQUIRE_FALSE(pair.drop_of(first));
    auto const loud = net::Identity::generate();
    Sealer louder = support::sealer_of(loud, pair.keys);
    base::Bytes const kept = louder.seal(Purpose::datagram, {});
    REQUIRE_FALSE(pair.drop_of(kept));
    for (std::size_t i = 0; i + 1 < Sealer::senders_max; ++i) {
        base::NodeId id;
        id.bytes = {1, static_cast<std::uint8_t>(i), static_cast<std::uint8_t>(i >> 8)};
        net::KeyRing const& keys = pair.keys;
        Sealer other(keys, id, 0);
        REQUIRE_FALSE(pair.drop_of(other.seal(Purpose::datagram, {})));
    }
    CHECK(pair.drop_of(kept) == Drop::replayed);
    CHECK_FALSE(pair.drop_of(first));  // alice made room for the last of them
}

TEST_CASE("the replay window takes each counter once, in any order within 1024") {
    net::ReplayWindow window;
    CHECK(window.accept(5000));
    CHECK_FALSE(window.accept(5000));
    CHECK(window.accept(5000 - 1023));
    CHECK_FALSE(window.accept(5000 - 1023));
    CHECK_FALSE(window.accept(5000 - 1024));
    CHECK(window.accept(5002));
    CHECK(window.accept(5001));
    CHECK_FALSE(window.accept(5001));
    CHECK_FALSE(window.accept(5000));
    SECTION("a step of exactly the width forgets all") {
        CHECK(window.accept(5002 + 1024));
        CHECK_FALSE(window.accept(5002));
        CHECK(window.accept(5003));
        CHECK_FALSE(window.accept(5003));
    }
    SECTION("counters may begin at zero and end at the top") {
        net::ReplayWindow other;
        CHECK(other.accept(0));
        CHECK_FALSE(other.accept(0));
        CHECK(other.accept(~std::uint64_t{0}));
        CHECK_FALSE(other.accept(0));
    }
}

TEST_CASE("a window agrees with a set of all counters seen") {
    std::uint64_t random = 88172645463325252ULL;
    net::ReplayWindow window;
    std::set<std::uint64_t> seen;
    std::uint64_t newest = 0;
    for (int i = 0; i < 20000; ++i) {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        std::uint64_t const counter = 3000 + static_cast<std::uint64_t>(i) / 4 + random % 2000;
        bool const old = !seen.empty() && counter + 1024 <= newest;
        bool const repeated = seen.contains(counter);
        REQUIRE(window.accept(counter) == (!old && !repeated));
        seen.insert(counter);
        newest = std::max(newest, counter);
    }
}
