#include <filesystem>
#include <fstream>
#include <iterator>

#include <catch2/catch.hpp>

#include "spec/compose.h"
#include "tests/unit/spec/reading.h"

// docs/service-files.md: each example is read without a word of complaint.

namespace {

std::vector<std::string> examples(std::string_view guide) {
    std::vector<std::string> found;
    bool inside = false;
    for (std::string_view const line : base::split(guide, '\n')) {
        if (line == "```yaml") {
            inside = true;
            found.emplace_back();
        } else if (line == "```") {
            inside = false;
        } else if (inside) {
            found.back() += base::concat(line, '\n');
        }
    }
    return found;
}

// Most examples are lines of one service.
std::string whole_file(std::string const& example) {
    if (example.contains("services:")) {
        return example;
    }
    std::string text =
        "services:\n  db: {image: db}\n  migrate: {image: db}\n  cache: {image: db}\n  web:\n";
    if (!example.starts_with("image:")) {
        text += "    image: web\n";
    }
    for (std::string_view const line : base::split(example, '\n')) {
        text += base::concat("    ", line, '\n');
    }
    return text;
}

}  // namespace

TEST_CASE("the examples of the guide are valid") {
    std::ifstream stream(std::filesystem::path(COVEY_SOURCE_DIR) / "docs/service-files.md");
    std::vector<std::string> const found =
        examples(std::string{std::istreambuf_iterator<char>(stream), {}});
    CHECK(found.size() > 15);
    for (std::string const& example : found) {
        INFO(example);
        spec::ComposeFile const file = reading::read(whole_file(example));
        CHECK(reading::told(file) == std::vector<std::string>{});
        CHECK(file.usable());
    }
}
