#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "spec/compose.h"
#include "spec/compose/dotenv.h"
#include "spec/compose_report.h"

namespace spec {

// The files that one reading reaches, each read once. What goes beyond inputs_max or
// inputs_bytes_max is a SourceProblem.
class Inputs {
public:
    // `folder`: where relative paths start.
    Inputs(FileSource const& source, std::string folder)
        : source_(source), folder_(std::move(folder)) {}

    using Read = std::expected<SourceFile const*, SourceProblem>;

    // A path as the caller gave it.
    [[nodiscard]] Read read_given(std::string const& path);
    // A path as seen from `folder`.
    [[nodiscard]] Read read(std::string_view path);
    [[nodiscard]] std::string full_path(std::string_view path) const;

    [[nodiscard]] std::vector<std::string> paths() const;

private:
    FileSource const& source_;
    std::string folder_;
    std::map<std::string, std::expected<SourceFile, SourceProblem>> files_;
    std::size_t bytes_ = 0;
};

// Where an env file is named; what is wrong with the file is told there unless it has a line.
struct EnvFile {
    std::string path;     // as seen from the folder of the first file
    Node const* named{};  // null: by the request
    std::string key;
    bool given{};  // the path is as the caller gave it
    bool required = true;
    EnvFormat format{};
};

// Reads variables of env files.
class EnvFiles {
public:
    static constexpr std::size_t bytes_max = 16 << 20;  // of all that is read, for each time

    EnvFiles(Inputs& inputs, Report& report) : inputs_(inputs), report_(report) {}

    // Over what is in `into`. A file that others may read and that seems to hold a secret gives a
    // warning, once.
    void read(EnvFile const& file, Lookup const& outer, Variables& into);

private:
    void tell(Severity severity, EnvFile const& file, int line, std::string message);

    Inputs& inputs_;
    Report& report_;
    std::set<std::string> warned_;
    std::size_t bytes_ = 0;
};

}  // namespace spec
