#include "agent/state.h"

#include <catch2/catch.hpp>

#include "base/text.h"
#include "tests/unit/agent/support.h"

using namespace agent;
using runtime::Phase;

TEST_CASE("a service is known by its spec, and gone with it") {
    State state;
    spec::ServiceSpec const web = service("web", 3);
    put(state, web);
    REQUIRE(state.services().contains("shop/web"));
    CHECK(state.services().at("shop/web").spec == web);
    CHECK(state.services().at("shop/web").revision == spec::revision(web));
    CHECK(state.replicas("shop/web") == 3);

    put(state, changed(web));
    CHECK(state.services().at("shop/web").revision == spec::revision(changed(web)));

    state.update("service/shop/web", nullptr);
    CHECK(state.services().empty());
    CHECK(state.replicas("shop/web") == 0);
}

TEST_CASE("a scale replaces the spec's replicas, whichever comes first") {
    State state;
    put(state, "scale/shop/web", encode_replicas(7));
    put(state, service("web", 3));
    CHECK(state.scaled("shop/web"));
    CHECK(state.replicas("shop/web") == 7);
    put(state, "scale/shop/web", encode_replicas(0));
    CHECK(state.replicas("shop/web") == 0);
    state.update("scale/shop/web", nullptr);
    CHECK_FALSE(state.scaled("shop/web"));
    CHECK(state.replicas("shop/web") == 3);
}

TEST_CASE("a value that does not decode is as if absent, also where there was one") {
    State state;
    base::Bytes const rubbish = base::to_bytes("rubbish");
    spec::ServiceSpec const web = service("web");
    put(state, web);
    put(state, scale_entry("shop/web"), encode_replicas(2));
    put(state, node(1), record(web, 1, Phase::healthy));
    put(state, facts_entry(node(1)), encode(NodeFacts{}));
    put(state, "subnet/10.128.3.0/24", base::to_bytes(to_string(node(1))));
    for (std::string const& key :
         {std::string("service/shop/web"), std::string("scale/shop/web"), facts_entry(node(1)),
          instance_entry(node(1), "shop/web", 1), std::string("subnet/10.128.3.0/24")}) {
        put(state, key, rubbish);
    }
    CHECK(state.services().empty());
    CHECK_FALSE(state.scaled("shop/web"));
    CHECK(state.nodes().empty());
    CHECK(state.instances().empty());
    CHECK(state.subnets().empty());
}

TEST_CASE("a host is evicted while a wish says so") {
    State state;
    CHECK_FALSE(state.evicted(node(1)));
    put(state, wish_entry(node(1)), encode(NodeWish{.evicted = true}));
    CHECK(state.evicted(node(1)));
    CHECK_FALSE(state.evicted(node(2)));
    put(state, wish_entry(node(1)), encode(NodeWish{}));
    CHECK_FALSE(state.evicted(node(1)));
    put(state, wish_entry(node(1)), encode(NodeWish{.evicted = true}));
    put(state, wish_entry(node(1)), base::to_bytes("rubbish"));
    CHECK(state.wishes().empty());
}

TEST_CASE("a record under another's key is ignored") {
    State state;
    spec::ServiceSpec const web = service("web");
    put(state, "service/shop/api", spec::encode(web));
    CHECK(state.services().empty());
    InstanceRecord const first = record(web, 1, Phase::healthy);
    put(state, instance_entry(node(1), "shop/web", 2), encode(first));
    put(state, instance_entry(node(1), "shop/api", 1), encode(first));
    CHECK(state.instances().empty());
}

TEST_CASE("a key in another spelling than its writer's is no key") {
    State state;
    InstanceRecord const held = record(service("web"), 1, Phase::healthy);
    std::string const id = to_string(node(1));
    for (std::string const& key :
         {base::concat("instance/", id, "/shop/web/01"), base::concat("instance/", id, "x/web/1"),
          base::concat("instance/", id, "xshop/web/1"), base::concat("instance/", id, "/1"),
          base::concat("instance/", id), std::string("instance/"), std::string("instance/1/2"),
          base::concat("instance/", id, "/shop/web/"),
          base::concat("instance/", id, "/shop/web")}) {
        INFO(key);
        put(state, key, encode(held));
        CHECK(state.instances().empty());
    }
    for (std::string const& key :
         {std::string("subnet/10.128.3.0/024"), std::string("subnet/10.128.3.1/24"),
          std::string("subnet/"), std::string("subnet/x")}) {
        INFO(key);
        put(state, key, base::to_bytes(id));
        CHECK(state.subnets().empty());
    }
    put(state, base::concat("node/", id, "/other"), encode(NodeFacts{}));
    put(state, "node/x/facts", encode(NodeFacts{}));
    CHECK(state.nodes().empty());
    put(state, "vip/fd00::1", base::to_bytes("shop/web"));
    put(state, "vip/10.143.0", base::to_bytes("shop/web"));
    put(state, "elsewhere/x", base::to_bytes("shop/web"));
    CHECK(state.vips().empty());
}

TEST_CASE("instances are kept per host, and a host without any is not listed") {
    State state;
    spec::ServiceSpec const web = service("web");
    put(state, node(1), record(web, 1, Phase::healthy));
    put(state, node(2), record(web, 1, Phase::starting));
    put(state, node(2), record(web, 2, Phase::running));
    CHECK(state.instances().at(node(1)).size() == 1);
    CHECK(state.instances().at(node(2)).size() == 2);
    CHECK(state.instances().at(node(2)).at({"shop/web", 1}).phase == Phase::starting);
    state.update(instance_entry(node(1), "shop/web", 1), nullptr);
    CHECK_FALSE(state.instances().contains(node(1)));
    state.update(instance_entry(node(1), "shop/web", 1), nullptr);
}

TEST_CASE("a virtual IP belongs to whom its entry names last") {
    State state;
    put(state, "vip/10.143.0.9", base::to_bytes("shop/web"));
    put(state, "vip/10.143.0.4", base::to_bytes("shop/web"));
    CHECK(state.vip("shop/web") == base::IpAddress::v4(0x0a8f0004));
    put(state, "vip/10.143.0.4", base::to_bytes("shop/api"));
    CHECK(state.vip("shop/web") == base::IpAddress::v4(0x0a8f0009));
    CHECK(state.vip("shop/api") == base::IpAddress::v4(0x0a8f0004));
    state.update("vip/10.143.0.9", nullptr);
    CHECK_FALSE(state.vip("shop/web"));
    state.update("vip/10.143.0.4", nullptr);
    CHECK(state.vips().empty());
}
