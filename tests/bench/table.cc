#include "tests/bench/table.h"

#include <array>
#include <cstdio>

#include "base/text.h"
#include "tests/unit/gossip/measures.h"

namespace bench {

namespace {

int missed_targets = 0;

void line(std::string_view text) {
    std::fwrite(text.data(), 1, text.size(), stdout);
    std::fputc('\n', stdout);
    std::fflush(stdout);
}

}  // namespace

std::string number(double value, int digits) {
    std::array<char, 64> text{};
    int const size = std::snprintf(text.data(), text.size(), "%.*f", digits, value);
    return {text.data(), static_cast<std::size_t>(size)};
}

std::string spread(std::vector<double> const& values, int digits) {
    return base::concat("median ", number(gossip_test::quantile(values, 0.5), digits), ", p99 ",
                        number(gossip_test::quantile(values, 0.99), digits), ", max ",
                        number(gossip_test::quantile(values, 1), digits));
}

void title(std::string_view about) {
    line(base::concat("\n| ", about, " | measured | target | |"));
    line("|---|---|---|---|");
}

void row(std::string_view what, std::string_view measured) {
    line(base::concat("| ", what, " | ", measured, " | | |"));
}

void row(std::string_view what, std::string_view measured, Target target) {
    missed_targets += target.met ? 0 : 1;
    line(base::concat("| ", what, " | ", measured, " | ", target.text, " | ",
                      target.met ? "met" : "MISSED", " |"));
}

void remark(std::string_view text) {
    line(base::concat("\n", text));
}

int missed() {
    return missed_targets;
}

}  // namespace bench
