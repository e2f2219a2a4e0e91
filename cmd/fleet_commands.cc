#include <cstdio>

#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/descriptor.h"
#include "base/text.h"
#include "cmd/commands.h"
#include "cmd/daemon.h"
#include "cmd/launch.h"
#include "cmd/membership.h"
#include "cmd/output.h"
#include "cmd/table.h"
#include "cmd/units.h"
#include "cmd/version.h"
#include "net/admin/admin_client.h"

namespace cmd {
namespace {

constexpr std::uint64_t first_token_ttl = 3600;

base::Result<void> require_root(std::string_view command) {
    if (::geteuid() != 0) {
        return base::fail(base::concat("run as root: `sudo agent ", command, "`"));
    }
    return {};
}

base::Result<void> require_no_agent(DaemonOptions const& options) {
    std::string const socket = socket_path(options);
    if (net::AdminClient(socket).info()) {
        return base::fail(base::concat("an agent runs here already (it answers on ", socket,
                                       "): see `agent status`"));
    }
    return {};
}

std::string join_command(agent::StatusReport const& status, std::string_view token) {
    std::string const peer = status.address.port == default_port ? to_string(status.address.ip)
                                                                 : to_string(status.address);
    return base::concat("agent join ", peer, " --token ", token);
}

ExitCode started(DaemonOptions const& options, Starting starting, std::string_view what) {
    print(base::concat(what, "\n"));
    if (starting == Starting::identity_only) {
        print("Start the agent with `agent run`.\n");
        return ExitCode::done;
    }
    if (base::Result<void> const launched = launch_daemon(options); !launched) {
        return complain(base::concat(launched.error().message,
                                     "\nThis host is a member all the same: when that is "
                                     "mended, start it with `agent run`."));
    }
    print(base::concat("The agent runs in the background and logs to ", options.state_dir,
                       "/agent.log.\n"));
    return ExitCode::done;
}

}  // namespace

ExitCode execute(DaemonOptions const& options, InitCommand const& command) {
    auto const founded = [&]() -> base::Result<void> {
        TRY_VOID(require_root("init"));
        TRY_VOID(require_no_agent(options));
        return found_fleet(options);
    }();
    if (!founded) {
        return complain(founded.error().message);
    }
    ExitCode const code = started(options, command.starting, "Founded a fleet.");
    if (code != ExitCode::done || command.starting == Starting::identity_only) {
        return code;
    }
    net::AdminClient const client(socket_path(options));
    net::Answer<agent::StatusReport> const status = client.status();
    net::Answer<std::string> const token = client.create_token(first_token_ttl, 0);
    if (!status || !token) {
        return complain(status ? token.error() : status.error());
    }
    print(base::concat("Within an hour, join other hosts with:\n  ", join_command(*status, *token),
                       "\nLater, `agent token create` makes another token.\n"));
    return ExitCode::done;
}

ExitCode execute(DaemonOptions const& options, JoinCommand const& command) {
    auto const joined = [&]() -> base::Result<std::string> {
        TRY_VOID(require_root("join"));
        TRY_VOID(require_no_agent(options));
        return join_fleet(options, command);
    }();
    if (!joined) {
        return complain(joined.error().message);
    }
    return started(options, command.starting, base::concat("Joined the fleet of ", *joined, "."));
}

ExitCode execute(DaemonOptions const& options, RunCommand const& command) {
    if (base::Result<void> const root = require_root("run"); !root) {
        return complain(root.error().message);
    }
    return static_cast<ExitCode>(run_daemon(options, command));
}

ExitCode execute(DaemonOptions const& options, ReloadCommand const&) {
    net::Answer<std::vector<std::string>> const changes =
        net::AdminClient(socket_path(options)).reload();
    if (!changes) {
        return complain(changes.error());
    }
    for (std::string const& change : *changes) {
        print(base::concat(change, "\n"));
    }
    if (changes->empty()) {
        print("nothing has changed\n");
    }
    return ExitCode::done;
}

namespace {

constexpr int end_patience_ms = 30'000;

// Whether the process has ended; one that cannot be looked at has.
bool await_end(pid_t process) {
    base::Descriptor const watched(static_cast<int>(::syscall(SYS_pidfd_open, process, 0)));
    if (!watched) {
        return true;
    }
    pollfd waited{.fd = watched.get(), .events = POLLIN, .revents = 0};
    return ::poll(&waited, 1, end_patience_ms) == 1;
}

}  // namespace

ExitCode execute(DaemonOptions const& options, LeaveCommand const&) {
    net::AdminClient const client(socket_path(options));
    net::Answer<net::InfoReport> const info = client.info();
    net::Answer<void> const left = client.leave();
    if (!left) {
        return complain(left.error());
    }
    // Only then is the state directory free for another `join`.
    if (info && !await_end(static_cast<pid_t>(info->pid))) {
        return complain("this host has left its fleet, but its agent has not ended yet");
    }
    print("This host has left its fleet, and its agent has ended.\n");
    return ExitCode::done;
}

ExitCode execute(DaemonOptions const& options, EvictCommand const& command) {
    net::Answer<net::ChangeReport> const accepted =
        net::AdminClient(socket_path(options)).evict(command.host, command.undo, options.ack);
    if (!accepted) {
        return complain(accepted.error());
    }
    if (accepted->changed.empty()) {
        print(base::concat(printable(command.host),
                           command.undo ? " is not evicted\n" : " is evicted already\n"));
    }
    for (std::string const& host : accepted->changed) {
        print(base::concat(printable(host), command.undo
                                                ? ": taken back into the fleet\n"
                                                : ": evicted; shut it down, for it still holds the "
                                                  "fleet's key\n"));
    }
    return confirm(*accepted);
}

ExitCode execute(DaemonOptions const& options, TokenCreateCommand const& command) {
    net::AdminClient const client(socket_path(options));
    net::Answer<agent::StatusReport> const status = client.status();
    if (!status) {
        return complain(status.error());
    }
    net::Answer<std::string> const token = client.create_token(command.ttl_seconds, command.uses);
    if (!token) {
        return complain(token.error());
    }
    print(base::concat(*token, "\n"));
    if (::isatty(STDERR_FILENO) == 1) {
        std::string const hint =
            base::concat("Join a host with:\n  ", join_command(*status, "TOKEN"), "\n");
        std::fwrite(hint.data(), 1, hint.size(), stderr);
    }
    return ExitCode::done;
}

ExitCode execute(DaemonOptions const& options, VersionCommand const&) {
    print(base::concat("agent ", version(), "\n"));
    net::Answer<net::InfoReport> const info = net::AdminClient(socket_path(options)).info();
    if (info) {
        print(base::concat("running: ", info->version, ", ", info->runtime, ", process ", info->pid,
                           "\n"));
    }
    return ExitCode::done;
}

}  // namespace cmd
