#include "runtime/image/reference.h"

#include <catch2/catch.hpp>

TEST_CASE("image references have one full form") {
    struct Case {
        char const* text;
        char const* expected;
    };

    std::string const digest = "sha256:" + std::string(64, 'a');
    for (Case const& c :
         {Case{"busybox", "docker.io/library/busybox:latest"},
          Case{"busybox:1.35", "docker.io/library/busybox:1.35"},
          Case{"grafana/loki", "docker.io/grafana/loki:latest"},
          Case{"docker.io/library/busybox:latest", "docker.io/library/busybox:latest"},
          Case{"localhost/app", "localhost/app:latest"},
          Case{"localhost:5000/app:V1", "localhost:5000/app:V1"},
          Case{"ghcr.io/a/b", "ghcr.io/a/b:latest"}}) {
        INFO(c.text);
        REQUIRE(runtime::normalized_reference(c.text));
        CHECK(*runtime::normalized_reference(c.text) == c.expected);
    }
    CHECK(*runtime::normalized_reference(digest) == digest);
    CHECK(*runtime::normalized_reference("a:1@" + digest) == "docker.io/library/a@" + digest);
}

TEST_CASE("what is no image reference is refused") {
    for (std::string const text : {"", "/a", "a/", "a//b", "Upper", "a b", "a:", "a@sha256:12",
                                   "a/../b", ":tag", "a:t/x y"}) {
        INFO(text);
        CHECK_FALSE(runtime::normalized_reference(text));
    }
    CHECK_FALSE(runtime::normalized_reference(std::string(600, 'a')));
}
