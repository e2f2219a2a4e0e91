#include "cmd/service_files.h"

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <memory>

#include "base/text.h"

namespace cmd {
namespace {

struct CloseFile {
    void operator()(std::FILE* file) const {
        if (file != stdin) {
            std::fclose(file);
        }
    }
};

// At most one byte more than a Compose file may have: enough to be told that it is too large.
base::Result<std::string> read_file(std::string const& name) {
    std::unique_ptr<std::FILE, CloseFile> const file(name == "-" ? stdin
                                                                 : std::fopen(name.c_str(), "rbe"));
    if (!file) {
        return base::fail_errno(errno, base::concat("read ", name));
    }
    std::string text(spec::compose_file_max + 1, '\0');
    text.resize(std::fread(text.data(), 1, text.size(), file.get()));
    if (std::ferror(file.get()) != 0) {
        return base::fail_errno(errno, base::concat("read ", name));
    }
    return text;
}

// Paths in a file are relative to its folder, whatever folder the reader is in.
std::string absolute(std::string const& name) {
    std::error_code error;
    std::filesystem::path const path = std::filesystem::absolute(name, error);
    return error ? name : path.lexically_normal().string();
}

}  // namespace

base::Result<spec::ComposeFile> read_service_file(std::string const& name) {
    std::string const text = TRY(read_file(name));
    spec::ComposeFile file =
        spec::read_compose(name == "-" ? "standard-input" : absolute(name), text);
    for (spec::Diagnostic const& diagnostic : file.diagnostics) {
        std::string const line = to_string(diagnostic) + '\n';
        std::fwrite(line.data(), 1, line.size(), stderr);
    }
    return file;
}

base::Result<std::vector<spec::ServiceSpec>> read_services(std::vector<std::string> const& names) {
    std::vector<spec::ServiceSpec> services;
    for (std::string const& name : names) {
        spec::ComposeFile file = TRY(read_service_file(name));
        if (!file.usable()) {
            return base::fail(base::concat(name, " has errors"));
        }
        for (spec::ServiceSpec& service : file.services) {
            services.push_back(std::move(service));
        }
    }
    return services;
}

}  // namespace cmd
