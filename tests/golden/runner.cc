#include "tests/golden/runner.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <catch2/catch.hpp>

#include "base/text.h"

namespace golden {

namespace {

std::string read_file(std::filesystem::path const& path) {
    std::ifstream in(path);
    std::ostringstream out;
    out << in.rdbuf();
    return out.str();
}

Command parse(std::string_view line) {
    std::istringstream in{std::string(line)};
    Command command;
    in >> command.name;
    for (std::string word; in >> word;) {
        command.words.push_back(word);
    }
    return command;
}

bool is_prose(std::string_view line) {
    return line.empty() || line.starts_with('#');
}

}  // namespace

std::string replay(std::string_view text, Execute const& execute) {
    if (text.ends_with('\n')) {
        text.remove_suffix(1);
    }
    std::string out;
    bool in_block = false;
    for (std::string_view const line : base::split(text, '\n')) {
        in_block = in_block && !line.empty();
        if (in_block) {
            continue;  // of the output that is replaced
        }
        out += base::concat(line, '\n');
        if (!is_prose(line)) {
            in_block = true;
            std::string const output = execute(parse(line));
            out += base::concat("----\n", output,
                                output.ends_with('\n') || output.empty() ? "" : "\n");
        }
    }
    return out;
}

void run(std::string_view directory, std::function<Execute()> const& start) {
    auto const folder = std::filesystem::path(COVEY_SOURCE_DIR) / "tests/golden" / directory;
    std::vector<std::filesystem::path> files;
    for (auto const& entry : std::filesystem::directory_iterator(folder)) {
        if (entry.path().extension() == ".txt") {
            files.push_back(entry.path());
        }
    }
    std::ranges::sort(files);
    REQUIRE_FALSE(files.empty());
    for (auto const& file : files) {
        DYNAMIC_SECTION(file.filename().string()) {
            std::string const expected = read_file(file);
            std::string const actual = replay(expected, start());
            if (std::getenv("COVEY_REWRITE") != nullptr) {
                std::ofstream(file) << actual;
            } else {
                REQUIRE(actual == expected);
            }
        }
    }
}

}  // namespace golden
