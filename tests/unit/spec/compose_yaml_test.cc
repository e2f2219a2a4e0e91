#include <catch2/catch.hpp>

#include "spec/compose.h"
#include "tests/unit/spec/reading.h"

// YAML itself: anchors and merges, text that is none, and text that is meant to do harm.

namespace {

using Words = std::vector<std::string>;

std::string repeat(std::string_view text, int times) {
    std::string out;
    for (int at = 0; at < times; ++at) {
        out += text;
    }
    return out;
}

}  // namespace

TEST_CASE("aliases and merge keys") {
    spec::ComposeFile const file = reading::read(R"(
x-one: &one {image: one, user: a, labels: &labels {l: "1"}}
x-two: &two {image: two, working_dir: /two}
services:
  a: *one
  b: {<<: *one, user: b}
  c: {user: c, <<: [*two, *one]}
  d:
    image: d
    labels: *labels
)");
    CHECK(reading::told(file) == Words{});
    REQUIRE(file.services.size() == 4);
    CHECK(file.services[0].image == "one");
    CHECK(file.services[0].user == "a");
    CHECK(file.services[1].image == "one");
    CHECK(file.services[1].user == "b");
    CHECK(file.services[2].image == "two");
    CHECK(file.services[2].user == "c");
    CHECK(file.services[2].working_dir == "/two");
    CHECK(file.services[2].labels.at("l") == "1");
    CHECK(file.services[3].labels.at("l") == "1");
}

TEST_CASE("a warning about a merged key names the way to it and the line it stands in") {
    CHECK(reading::told(reading::read(R"(x-all: &all
  runtime: other
services:
  a: {<<: *all, image: x}
  b: {<<: *all, image: x}
)")) == Words{"shop.yaml:2:3: services.a.runtime: not yet: the runtime that agent doctor shows is "
              "used",
              "shop.yaml:2:3: services.b.runtime: not yet: the runtime that agent doctor shows is "
              "used"});
}

TEST_CASE("a quoted merge key is a key like others") {
    CHECK(reading::told(reading::read(reading::web("\"<<\": 1"))) ==
          Words{"shop.yaml:4:5: services.web.<<: unknown key, ignored"});
}

TEST_CASE("text that is no YAML") {
    struct Case {
        std::string text;
        std::string told;
    };

    Case const cases[] = {
        {"services:\n  web: {image: x\n",
         "3:1: not valid YAML: did not find expected ',' or '}' while parsing a flow mapping, "
         "begun "
         "in line 2"},
        {"services:\n  web:\n    image: x\n   ports: []\n",
         "4:4: not valid YAML: did not find expected key while parsing a block mapping, begun in "
         "line 2"},
        {"services:\n\tweb:\n\t\timage: x\n",
         "2:1: not valid YAML: found character that cannot start any token; indent with spaces, "
         "not "
         "tabs"},
        {"services: *nope\n", "1:11: expected an anchor that stands above, found *nope"},
        {"services:\n  web:\n    image: \"ngin",
         "3:17: not valid YAML: expected a closing quote, found the end of the file"},
        {"services:\n  web:\n    image: 'ngin\n",
         "4:1: not valid YAML: expected a closing quote, found the end of the file, begun in line "
         "3"},
        {"services: {}\n---\nservices: {}\n",
         "2:1: expected one YAML document, found a second one; put it into a file of its own"},
        {"a: &a [*a]\n", "1:8: an alias that contains itself"},
        {"a: &a\n  <<: *a\n", "2:7: an alias that contains itself"},
        {"a: {<<: 5}\nservices: {}\n", "1:9: a.<<: expected a map, or a list of maps, to merge"},
        {"a: {<<: [5]}\nservices: {}\n", "1:10: a.<<: expected a map to merge"},
        {"? [a]\n: b\n", "1:3: expected a key, found a list or a map"},
        {": b\n", "1:1: not valid YAML: did not find expected key"},
        {"~: b\n", "1:1: expected a key of at most 256 bytes, found none"},
        {std::string(257, 'k') + ": b\n", "1:1: expected a key of at most 256 bytes"},
        {"a: \xe9\n", "1:4: expected UTF-8 text, found another encoding"},
        {"a: \xed\xa0\x80\n", "1:4: expected UTF-8 text, found another encoding"},
        {"a: \xc0\x80\n", "1:4: expected UTF-8 text, found another encoding"},
        {"\xff\xfe\x61", "1:1: expected UTF-8 text, found another encoding"},
        {std::string("a:\n b: \0\n", 9), "2:5: expected text, found a control character"},
        {"a: \x1b[0m\n", "1:4: expected text, found a control character"},
    };
    for (Case const& item : cases) {
        spec::ComposeFile const file = reading::read(item.text);
        INFO(item.text);
        REQUIRE(!file.diagnostics.empty());
        bool found = false;
        for (std::string const& line : reading::told(file)) {
            found = found || line == "shop.yaml:" + item.told;
        }
        INFO(reading::told(file).front());
        CHECK(found);
        CHECK_FALSE(file.usable());
    }
}

TEST_CASE("a file cut off inside a quoted text is refused") {
    for (std::string_view const line : {"working_dir: '/a''b c'", "working_dir: \"/a\\\"b c\""}) {
        std::string const text = reading::web(line);
        REQUIRE(reading::read(text).usable());
        for (std::size_t at = text.find_first_of("'\"") + 1; at < text.size() - 2; ++at) {
            std::string const cut = text.substr(0, at);
            INFO(cut);
            // "'/a'" is whole by chance.
            CHECK(reading::read(cut).usable() == cut.ends_with("'/a'"));
        }
    }
}

TEST_CASE("a byte order mark, CRLF and an explicit document are read") {
    CHECK(reading::read("\xef\xbb\xbfservices: {a: {image: x}}").services.size() == 1);
    CHECK(reading::read("services:\r\n  a:\r\n    image: x\r\n").services[0].image == "x");
    CHECK(reading::read("%YAML 1.2\n---\nservices: {a: {image: x}}\n...\n").services.size() == 1);
    CHECK(reading::read("services: {a: {image: \"x\"}}").services.size() == 1);
}

TEST_CASE("a billion laughs are counted, not laughed") {
    std::string text = "x-a: &a [x,x,x,x,x,x,x,x,x,x]\n";
    for (char name = 'b'; name <= 'z'; ++name) {
        char const before = static_cast<char>(name - 1);
        text += base::concat("x-", name, ": &", name, " [",
                             repeat(base::concat("*", before, ","), 10), "]\n");
    }
    CHECK(reading::told(reading::read(text)) ==
          Words{"shop.yaml:5:31: expected at most 100000 values with all aliases written out, "
                "found more"});

    std::string merges = base::concat("x-a: &a {");
    for (int at = 0; at < 1000; ++at) {
        merges += base::concat('k', at, ": 1,");
    }
    merges += "}\nx-b:\n" + repeat("- <<: *a\n", 1000);
    CHECK(reading::told(reading::read(merges))[0].ends_with("written out, found more"));
}

TEST_CASE("text nested without end is refused where it becomes too deep") {
    struct Case {
        std::string text;
        char const* told;
    };

    Case const cases[] = {
        {"a: " + repeat("[", 1'000'000), "1:4100: nested too deep"},
        {"a: " + repeat("{", 1'000'000), "1:4100: nested too deep"},
        {"a: " + repeat("[", 100) + repeat("]", 100), "1:67: nested too deep: more than 64 levels"},
        {repeat("- ", 500'000), "1:129: nested too deep: more than 64 levels"},
        {repeat("? ", 500'000), "1:3: expected a key, found a list or a map"},
        {repeat("- ? ", 250'000), nullptr},
        {repeat("a: ", 300'000), nullptr},
        {repeat("!a ", 300'000), nullptr},
        {repeat("*a ", 300'000), nullptr},
        {repeat("%TAG ! x\n", 100'000), nullptr},
        {"a: [" + repeat("[],", 300'000) + "]", nullptr},
    };
    for (Case const& item : cases) {
        Words const told = reading::told(reading::read(item.text));
        INFO(item.text.substr(0, 20));
        REQUIRE(told.size() >= 1);
        if (item.told != nullptr) {
            CHECK(told == Words{base::concat("shop.yaml:", item.told)});
        }
    }
}

TEST_CASE("a long file and a file with too many problems are refused") {
    CHECK(reading::told(reading::read(std::string(spec::compose_file_max + 1, ' '))) ==
          Words{"shop.yaml: expected at most 1048576 bytes, found 1048577"});

    std::string twice = "services: {}\n" + repeat("services: {}\n", 2000);
    spec::ComposeFile const duplicates = reading::read(twice);
    CHECK(duplicates.diagnostics.size() == 1001);
    CHECK_FALSE(duplicates.usable());

    std::string unknown = "services:\n";
    for (int at = 0; at < 999; ++at) {
        unknown += base::concat("  s", at, ": {image: x, runtime: a, pull_policy: always}\n");
    }
    spec::ComposeFile const warnings = reading::read(unknown);
    CHECK(warnings.diagnostics.size() == 1001);
    CHECK_FALSE(warnings.usable());
    CHECK(reading::told(warnings)[0] == "shop.yaml: too many problems; the rest is not shown");
}

TEST_CASE("what a file says cannot forge a line of a message") {
    Words const told = reading::told(
        reading::read("services: {web: {image: x, \"a\\nb\\e\": 1, scale: \"x\\ny\"}}"));
    REQUIRE(told.size() == 2);
    CHECK(told[0] == "shop.yaml:1:28: services.web.a?b?: unknown key, ignored");
    CHECK(told[1].ends_with("found \"x?y\""));
    std::string const text = repeat("\xc3\xa9", 40);
    CHECK(reading::told(reading::read("services: {web: {image: x, scale: " + text + "}}"))[0]
              .ends_with(base::concat("found \"", repeat("\xc3\xa9", 30), "...\"")));
}
