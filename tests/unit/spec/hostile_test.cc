#include <ctime>

#include <catch2/catch.hpp>

#include "tests/unit/spec/folder.h"

// Text that is meant to take long. What is measured is processor time, which a machine under load
// does not change much; quadratic work would miss the bound by far.

namespace {

using reading::Folder;

constexpr std::size_t size = 1'000'000;

// The development build takes twice the time of what ships.
#if __has_feature(address_sanitizer)
constexpr double seconds_max = 2;
#elif defined(NDEBUG)
constexpr double seconds_max = 0.1;
#else
constexpr double seconds_max = 0.2;
#endif

std::string repeat(std::string_view text, std::size_t times) {
    std::string out;
    for (std::size_t at = 0; at < times; ++at) {
        out += text;
    }
    return out;
}

template <class Line>
std::string lines(Line line) {
    std::string out;
    for (std::size_t at = 0; out.size() < size; ++at) {
        out += line(at);
    }
    return out;
}

struct Case {
    std::string name;
    Folder folder;
};

Case one(std::string name, std::string text) {
    text.resize(std::min(text.size(), spec::compose_file_max));
    return {std::move(name), {{{"a.yaml", std::move(text)}}, {}}};
}

std::vector<Case> yaml_cases() {
    std::string const values = repeat("b,", size / 2);
    std::vector<Case> cases;
    cases.push_back(one("brackets", repeat("[", size)));
    cases.push_back(one("braces", repeat("{", size)));
    cases.push_back(one("block lists", repeat("- ", size / 2)));
    cases.push_back(one("complex keys", repeat("? ", size / 2)));
    cases.push_back(one("one list", "a: [" + values + "]"));
    cases.push_back(one("one map", "{" + values + "}"));
    cases.push_back(
        one("many keys", lines([](auto at) { return base::concat('k', at, ": 1\n"); })));
    cases.push_back(one("one key", lines([](auto) { return "k: 1\n"; })));
    cases.push_back(
        one("many anchors", lines([](auto at) { return base::concat("- &a", at, " 1\n"); })));
    cases.push_back(one("many aliases", "- &a 1\n" + lines([](auto) { return "- *a\n"; })));
    cases.push_back(
        one("unknown aliases", lines([](auto at) { return base::concat("- *a", at, '\n'); })));
    cases.push_back(one("merges", "x: &a {" + repeat("k: 1,", 10) + "}\ny:\n" +
                                      lines([](auto) { return "- {<<: *a, <<: *a}\n"; })));
    cases.push_back(one("merge chain", lines([](auto at) {
                            return base::concat("k", at, ": &a", at, " {<<: ",
                                                at == 0 ? "{}" : base::concat("*a", at - 1), ", x",
                                                at, ": 1}\n");
                        })));
    cases.push_back(one("tags", lines([](auto) { return "- !odd 1\n"; })));
    cases.push_back(
        one("directives", lines([](auto at) { return base::concat("%TAG !a", at, "! x\n"); })));
    cases.push_back(one("long plain text", "a: " + std::string(size, 'x')));
    cases.push_back(one("long quoted text", "a: \"" + std::string(size, 'x')));
    cases.push_back(one("spaces", "a: b" + std::string(size, ' ') + "c"));
    cases.push_back(one("documents", repeat("---\n", size / 4)));
    cases.push_back(one("wrong services", "services:\n" + lines([](auto at) {
                                              return base::concat("  s", at, ": {x: 1}\n");
                                          })));
    return cases;
}

std::vector<Case> compose_cases() {
    std::vector<Case> cases;
    cases.push_back(one("many variables", "a: \"" + repeat("$a", size / 2) + "\""));
    cases.push_back(one("distinct variables",
                        "a: \"" + lines([](auto at) { return base::concat("$v", at); }) + "\""));
    std::string pairs = "services:\n  a: {environment: [";
    for (int at = 0; at < 10'000; ++at) {
        pairs += base::concat('k', at, ',');
    }
    pairs += "]}\n";
    for (int at = 0; at < 500; ++at) {
        pairs += base::concat("  s", at, ": {extends: a, environment: [x]}\n");
    }
    cases.push_back(one("pairs again and again", pairs));
    cases.push_back(one("nested defaults", "a: \"" + repeat("${a:-", size / 5) + "\""));
    cases.push_back(one("open braces", "a: \"${a:-" + repeat("{", size) + "\""));
    cases.push_back(one("unset variables", lines([](auto at) {
                            return base::concat("- $v", at, " # so that there are fewer\n");
                        })));
    cases.push_back(
        one("wrong variables", lines([](auto) { return "- ${ # so that there are fewer\n"; })));
    Case large =
        one("large variables", lines([](auto) { return "- $A # so that there are fewer\n"; }));
    large.folder.files[".env"] = base::concat("A=", std::string(60'000, 'x'));
    cases.push_back(large);
    cases.push_back(one("extends in a row", "services:\n" + lines([](auto at) {
                                                return base::concat("  s", at, ": {extends: s",
                                                                    at + 1, "}\n");
                                            })));
    cases.push_back(one("extends of one", "services:\n  a: {k: 1}\n" + lines([](auto at) {
                                              return base::concat("  s", at, ": {extends: a}\n");
                                          })));
    std::string wide = "services:\n  a: {";
    for (int at = 0; at < 20'000; ++at) {
        wide += base::concat('k', at, ": 1,");
    }
    wide += "}\n";
    for (int at = 0; at < 2'000; ++at) {
        wide += base::concat("  s", at, ": {extends: a}\n");
    }
    cases.push_back(one("extends of much", wide));
    Case include = one("one file again and again", lines([](auto) { return "- b.yaml\n"; }));
    include.folder.files["a.yaml"].insert(0, "include:\n");
    include.folder.files["b.yaml"] = "services: {a: {image: x}}";
    cases.push_back(include);
    Case doubling = one("includes that double", "include: [f0.yaml, f0.yaml]");
    for (int at = 0; at < 90; ++at) {
        doubling.folder.files[base::concat('f', at, ".yaml")] =
            base::concat("include: [f", at + 1, ".yaml, f", at + 1, ".yaml]");
    }
    cases.push_back(doubling);
    Case dotenv = one("a long env file", "services: {}");
    dotenv.folder.files[".env"] = lines([](auto at) { return base::concat("A", at, "=$A\n"); });
    cases.push_back(dotenv);
    Case quotes = one("open quotes", "services: {}");
    quotes.folder.files[".env"] = "A=\"" + repeat("\\", size);
    cases.push_back(quotes);
    return cases;
}

}  // namespace

TEST_CASE("hostile text is refused in less than a tenth of a second") {
    std::vector<Case> cases = yaml_cases();
    for (Case& item : compose_cases()) {
        cases.push_back(std::move(item));
    }
    for (Case const& item : cases) {
        double best = seconds_max * 100;
        for (int run = 0; run < 3; ++run) {
            std::clock_t const start = std::clock();
            spec::ComposeFile const file = item.folder.read({"a.yaml"});
            best = std::min(best, static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC);
            INFO(item.name);
            CHECK_FALSE(file.usable());
            CHECK(file.diagnostics.size() <= 1002);
        }
        INFO(item.name << " takes " << best << " s");
        CHECK(best < seconds_max);
    }
}
