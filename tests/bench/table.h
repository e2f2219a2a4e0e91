#pragma once

#include <string>
#include <string_view>
#include <vector>

// Figures as tables for docs/benchmarks.md.
namespace bench {

// "0.913" of 0.9134.
[[nodiscard]] std::string number(double value, int digits);

// "median 0.91, p99 1.20, max 1.31".
[[nodiscard]] std::string spread(std::vector<double> const& values, int digits);

// Begins a table of figures.
void title(std::string_view about);

// One figure, printed at once. Without a target it is for information.
void row(std::string_view what, std::string_view measured);

struct Target {
    std::string_view text;
    bool met = false;
};

void row(std::string_view what, std::string_view measured, Target target);

// A line of prose below the table.
void remark(std::string_view text);

// How many targets were missed until now.
[[nodiscard]] int missed();

}  // namespace bench
