#include "net/service_inputs.h"

#include <catch2/catch.hpp>

using net::ServiceInputs;
using Names = std::vector<std::string>;

namespace {
net::FileStamp stamp(std::uint64_t inode) {
    return {.inode = inode, .size = 1};
}
}  // namespace

TEST_CASE("who reads a file is known until it is made from others") {
    ServiceInputs inputs;
    inputs.note("/d/.env", stamp(1));
    inputs.note("/d/sub/a.yaml", stamp(2));
    inputs.set("a.yml", {"/d/.env", "/d/sub/a.yaml"});
    inputs.note("/d/.env", stamp(1));
    inputs.set("b.yml", {"/d/.env"});
    CHECK(inputs.readers("/d/.env") == Names{"a.yml", "b.yml"});
    CHECK(inputs.readers("/d/sub/a.yaml") == Names{"a.yml"});
    CHECK(inputs.readers("/d") == Names{});
    CHECK(inputs.folders() == std::set<std::string>{"/d", "/d/sub"});
    inputs.set("a.yml", {});
    CHECK(inputs.readers("/d/.env") == Names{"b.yml"});
    CHECK(inputs.folders() == std::set<std::string>{"/d"});
    inputs.forget("b.yml");
    inputs.forget("none");
    CHECK(inputs.folders().empty());
}

TEST_CASE("a file is outdated when an input is no longer what it was") {
    ServiceInputs inputs;
    inputs.note("/a", stamp(1));
    inputs.set("a.yml", {"/a", "/none"});
    inputs.note("/a", stamp(1));
    inputs.set("b.yml", {"/a"});
    std::map<std::string, net::FileStamp> now{{"/a", stamp(1)}};
    auto const stamp_now = [&](std::string const& path) { return now[path]; };
    CHECK(inputs.outdated(stamp_now) == Names{});
    CHECK_FALSE(inputs.is_outdated("a.yml", "/none", {}));
    now["/none"] = stamp(3);
    CHECK(inputs.outdated(stamp_now) == Names{"a.yml"});
    CHECK(inputs.is_outdated("a.yml", "/none", stamp(3)));
    now["/a"] = stamp(2);
    CHECK(inputs.outdated(stamp_now) == Names{"a.yml", "b.yml"});
}

TEST_CASE("folders to watch are bounded") {
    ServiceInputs inputs;
    Names paths;
    for (std::size_t at = 0; at < ServiceInputs::folders_max + 5; ++at) {
        paths.push_back("/" + std::to_string(at) + "/a");
    }
    inputs.set("a.yml", paths);
    CHECK(inputs.folders().size() == ServiceInputs::folders_max);
}
