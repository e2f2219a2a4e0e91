#include "agent/preview.h"

#include <catch2/catch.hpp>

#include "base/text.h"
#include "tests/unit/agent/support.h"

namespace {

using namespace agent;

std::vector<std::string> lines(std::vector<ChangeReport> const& changes) {
    static constexpr std::string_view verbs[] = {"start", "stop", "move", "replace", "wait"};
    std::vector<std::string> out;
    for (ChangeReport const& change : changes) {
        out.push_back(base::concat(verbs[static_cast<std::size_t>(change.kind)], ' ',
                                   change.service, '/', change.slot));
    }
    return out;
}

using Lines = std::vector<std::string>;

// A fleet of three hosts with shop/web on each of them.
struct Fleet {
    State state;
    Roster roster;
    spec::ServiceSpec web = service("web", 3);

    Fleet() {
        for (std::uint8_t number = 1; number <= 3; ++number) {
            join(state, roster, node(number));
        }
        put(state, web);
        for (std::uint8_t number = 1; number <= 3; ++number) {
            put(state, node(number), record(web, number, runtime::Phase::healthy));
        }
    }

    [[nodiscard]] Lines told(spec::ServiceSpec const& spec) const {
        return lines(preview(state, roster, {&spec, 1}));
    }
};

}  // namespace

TEST_CASE("what a change would do") {
    Fleet fleet;
    CHECK(fleet.told(fleet.web).empty());
    spec::ServiceSpec fewer = fleet.web;
    fewer.replicas = 1;
    CHECK(fleet.told(fewer) == Lines{"stop shop/web/2", "stop shop/web/3"});
    spec::ServiceSpec more = fleet.web;
    more.replicas = 4;
    CHECK(fleet.told(more) == Lines{"start shop/web/4"});
    CHECK(fleet.told(changed(fleet.web)) ==
          Lines{"replace shop/web/1", "replace shop/web/2", "replace shop/web/3"});
    CHECK(fleet.told(service("api", 2)) == Lines{"start shop/api/1", "start shop/api/2"});
    spec::ServiceSpec away = fleet.web;
    away.constraints = {{"node.labels.disk", true, "ssd"}};
    CHECK(fleet.told(away) == Lines{"stop shop/web/1", "wait shop/web/1", "stop shop/web/2",
                                    "wait shop/web/2", "stop shop/web/3", "wait shop/web/3"});
}

TEST_CASE("a slot that a change makes move names both hosts") {
    Fleet fleet;
    spec::ServiceSpec away = fleet.web;
    away.replicas = 1;
    Fleet one;
    one.state.update("service/shop/web", nullptr);
    put(one.state, away);
    away.constraints = {{"node.hostname", false, one.state.nodes().at(node(1)).name}};
    std::vector<ChangeReport> const changes = preview(one.state, one.roster, {&away, 1});
    REQUIRE(lines(changes) == Lines{"move shop/web/1"});
    CHECK(changes[0].from == one.state.nodes().at(node(1)).name);
    CHECK(changes[0].node != changes[0].from);
    CHECK(changes[0].revision == spec::revision(away));
}

TEST_CASE("a preview changes nothing") {
    Fleet fleet;
    static_cast<void>(fleet.told(changed(fleet.web)));
    CHECK(fleet.state.services().at("shop/web").spec == fleet.web);
}
