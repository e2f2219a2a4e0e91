#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/text.h"
#include "spec/compose.h"

// Ways to write a small file and to look at what was read.
namespace reading {

inline spec::ComposeFile read(std::string_view text) {
    return spec::read_compose("/etc/covey/services/shop.yaml", text);
}

// A file with the service "web" of image "nginx" and the given lines, the first of which is line 4
// of the file, indented by four spaces.
inline std::string web(std::string_view lines) {
    std::string text = "services:\n  web:\n    image: nginx\n";
    for (std::string_view const line : base::split(lines, '\n')) {
        text += base::concat("    ", line, '\n');
    }
    return text;
}

inline std::vector<std::string> told(spec::ComposeFile const& file) {
    static constexpr std::string_view folder = "/etc/covey/services/";
    std::vector<std::string> lines;
    for (spec::Diagnostic const& diagnostic : file.diagnostics) {
        std::string const line = spec::to_string(diagnostic);
        lines.push_back(line.starts_with(folder) ? line.substr(folder.size()) : line);
    }
    return lines;
}

}  // namespace reading
