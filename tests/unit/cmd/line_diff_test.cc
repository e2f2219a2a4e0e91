#include "cmd/line_diff.h"

#include <catch2/catch.hpp>

TEST_CASE("lines that differ, and three around them") {
    CHECK(cmd::line_diff("a\nb\n", "a\nb\n").empty());
    CHECK(cmd::line_diff("", "a\n") == "+ a\n");
    CHECK(cmd::line_diff("a\nb\nc\nd\ne\nf\ng\nh\ni\n", "a\nb\nc\nd\nE\nf\ng\nh\ni\n") ==
          "  b\n  c\n  d\n- e\n+ E\n  f\n  g\n  h\n");
    CHECK(cmd::line_diff("a\nx\nb\ny\nc\n", "a\nb\nz\nc\n") == "  a\n- x\n  b\n- y\n+ z\n  c\n");
}

TEST_CASE("texts too large to compare line by line are shown whole") {
    std::string before;
    std::string after;
    for (int line = 0; line < 2000; ++line) {
        before += "a\n";
        after += "b\n";
    }
    std::string const diff = cmd::line_diff(before, after);
    CHECK(diff.size() == 4 * 4000);
    CHECK(diff.starts_with("- a\n"));
    CHECK(diff.ends_with("+ b\n"));
}
