#include "cmd/line_diff.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/text.h"

namespace cmd {

namespace {

using Lines = std::vector<std::string_view>;

constexpr std::size_t cells_max = 1'000'000;
constexpr std::size_t context = 3;

struct Edit {
    char mark{};  // '-', '+' or ' '
    std::string_view line;
};

Lines lines_of(std::string_view text) {
    Lines lines = base::split(text, '\n');
    if (!lines.empty() && lines.back().empty()) {
        lines.pop_back();
    }
    return lines;
}

void add(std::vector<Edit>& edits, char mark, std::span<std::string_view const> lines) {
    for (std::string_view const line : lines) {
        edits.push_back({mark, line});
    }
}

// By the longest common subsequence; both texts differ in their first and last lines.
void compare(std::vector<Edit>& edits, std::span<std::string_view const> from,
             std::span<std::string_view const> to) {
    std::size_t const width = to.size() + 1;
    if ((from.size() + 1) * width > cells_max) {
        add(edits, '-', from);
        add(edits, '+', to);
        return;
    }
    // length[i * width + j]: of the longest common subsequence of what follows i and j.
    std::vector<std::uint32_t> length((from.size() + 1) * width);
    for (std::size_t i = from.size(); i-- > 0;) {
        for (std::size_t j = to.size(); j-- > 0;) {
            length[i * width + j] =
                from[i] == to[j] ? length[(i + 1) * width + j + 1] + 1
                                 : std::max(length[(i + 1) * width + j], length[i * width + j + 1]);
        }
    }
    std::size_t i = 0;
    std::size_t j = 0;
    while (i < from.size() || j < to.size()) {
        if (i < from.size() && j < to.size() && from[i] == to[j]) {
            edits.push_back({' ', from[i]});
            ++i;
            ++j;
        } else if (j == to.size() ||
                   (i < from.size() && length[(i + 1) * width + j] >= length[i * width + j + 1])) {
            edits.push_back({'-', from[i++]});
        } else {
            edits.push_back({'+', to[j++]});
        }
    }
}

}  // namespace

std::string line_diff(std::string_view before, std::string_view after) {
    Lines const from = lines_of(before);
    Lines const to = lines_of(after);
    std::size_t const shorter = std::min(from.size(), to.size());
    std::size_t head = 0;
    while (head < shorter && from[head] == to[head]) {
        ++head;
    }
    std::size_t tail = 0;
    while (tail < shorter - head && from[from.size() - 1 - tail] == to[to.size() - 1 - tail]) {
        ++tail;
    }
    std::span const all_from(from);
    std::span const all_to(to);
    std::vector<Edit> edits;
    add(edits, ' ', all_from.first(head));
    compare(edits, all_from.subspan(head, from.size() - tail - head),
            all_to.subspan(head, to.size() - tail - head));
    add(edits, ' ', all_from.last(tail));
    std::string out;
    for (std::size_t at = 0; at < edits.size(); ++at) {
        std::size_t const first = at - std::min(at, context);
        std::size_t const last = std::min(at + context + 1, edits.size());
        bool const near = std::any_of(edits.begin() + static_cast<std::ptrdiff_t>(first),
                                      edits.begin() + static_cast<std::ptrdiff_t>(last),
                                      [](Edit const& edit) { return edit.mark != ' '; });
        if (near) {
            out += base::concat(edits[at].mark, ' ', edits[at].line, '\n');
        }
    }
    return out;
}

}  // namespace cmd
