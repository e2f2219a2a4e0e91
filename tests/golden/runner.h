#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace golden {

// One command of a golden file: a name and its words.
struct Command {
    std::string name;
    std::vector<std::string> words;
};

// Runs the golden files `directory`/*.txt below tests/golden, each in a section of its own, against
// what `start` makes for it: a function from command to output.
//
// A file is prose in lines that begin with '#', and blocks that are divided by an empty line:
//
//     command word word
//     ----
//     the output that is expected, with no empty line in it
//
// A difference fails the test. With COVEY_REWRITE=1 in the environment the files are written anew
// instead: read the diff before you commit it.
using Execute = std::function<std::string(Command const&)>;
void run(std::string_view directory, std::function<Execute()> const& start);

// What `text` becomes when every output in it is replaced by what `execute` answers.
[[nodiscard]] std::string replay(std::string_view text, Execute const& execute);

}  // namespace golden
