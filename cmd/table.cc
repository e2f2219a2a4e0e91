#include "cmd/table.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace cmd {

Table::Table(std::initializer_list<std::string_view> header) {
    rows_.emplace_back(header.begin(), header.end());
}

void Table::add(std::vector<std::string> cells) {
    CHECK(cells.size() == rows_.front().size());
    for (std::string& cell : cells) {
        cell = cell.empty() ? "-" : printable(cell);
    }
    rows_.push_back(std::move(cells));
}

std::string Table::text() const {
    std::vector<std::size_t> widths(rows_.front().size());
    for (auto const& row : rows_) {
        for (std::size_t column = 0; column < row.size(); ++column) {
            widths[column] = std::max(widths[column], row[column].size());
        }
    }
    std::string out;
    for (auto const& row : rows_) {
        for (std::size_t column = 0; column + 1 < row.size(); ++column) {
            out += row[column];
            out.append(widths[column] - row[column].size() + 2, ' ');
        }
        out += row.back();
        out += '\n';
    }
    return out;
}

std::string printable(std::string_view text) {
    std::string out(text);
    std::ranges::replace_if(
        out, [](char character) { return (character >= 0 && character < ' ') || character == 127; },
        '?');
    return out;
}

}  // namespace cmd
