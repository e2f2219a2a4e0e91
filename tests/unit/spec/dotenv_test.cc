#include "spec/compose/dotenv.h"

#include <catch2/catch.hpp>

#include "base/text.h"

// Env files, by the rules of Compose's own reader.

namespace {

spec::Variables const outer_variables{{"OUTER", "out"}, {"BOTH", "outer"}};

std::string const* outer(std::string_view name) {
    auto const found = outer_variables.find(name);
    return found == outer_variables.end() ? nullptr : &found->second;
}

spec::Variables read(std::string_view text, spec::EnvFormat format = spec::EnvFormat::dotenv) {
    spec::Variables variables;
    auto const problem = spec::read_dotenv(text, format, outer, variables);
    INFO((problem ? problem->message : ""));
    REQUIRE_FALSE(problem);
    return variables;
}

std::string problem(std::string_view text, spec::EnvFormat format = spec::EnvFormat::dotenv) {
    spec::Variables variables;
    auto const found = spec::read_dotenv(text, format, outer, variables);
    REQUIRE(found);
    return base::concat(found->line, ": ", found->message);
}

}  // namespace

TEST_CASE("names and plain values") {
    CHECK(read("").empty());
    CHECK(read("\n\n# only\n  # comments\n").empty());
    CHECK(read("A=1\nB=2") == spec::Variables{{"A", "1"}, {"B", "2"}});
    CHECK(read("A=1\r\nB = 2 \r\n") == spec::Variables{{"A", "1"}, {"B", "2"}});
    CHECK(read("\xef\xbb\xbf"
               "A: yaml") == spec::Variables{{"A", "yaml"}});
    CHECK(read("export A=1\nexport\tB=2\nexported=3") ==
          spec::Variables{{"A", "1"}, {"B", "2"}, {"exported", "3"}});
    CHECK(read("A=one # comment\nB=one#two\nC=#x\nD=") ==
          spec::Variables{{"A", "one"}, {"B", "one#two"}, {"C", "#x"}, {"D", ""}});
    CHECK(read("a.b-c[0]=x\nA=b=c") == spec::Variables{{"a.b-c[0]", "x"}, {"A", "b=c"}});
    CHECK(read("A=1\nA=2") == spec::Variables{{"A", "2"}});
    CHECK(read("A=it's \"so\"\\n") == spec::Variables{{"A", "it's \"so\"\\n"}});
}

TEST_CASE("quoted values") {
    CHECK(read("A='x $OUTER \\n # y' # comment\nB=2") ==
          spec::Variables{{"A", "x $OUTER \\n # y"}, {"B", "2"}});
    CHECK(read("A='it\\'s'\nB=\"a \\\"b\\\"\"") ==
          spec::Variables{{"A", "it's"}, {"B", "a \"b\""}});
    CHECK(read("A=\"one\ntwo\nthree\"\nB=2") ==
          spec::Variables{{"A", "one\ntwo\nthree"}, {"B", "2"}});
    CHECK(read(R"(A="\t\n\\n\$OUTER $OUTER \c \0101 \09 \x")") ==
          spec::Variables{{"A", "\t\n\\n$OUTER out \\c A \\09 \\x"}});
}

TEST_CASE("references look outside first, then above") {
    CHECK(read("A=1\nB=${A}2\nC=$B$OUTER") ==
          spec::Variables{{"A", "1"}, {"B", "12"}, {"C", "12out"}});
    CHECK(read("BOTH=inner\nA=$BOTH") == spec::Variables{{"BOTH", "inner"}, {"A", "outer"}});
    CHECK(read("A=${NONE:-x}$NONE$$") == spec::Variables{{"A", "x$"}});
}

TEST_CASE("a name alone takes what is known outside") {
    CHECK(read("OUTER\nNONE\nA=1") == spec::Variables{{"OUTER", "out"}, {"A", "1"}});
    CHECK(read("OUTER") == spec::Variables{{"OUTER", "out"}});
}

TEST_CASE("what is no env file is refused in its line") {
    CHECK(problem("A=1\nB C=2") == "2: expected a name without spaces, found \"B C=2\"");
    CHECK(problem("A=1\n=2\n") == "2: expected a name without spaces, found \"=2\"");
    CHECK(problem("A!=1") == "1: expected NAME=VALUE, found \"A!=1\"");
    CHECK(problem("A=\"x\ny\"\n\nB=\"open\nC=3\n") ==
          "4: expected a closing quote, found the end of the file behind \"\"open\"");
    CHECK(problem("A=${") ==
          "1: expected $NAME, ${NAME} or ${NAME:-default} in \"${\"; write $$ for a plain $");
    CHECK(problem("\nA=${B:?no B}") ==
          "2: the variable B must be set: no B; set it in .env beside the file");
    std::string many;
    for (std::size_t at = 0; at <= spec::variables_max; ++at) {
        many += base::concat('A', at, "=\n");
    }
    CHECK(problem(many) == "10001: expected at most 10000 variables and 1048576 bytes, found more");
    std::string growing = base::concat("A='", std::string(30'000, 'x'), "'\n");
    for (int at = 0; at < 100; ++at) {
        growing += base::concat('B', at, "=$A$A\n");
    }
    CHECK(problem(growing).contains("expected at most 10000 variables and 1048576 bytes"));
}

TEST_CASE("raw env files are taken as they are") {
    auto const raw = spec::EnvFormat::raw;
    CHECK(read("A='x' # y\n  B=$OUTER\"\r\n#C=1\n\nOUTER\nNONE\nD=a=b\n", raw) ==
          spec::Variables{{"A", "'x' # y"}, {"B", "$OUTER\""}, {"OUTER", "out"}, {"D", "a=b"}});
    CHECK(problem("A=1\nB C=2", raw) == "2: expected NAME=VALUE, found \"B C=2\"");
    CHECK(problem("=2", raw) == "1: expected NAME=VALUE, found \"=2\"");
}
