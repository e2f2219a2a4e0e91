#include "agent/troubles.h"

#include <algorithm>

#include <catch2/catch.hpp>

#include "tests/unit/agent/fleet.h"

using namespace agent;
using base::seconds;
using Kind = gossip::Trouble::Kind;

namespace {

Members members_of(std::uint8_t size) {
    Members members;
    for (std::uint8_t number = 1; number <= size; ++number) {
        gossip::Member& member = members[node(number)];
        member.id = node(number);
        member.name = "host" + std::to_string(number);
        member.address = Fleet::config_of(number).address;
    }
    return members;
}

}  // namespace

TEST_CASE("a trouble is shown with what to do until it has not been reported for a while") {
    Members const members = members_of(3);
    Troubles troubles;
    base::Instant now{seconds(1000)};
    std::string const said =
        troubles.note(now, {Kind::streams_only, node(2), Fleet::config_of(2).address}, members);
    CHECK(said ==
          "host host2 (02020202) answers at 10.0.0.2:7700 by TCP but not by UDP: let UDP through "
          "the firewalls between the two hosts");
    CHECK(troubles.lines(now) == std::vector{said});
    now += seconds(299);
    [[maybe_unused]] auto const& again =
        troubles.note(now, {Kind::streams_only, node(2), {}}, members);
    CHECK(troubles.lines(now).size() == 1);
    CHECK(troubles.lines(now + seconds(299)).size() == 1);
    CHECK(troubles.lines(now + seconds(300)).empty());
}

TEST_CASE("every trouble has words, and as many are kept as there is room for") {
    Members const members = members_of(3);
    Troubles troubles;
    base::Instant now{seconds(1000)};
    for (Kind const kind : {Kind::identity_in_use, Kind::bad_signature, Kind::too_fast,
                            Kind::streams_only, Kind::datagrams_only, Kind::relayed_only}) {
        CHECK_THAT(troubles.note(now, {kind, node(9), {}}, members), Catch::Contains(":"));
        now += base::milliseconds(1);
    }
    for (std::size_t more = 0; more < Troubles::troubles_max; ++more) {
        base::NodeId id = node(77);
        id.bytes[0] = static_cast<std::uint8_t>(more);
        [[maybe_unused]] auto const& said = troubles.note(now, {Kind::too_fast, id, {}}, members);
    }
    CHECK(troubles.lines(now).size() == Troubles::troubles_max);
    CHECK(std::ranges::none_of(troubles.lines(now), [](std::string const& line) {
        return line.starts_with("another host");
    }));
}

TEST_CASE("live members that share a name or an address clash") {
    Members members = members_of(4);
    CHECK(clashes(members).empty());
    members[node(2)].name = "host1";
    members[node(4)].address = members[node(3)].address;
    CHECK(clashes(members) ==
          std::vector<std::string>{
              "host host1 (01010101) and host host1 (02020202) are both called host1: start one "
              "with another --name",
              "host host3 (03030303) and host host4 (04040404) both say that they are at "
              "10.0.0.3:7700: give each its own with --advertise or --port"});
    members[node(2)].state = gossip::State::down;
    members[node(4)].state = gossip::State::left;
    CHECK(clashes(members).empty());
}

TEST_CASE("a clash of names shows in the status, and once in the log") {
    Fleet fleet(2);
    fleet.kill(2);
    fleet.configure(2, [](Config& config) { config.facts.name = "host1"; });
    fleet.start(2);
    fleet.run(seconds(5));
    auto const about = [](std::string const& text) {
        return text.find("both called host1") != std::string::npos;
    };
    CHECK(std::ranges::count_if(fleet.status(1).problems, about) == 1);
    CHECK(std::ranges::count_if(fleet.notices(1), about, &Notice::text) == 1);
}
