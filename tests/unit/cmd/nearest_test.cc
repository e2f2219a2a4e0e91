#include "cmd/nearest.h"

#include <string>
#include <vector>

#include <catch2/catch.hpp>

TEST_CASE("A mistyped word is matched to the nearest candidate, a strange one to none") {
    std::vector<std::string> const names{"status", "services", "scale", "ps", "join", "rm"};
    CHECK(cmd::nearest("stauts", names) == "status");
    CHECK(cmd::nearest("service", names) == "services");
    CHECK(cmd::nearest("p", names) == "ps");
    CHECK(cmd::nearest("jion", names) == "join");
    CHECK(cmd::nearest("explode", names).empty());
    CHECK(cmd::nearest(std::string(10'000, 's'), names).empty());
    CHECK(cmd::nearest("x", {}).empty());
}
