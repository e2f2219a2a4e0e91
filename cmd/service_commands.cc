#include <cerrno>
#include <cstdio>
#include <memory>

#include "base/text.h"
#include "cmd/commands.h"
#include "cmd/output.h"
#include "cmd/table.h"
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

ExitCode report(net::Answer<net::ChangeReport> const& answer, std::string_view verb) {
    if (!answer) {
        return complain(answer.error());
    }
    for (std::string const& service : answer->changed) {
        print(base::concat(printable(service), " ", verb, "\n"));
    }
    if (answer->changed.empty()) {
        print("nothing to change\n");
    }
    return confirm(*answer);
}

// What went wrong counts more than what is not confirmed.
ExitCode worse(ExitCode so_far, ExitCode next) {
    return so_far == ExitCode::done || (so_far == ExitCode::unconfirmed && next != ExitCode::done)
               ? next
               : so_far;
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
    return report(net::AdminClient(socket_path(options)).apply(std::move(services), options.ack),
                  "applied");
}

ExitCode execute(DaemonOptions const& options, RemoveCommand const& command) {
    net::AdminClient const client(socket_path(options));
    ExitCode code = ExitCode::done;
    for (std::string const& service : command.services) {
        code = worse(code, report(client.remove(service, options.ack), "removed"));
    }
    return code;
}

ExitCode execute(DaemonOptions const& options, ScaleCommand const& command) {
    net::AdminClient const client(socket_path(options));
    ExitCode code = ExitCode::done;
    for (auto const& [service, replicas] : command.replicas) {
        code = worse(code, report(client.scale(service, replicas, options.ack),
                                  base::concat("scaled to ", replicas)));
    }
    return code;
}

ExitCode execute(DaemonOptions const& options, SettleConflictCommand const& command) {
    return report(net::AdminClient(socket_path(options))
                      .settle_conflict(command.id, command.how, options.ack),
                  command.how == agent::Settling::restore ? "restored" : "dismissed");
}

}  // namespace cmd
