#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

namespace cmd {

// Text in aligned columns, two spaces apart, without trailing spaces. Control characters in cells
// are shown as '?': what a container or a peer wrote cannot move the cursor.
class Table {
public:
    explicit Table(std::initializer_list<std::string_view> header);

    // As many cells as the header has; an empty cell is shown as "-".
    void add(std::vector<std::string> cells);
    [[nodiscard]] std::string text() const;

private:
    std::vector<std::vector<std::string>> rows_;
};

// One line without control characters.
[[nodiscard]] std::string printable(std::string_view text);

}  // namespace cmd
