#include "base/text.h"
#include "cmd/commands.h"
#include "cmd/compose_files.h"
#include "cmd/output.h"
#include "cmd/table.h"
#include "net/admin/admin_client.h"

namespace cmd {
namespace {

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
    base::Result<std::vector<spec::ServiceSpec>> services = read_services(command.files);
    if (!services) {
        return complain(base::concat(services.error().message, ": nothing was applied"));
    }
    return report(net::AdminClient(socket_path(options)).apply(*std::move(services), options.ack),
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
