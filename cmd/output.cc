#include "cmd/output.h"

#include <cstdio>

#include "base/text.h"

namespace cmd {

void print(std::string_view text) {
    std::fwrite(text.data(), 1, text.size(), stdout);
    std::fflush(stdout);
}

ExitCode complain(std::string_view text) {
    std::string const line = base::concat("agent: ", text, "\n");
    std::fwrite(line.data(), 1, line.size(), stderr);
    return ExitCode::failed;
}

ExitCode confirm(net::ChangeReport const& change) {
    if (change.enough()) {
        return ExitCode::done;
    }
    std::string hosts;
    for (std::string const& host : change.hosts) {
        hosts += base::concat(hosts.empty() ? "" : ", ", host);
    }
    complain(base::concat("the change is made and on the disk of ", hosts, ": ",
                          change.hosts.size(), " of ", change.wanted,
                          " hosts have confirmed it in time. It spreads on by itself and is lost "
                          "only with the disks of those named"));
    return ExitCode::unconfirmed;
}

ExitCode complain(net::AdminError const& error) {
    complain(error.message);
    return error.code == net::AdminErrc::unreachable ? ExitCode::unreachable : ExitCode::failed;
}

}  // namespace cmd
