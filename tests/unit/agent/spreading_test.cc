#include <catch2/catch.hpp>

#include "agent/agent.h"
#include "tests/support/fake_keys.h"
#include "tests/unit/agent/support.h"

using namespace agent;
using base::milliseconds;

namespace {

// Two agents on a perfect network without delay; the disk of the first answers when told to.
struct Duo {
    support::FakeKeys first_keys{node(1)};
    support::FakeKeys second_keys{node(2)};
    Agent first{config(1), base::Prng(1), first_keys};
    Agent second{config(2), base::Prng(2), second_keys};
    base::Instant now{};
    std::uint64_t asked = 0;  // the last write of the first

    Duo() {
        Effects effects;
        first.start(now, {}, {}, {}, effects);
        carry(true, effects);
        effects.clear();
        second.start(now, {}, {}, std::vector{config(1).address}, effects);
        carry(false, effects);
        run(base::seconds(3));
        written();
        run(base::seconds(3));
    }

    static Config config(std::uint8_t number) {
        Config config;
        config.id = node(number);
        config.address = {base::IpAddress::v4(0x0a000000U + number), 7700};
        config.facts.name = "host" + std::to_string(number);
        return config;
    }

    void carry(bool from_first, Effects& effects) {
        Agent& peer = from_first ? second : first;
        for (Persist const& persist : effects.persists) {
            if (from_first) {
                asked = persist.sequence;
            } else {
                Effects more;
                second.on_persisted(now, persist.sequence, Disk::written, more);
                carry(false, more);
            }
        }
        for (gossip::Send const& send : effects.sends) {
            Effects more;
            peer.on_message(now, node(from_first ? 1 : 2), config(from_first ? 1 : 2).address,
                            send.channel, send.bytes, more);
            carry(!from_first, more);
        }
    }

    void run(base::Duration duration) {
        base::Instant const end = now + duration;
        for (; now < end; now += milliseconds(10)) {
            for (bool const one : {true, false}) {
                Effects effects;
                (one ? first : second).on_tick(now, effects);
                carry(one, effects);
            }
        }
    }

    void written() {
        Effects effects;
        first.on_persisted(now, asked, Disk::written, effects);
        carry(true, effects);
    }

    [[nodiscard]] bool second_knows(std::string_view service) const {
        return second.map().value(service_entry(service)) != nullptr;
    }
};

}  // namespace

TEST_CASE("nobody hears of a write before it is on the disk") {
    Duo duo;
    Effects effects;
    REQUIRE(duo.first.apply(duo.now, {service("web")}, effects).has_value());
    duo.carry(true, effects);
    // Neither by gossip nor by asking: several digests and pulls pass in this time.
    duo.run(base::seconds(10));
    CHECK_FALSE(duo.second_knows("shop/web"));
    duo.written();
    duo.run(milliseconds(500));
    CHECK(duo.second_knows("shop/web"));
}

TEST_CASE("who asks for what is on its way to the disk waits for it as well") {
    Duo duo;
    Effects effects;
    auto const first = duo.first.apply(duo.now, {service("web")}, effects);
    REQUIRE(first.has_value());
    REQUIRE(first->sequence != 0);
    duo.carry(true, effects);
    effects.clear();
    auto const again = duo.first.apply(duo.now, {service("web")}, effects);
    REQUIRE(again.has_value());
    CHECK(again->changed.empty());
    CHECK(again->sequence >= first->sequence);
    duo.carry(true, effects);
    duo.written();
    effects.clear();
    auto const later = duo.first.apply(duo.now, {service("web")}, effects);
    REQUIRE(later.has_value());
    CHECK(later->sequence == 0);
}

TEST_CASE("a removal waits for the disk as well") {
    Duo duo;
    Effects effects;
    REQUIRE(duo.first.apply(duo.now, {service("web")}, effects).has_value());
    duo.carry(true, effects);
    duo.written();
    duo.run(milliseconds(500));
    REQUIRE(duo.second_knows("shop/web"));
    effects.clear();
    REQUIRE(duo.first.remove(duo.now, "web", effects).has_value());
    duo.carry(true, effects);
    duo.run(base::seconds(10));
    CHECK(duo.second_knows("shop/web"));
    duo.written();
    duo.run(milliseconds(500));
    CHECK_FALSE(duo.second_knows("shop/web"));
}

TEST_CASE("what the others write is passed on while the own disk stands still") {
    Duo duo;
    Effects effects;
    REQUIRE(duo.second.apply(duo.now, {service("web")}, effects).has_value());
    duo.carry(false, effects);
    duo.run(milliseconds(500));
    CHECK(duo.first.map().value(service_entry("shop/web")) != nullptr);
}
