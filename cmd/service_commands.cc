#include <cerrno>
#include <cstdio>
#include <memory>

#include "base/text.h"
#include "cmd/commands.h"
#include "cmd/output.h"
#include "net/admin/admin_client.h"
#include "spec/compose.h"

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

// The file's services, after its diagnostics were printed to standard error.
base::Result<std::vector<spec::ServiceSpec>> read_services(std::string const& name) {
    std::string const text = TRY(read_file(name));
    spec::ComposeFile file = spec::read_compose(name == "-" ? "standard-input" : name, text);
    for (spec::Diagnostic const& diagnostic : file.diagnostics) {
        std::string const line = to_string(diagnostic) + '\n';
        std::fwrite(line.data(), 1, line.size(), stderr);
    }
    if (!file.usable()) {
        return base::fail(base::concat(name, " has errors: nothing was applied"));
    }
    return std::move(file.services);
}

void report_changes(std::vector<std::string> const& changed, std::string_view verb) {
    for (std::string const& service : changed) {
        print(base::concat(service, " ", verb, "\n"));
    }
    if (changed.empty()) {
        print("nothing to change\n");
    }
}

}  // namespace

ExitCode execute(DaemonOptions const& options, ApplyCommand const& command) {
    std::vector<spec::ServiceSpec> services;
    for (std::string const& file : command.files) {
        auto read = read_services(file);
        if (!read) {
            return complain(read.error().message);
        }
        for (spec::ServiceSpec& service : *read) {
            services.push_back(std::move(service));
        }
    }
    auto const accepted = net::AdminClient(socket_path(options)).apply(std::move(services));
    if (!accepted) {
        return complain(accepted.error());
    }
    report_changes(accepted->changed, "applied");
    return ExitCode::done;
}

ExitCode execute(DaemonOptions const& options, RemoveCommand const& command) {
    net::AdminClient const client(socket_path(options));
    ExitCode code = ExitCode::done;
    for (std::string const& service : command.services) {
        auto const accepted = client.remove(service);
        if (accepted) {
            report_changes(accepted->changed, "removed");
        } else {
            code = complain(accepted.error());
        }
    }
    return code;
}

ExitCode execute(DaemonOptions const& options, ScaleCommand const& command) {
    net::AdminClient const client(socket_path(options));
    ExitCode code = ExitCode::done;
    for (auto const& [service, replicas] : command.replicas) {
        auto const accepted = client.scale(service, replicas);
        if (accepted) {
            report_changes(accepted->changed, base::concat("scaled to ", replicas));
        } else {
            code = complain(accepted.error());
        }
    }
    return code;
}

}  // namespace cmd
