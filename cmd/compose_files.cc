#include "cmd/compose_files.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>

#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"

namespace cmd {
namespace {

constexpr char const* standard_input = "standard-input";

struct CloseFile {
    void operator()(std::FILE* file) const {
        if (file != stdin) {
            std::fclose(file);
        }
    }
};

using Read = std::expected<spec::SourceFile, spec::SourceProblem>;

Read fail(int error) {
    return std::unexpected(spec::SourceProblem{
        error == ENOENT, error == ENOENT ? "does not exist"
                                         : base::concat("cannot be read: ", std::strerror(error))});
}

// At most one byte more than a file may have: enough to be told that it is too large.
Read read_file(std::string const& path) {
    bool const standard = path == standard_input;
    std::unique_ptr<std::FILE, CloseFile> const file(standard ? stdin
                                                              : std::fopen(path.c_str(), "rbe"));
    if (!file) {
        return fail(errno);
    }
    struct stat status{};
    if (::fstat(::fileno(file.get()), &status) != 0) {
        return fail(errno);
    }
    if (S_ISDIR(status.st_mode)) {
        return fail(EISDIR);
    }
    std::string text(spec::compose_file_max + 1, '\0');
    text.resize(std::fread(text.data(), 1, text.size(), file.get()));
    if (std::ferror(file.get()) != 0) {
        return fail(errno);
    }
    return spec::SourceFile{std::move(text), !standard && (status.st_mode & S_IROTH) != 0};
}

spec::Variables environment() {
    spec::Variables variables;
    for (char const* const* each = environ; *each != nullptr; ++each) {
        std::string_view const text(*each);
        std::size_t const equals = std::min(text.find('='), text.size());
        if (equals < text.size()) {
            variables.insert_or_assign(std::string(text.substr(0, equals)),
                                       std::string(text.substr(equals + 1)));
        }
    }
    return variables;
}

// Paths in a file are relative to its folder, whatever folder the reader is in.
std::string absolute(std::string const& name) {
    std::error_code error;
    std::filesystem::path const path = std::filesystem::absolute(name, error);
    return error ? name : path.lexically_normal().string();
}

}  // namespace

spec::ComposeFile read_compose_files(ComposeFiles const& files) {
    spec::ComposeRequest request{.files = files.files,
                                 .env_files = files.env_files,
                                 .variables = environment(),
                                 .profiles = files.profiles};
    for (std::string& path : request.files) {
        path = path == "-" ? standard_input : absolute(path);
    }
    return spec::read_compose(request, read_file);
}

void print_diagnostics(spec::ComposeFile const& file) {
    for (spec::Diagnostic const& diagnostic : file.diagnostics) {
        std::string const line = to_string(diagnostic) + '\n';
        std::fwrite(line.data(), 1, line.size(), stderr);
    }
}

base::Result<std::vector<spec::ServiceSpec>> read_services(ComposeFiles const& files) {
    spec::ComposeFile file = read_compose_files(files);
    print_diagnostics(file);
    if (!file.usable()) {
        return base::fail(base::concat(files.files.front(), " has errors"));
    }
    return std::move(file.services);
}

}  // namespace cmd
