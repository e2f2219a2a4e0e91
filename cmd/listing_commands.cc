#include "cmd/commands.h"
#include "cmd/output.h"
#include "cmd/render.h"
#include "net/admin/admin_client.h"

namespace cmd {
namespace {

template <class Report>
ExitCode show(net::Answer<Report> const& answer, Listing listing) {
    if (!answer) {
        return complain(answer.error());
    }
    print(render(*answer, listing));
    return ExitCode::done;
}

}  // namespace

ExitCode execute(DaemonOptions const& options, StatusCommand const& command) {
    return show(net::AdminClient(socket_path(options)).status(), command.listing);
}

ExitCode execute(DaemonOptions const& options, NodesCommand const& command) {
    auto nodes = net::AdminClient(socket_path(options)).nodes();
    if (nodes && command.order == NodeOrder::nearest) {
        sort_nearest(*nodes);
    }
    return show(nodes, command.listing);
}

ExitCode execute(DaemonOptions const& options, ServicesCommand const& command) {
    return show(net::AdminClient(socket_path(options)).services(), command.listing);
}

ExitCode execute(DaemonOptions const& options, PsCommand const& command) {
    return show(net::AdminClient(socket_path(options)).instances(command.service), command.listing);
}

ExitCode execute(DaemonOptions const& options, ConflictsCommand const& command) {
    return show(net::AdminClient(socket_path(options)).conflicts(), command.listing);
}

ExitCode execute(DaemonOptions const& options, ImageListCommand const& command) {
    return show(net::AdminClient(socket_path(options)).images(), command.listing);
}

}  // namespace cmd
