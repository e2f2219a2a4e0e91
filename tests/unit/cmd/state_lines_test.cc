#include "cmd/state_lines.h"

#include <catch2/catch.hpp>

#include "agent/records.h"
#include "base/text.h"
#include "spec/spec.h"
#include "tests/unit/crdt/replicas.h"

namespace {

crdt::Loaded sample() {
    crdt::Entry replaced = crdt::first_write("scale/shop/web", "x", 1, 7);
    replaced.value = agent::encode_replicas(5);
    replaced.stamp.counter = 3;
    replaced.replaced = {.counter = 2, .writer = crdt::node(2)};
    crdt::Entry dead = crdt::first_write("service/shop/db", "", 2, 1);
    dead.value.reset();
    crdt::VersionVector version;
    version.raise(crdt::node(1), 7);
    version.raise(crdt::node(2), 1);
    return {.entries = {dead, replaced, crdt::first_write("\xff", "", 1, 1)},
            .version = version,
            .locals = {{"roster", {std::byte{0}, std::byte{255}}}}};
}

std::string const golden =
    R"({"covey_state":1,"entries":3,"origins":2,"locals":1})"
    "\n"
    R"({"origin":"00000000000000000000000000000001","sequence":7})"
    "\n"
    R"({"origin":"00000000000000000000000000000002","sequence":1})"
    "\n"
    R"({"local":"roster","value":"AP8="})"
    "\n"
    R"({"key":"scale/shop/web","counter":3,"writer":"00000000000000000000000000000001",)"
    R"("replaced_writer":"00000000000000000000000000000002","sequence":7,)"
    R"("value":"AQAAAAU=","reads":"5 replicas"})"
    "\n"
    R"({"key":"service/shop/db","counter":1,"writer":"00000000000000000000000000000002",)"
    R"("sequence":1,"value":null,"reads":"removed"})"
    "\n"
    R"({"key_base64":"/w==","counter":1,"writer":"00000000000000000000000000000001",)"
    R"("sequence":1,"value":""})"
    "\n";

std::string error_of(std::string const& text) {
    auto const read = cmd::from_lines(text);
    return read ? "none" : read.error().message;
}

std::string with(std::string text, std::string const& old, std::string const& fresh) {
    std::size_t const at = text.find(old);
    REQUIRE(at != std::string::npos);
    return text.replace(at, old.size(), fresh);
}

}  // namespace

TEST_CASE("A state is written as lines that stay the same") {
    CHECK(cmd::to_lines(sample()) == golden);
}

TEST_CASE("What was exported is read back") {
    auto const read = cmd::from_lines(golden);
    REQUIRE(read);
    crdt::Loaded state{read->entries, read->version, {}};
    for (auto const& [name, value] : read->locals) {
        state.locals[name] = value.value();
    }
    CHECK(cmd::to_lines(state) == golden);
    CHECK(read->version == sample().version);
    CHECK(read->entries.size() == 3);
    CHECK(cmd::from_lines(cmd::to_lines({})).has_value());
}

TEST_CASE("What is no exported state is refused by its line") {
    CHECK_THAT(error_of(""), Catch::Contains("ends early"));
    CHECK_THAT(error_of("hello\n"), Catch::Contains("line 1 is no JSON object"));
    CHECK_THAT(error_of("{}\n"), Catch::Contains("line 1 does not begin"));
    CHECK_THAT(error_of(with(golden, "\"covey_state\":1", "\"covey_state\":2")),
               Catch::Contains("says version 2"));
    CHECK_THAT(error_of(with(golden, "\"AP8=\"", "\"A\"")), Catch::Contains("line 4 is not"));
    CHECK_THAT(error_of(with(golden, "\"counter\":3", "\"counter\":0")),
               Catch::Contains("line 5 is not"));
    CHECK_THAT(error_of(with(golden, "\"counter\":3", "\"counter\":-3")),
               Catch::Contains("line 5 is not"));
    CHECK_THAT(error_of(with(golden, "\"sequence\":7,", "")), Catch::Contains("line 5 is not"));
    CHECK_THAT(error_of(with(golden, "\"key\":\"service/shop/db\",", "")),
               Catch::Contains("line 6 is not"));
}

TEST_CASE("An export that was cut off anywhere is refused") {
    for (std::size_t size = 0; size + 1 < golden.size(); ++size) {
        INFO(size);
        CHECK_FALSE(cmd::from_lines(golden.substr(0, size)));
    }
}

TEST_CASE("Values that are known are shown for people") {
    spec::ServiceSpec service;
    service.project = "shop";
    service.name = "web";
    service.image = "nginx:1";
    CHECK(cmd::reading_of("service/shop/web", spec::encode(service)) ==
          base::concat("nginx:1, 1 replicas, revision ", spec::revision(service)));
    CHECK(cmd::reading_of("service/shop/web", base::to_bytes("x")).empty());
    CHECK(cmd::reading_of("node/x/wish", agent::encode(agent::NodeWish{.evicted = true})) ==
          "evicted");
    CHECK(cmd::reading_of("vip/10.0.0.1", base::to_bytes("shop/web")) == "claimed by shop/web");
    CHECK(cmd::reading_of("else", base::to_bytes("x")).empty());
}
