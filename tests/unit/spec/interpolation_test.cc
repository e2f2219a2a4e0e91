#include "spec/compose/interpolation.h"

#include <map>

#include <catch2/catch.hpp>

#include "base/text.h"

// References to variables (Compose Specification, 12-interpolation).

namespace {

using Words = std::vector<std::string>;

std::map<std::string, std::string, std::less<>> const variables{{"A", "a"},
                                                                {"EMPTY", ""},
                                                                {"_x1", "under"},
                                                                {"DOLLAR", "$A"},
                                                                {"LONG", std::string(40'000, 'x')}};

std::expected<spec::Substitution, std::string> read(std::string_view text) {
    return spec::substitute(text, [](std::string_view name) -> std::string const* {
        auto const found = variables.find(name);
        return found == variables.end() ? nullptr : &found->second;
    });
}

}  // namespace

TEST_CASE("references are replaced") {
    struct Case {
        char const* text;
        char const* expected;
    };

    Case const cases[] = {
        {"", ""},
        {"plain {} text", "plain {} text"},
        {"$A", "a"},
        {"-$A-${A}-", "-a-a-"},
        {"${_x1}$_x1.", "underunder."},
        {"$A$A", "aa"},
        {"${EMPTY}", ""},
        {"$$A $$$A $$", "$A $a $"},
        {"5$ $5 $- $", "5$ $5 $- $"},
        {"$DOLLAR", "$A"},
        {"${A:-b}", "a"},
        {"${EMPTY:-b}", "b"},
        {"${NONE:-b}", "b"},
        {"${A-b}", "a"},
        {"${EMPTY-b}", ""},
        {"${NONE-b}", "b"},
        {"${NONE:-}", ""},
        {"${NONE-:?}", ":?"},
        {"${A:+b}", "b"},
        {"${EMPTY:+b}", ""},
        {"${NONE:+b}", ""},
        {"${A+b}", "b"},
        {"${EMPTY+b}", "b"},
        {"${NONE+b}", ""},
        {"${A:?e}", "a"},
        {"${A?e}", "a"},
        {"${EMPTY?e}", ""},
        {"${NONE:-${A}}", "a"},
        {"${NONE:-${OTHER:-${A}b}c}d", "abcd"},
        {"${NONE-$$A}", "$A"},
        {"${A+${A:+${A}}}", "a"},
        {"${NONE:-{\"k\": {}}}", "{\"k\": {}}"},
        {"${NONE:-two\nlines}", "two\nlines"},
        {"${A:-${NONE:?not needed}}", "a"},
        {"${NONE+${NONE:?not needed}}", ""},
    };
    for (Case const& item : cases) {
        INFO(item.text);
        auto const substituted = read(item.text);
        REQUIRE(substituted);
        CHECK(substituted->text == item.expected);
        CHECK(substituted->unset == Words{});
    }
}

TEST_CASE("what is not set and has no default is empty, and named once") {
    auto const substituted = read("$NONE${NONE}[${OTHER}]${NONE:-$THIRD}${A:-$UNUSED}");
    REQUIRE(substituted);
    CHECK(substituted->text == "[]a");
    CHECK(substituted->unset == Words{"NONE", "OTHER", "THIRD"});
}

TEST_CASE("what is no reference is refused with what to do") {
    std::string const form = "expected $NAME, ${NAME} or ${NAME:-default} in ";
    std::string const dollars = "; write $$ for a plain $";

    struct Case {
        std::string text;
        std::string told;
    };

    Case const cases[] = {
        {"${}", form + "\"${}\"" + dollars},
        {"${5}", form + "\"${5}\"" + dollars},
        {"${A }", form + "\"${A }\"" + dollars},
        {"${A:b}", form + "\"${A:b}\"" + dollars},
        {"${A", form + "\"${A\"" + dollars},
        {"${", form + "\"${\"" + dollars},
        {"${A:-b", "expected a closing brace for ${ in \"${A:-b\"" + dollars},
        {"${A:-{b}", "expected a closing brace for ${ in \"${A:-{b}\"" + dollars},
        {"${A:-${B}", "expected a closing brace for ${ in \"${A:-${B}\"" + dollars},
        {"${NONE:?}", "the variable NONE must be set; set it in .env beside the file"},
        {"${NONE?}", "the variable NONE must be set; set it in .env beside the file"},
        {"${EMPTY:?say $A}",
         "the variable EMPTY must be set: say a; set it in .env beside the file"},
    };
    for (Case const& item : cases) {
        INFO(item.text);
        auto const substituted = read(item.text);
        REQUIRE_FALSE(substituted);
        CHECK(substituted.error() == item.told);
    }
}

TEST_CASE("a text grows no further than its bound, and nests no deeper") {
    CHECK(read("$LONG"));
    CHECK(read("$LONG$LONG").error().starts_with("expected at most 65536 bytes after"));
    std::string nested;
    for (std::size_t at = 0; at < spec::substitution_depth_max; ++at) {
        nested += "${NONE:-";
    }
    std::string const closing(spec::substitution_depth_max, '}');
    CHECK(read(nested + "b" + closing)->text == "b");
    CHECK(read("${NONE:-" + nested + "b" + closing + "}").error() ==
          "expected at most 32 references within each other, found more");
}
