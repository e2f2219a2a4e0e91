#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "tests/unit/spec/reading.h"

namespace reading {

// Files as a FileSource has them: path -> text.
struct Folder {
    std::map<std::string, std::string> files;
    std::string public_file;  // others may read it

    spec::ComposeFile read(spec::ComposeRequest const& request) const {
        return spec::read_compose(
            request,
            [&](std::string const& path) -> std::expected<spec::SourceFile, spec::SourceProblem> {
                auto const found = files.find(path);
                if (found == files.end()) {
                    return std::unexpected(spec::SourceProblem{true, "does not exist"});
                }
                return spec::SourceFile{found->second, path == public_file};
            });
    }

    spec::ComposeFile read(std::vector<std::string> paths) const {
        return read(spec::ComposeRequest{
            .files = std::move(paths), .env_files = {}, .variables = {}, .profiles = {}});
    }
};

}  // namespace reading
