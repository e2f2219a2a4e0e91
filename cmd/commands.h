#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "agent/agent.h"
#include "cmd/compose_files.h"
#include "cmd/options.h"
#include "spec/compose_write.h"

// What can be asked on the command line, as data: parse() makes it, execute() does it.
namespace cmd {

enum class ExitCode : std::uint8_t {
    done = 0,
    failed = 1,       // refused, or went wrong
    usage = 2,        // the command line or the configuration file is wrong
    unreachable = 3,  // no agent answers on this host
    unconfirmed = 4,  // done, but fewer hosts than wanted have confirmed it yet
};

enum class Listing : std::uint8_t { table, wide, json };

enum class Starting : std::uint8_t { start, identity_only };

struct InitCommand {
    Starting starting{};
};

struct JoinCommand {
    std::string peer_host;  // an IP address or a name
    std::uint16_t peer_port = default_port;
    std::string token;
    Starting starting{};
};

struct RunCommand {
    // Reads the options again, from the same arguments and the files as they are now. Calls the
    // Environment that was given to parse().
    std::function<std::expected<DaemonOptions, std::string>()> reread;
};

struct ReloadCommand {};

struct LeaveCommand {};

struct EvictCommand {
    std::string host;  // its name, its id or a beginning of that
    bool undo{};
};

struct TokenCreateCommand {
    std::uint64_t ttl_seconds = 3600;
    std::uint32_t uses{};  // 0: any number
};

struct StatusCommand {
    Listing listing{};
};

enum class NodeOrder : std::uint8_t { name, nearest };

struct NodesCommand {
    Listing listing{};
    NodeOrder order{};
};

struct ServicesCommand {
    Listing listing{};
};

struct PsCommand {
    std::string service;  // empty: all
    Listing listing{};
};

struct ConflictsCommand {
    Listing listing{};
};

struct SettleConflictCommand {
    std::string id;  // or a beginning of it
    agent::Settling how{};
};

struct ApplyCommand {
    ComposeFiles files;
};

// The service as text that `apply` takes.
struct GetCommand {
    std::string service;
    spec::TextForm form{};
};

// A file in its canonical form; no agent is asked.
struct ConvertCommand {
    ComposeFiles files;
    spec::TextForm form{};
};

// What is wrong with files, each by itself, and what in them has no effect; no agent is asked.
struct ValidateCommand {
    ComposeFiles files;
};

// What of files the fleet does not have like that: 0 nothing, 1 something, 2 it cannot be told.
struct DiffCommand {
    ComposeFiles files;
};

// What applying files would start, stop, move and replace.
struct PlanCommand {
    ComposeFiles files;
    Listing listing{};
};

struct RemoveCommand {
    std::vector<std::string> services;
};

struct ScaleCommand {
    std::vector<std::pair<std::string, std::uint32_t>> replicas;
};

struct LogsCommand {
    std::string target;
    bool follow{};
    std::optional<std::uint32_t> tail;  // lines; nothing: all
};

struct ImageLoadCommand {
    std::string file;  // "-": standard input
};

struct ImageListCommand {
    Listing listing{};
};

struct StateCheckCommand {};

struct StateExportCommand {
    std::string file = "-";  // "-": standard output
};

struct StateImportCommand {
    std::string file;  // "-": standard input
};

struct StateRepairCommand {};

struct DoctorCommand {};

struct VersionCommand {};

using Command =
    std::variant<VersionCommand, InitCommand, JoinCommand, RunCommand, ReloadCommand, LeaveCommand,
                 EvictCommand, TokenCreateCommand, StatusCommand, NodesCommand, ServicesCommand,
                 PsCommand, ConflictsCommand, SettleConflictCommand, ApplyCommand, GetCommand,
                 ConvertCommand, ValidateCommand, DiffCommand, PlanCommand, RemoveCommand,
                 ScaleCommand, LogsCommand, ImageLoadCommand, ImageListCommand, StateCheckCommand,
                 StateExportCommand, StateImportCommand, StateRepairCommand, DoctorCommand>;

struct Invocation {
    DaemonOptions options;
    Command command;
};

ExitCode execute(DaemonOptions const& options, InitCommand const& command);
ExitCode execute(DaemonOptions const& options, JoinCommand const& command);
ExitCode execute(DaemonOptions const& options, RunCommand const& command);
ExitCode execute(DaemonOptions const& options, ReloadCommand const& command);
ExitCode execute(DaemonOptions const& options, LeaveCommand const& command);
ExitCode execute(DaemonOptions const& options, EvictCommand const& command);
ExitCode execute(DaemonOptions const& options, TokenCreateCommand const& command);
ExitCode execute(DaemonOptions const& options, StatusCommand const& command);
ExitCode execute(DaemonOptions const& options, NodesCommand const& command);
ExitCode execute(DaemonOptions const& options, ServicesCommand const& command);
ExitCode execute(DaemonOptions const& options, PsCommand const& command);
ExitCode execute(DaemonOptions const& options, ConflictsCommand const& command);
ExitCode execute(DaemonOptions const& options, SettleConflictCommand const& command);
ExitCode execute(DaemonOptions const& options, ApplyCommand const& command);
ExitCode execute(DaemonOptions const& options, GetCommand const& command);
ExitCode execute(DaemonOptions const& options, ConvertCommand const& command);
ExitCode execute(DaemonOptions const& options, ValidateCommand const& command);
ExitCode execute(DaemonOptions const& options, DiffCommand const& command);
ExitCode execute(DaemonOptions const& options, PlanCommand const& command);
ExitCode execute(DaemonOptions const& options, RemoveCommand const& command);
ExitCode execute(DaemonOptions const& options, ScaleCommand const& command);
ExitCode execute(DaemonOptions const& options, LogsCommand const& command);
ExitCode execute(DaemonOptions const& options, ImageLoadCommand const& command);
ExitCode execute(DaemonOptions const& options, ImageListCommand const& command);
ExitCode execute(DaemonOptions const& options, StateCheckCommand const& command);
ExitCode execute(DaemonOptions const& options, StateExportCommand const& command);
ExitCode execute(DaemonOptions const& options, StateImportCommand const& command);
ExitCode execute(DaemonOptions const& options, StateRepairCommand const& command);
ExitCode execute(DaemonOptions const& options, DoctorCommand const& command);
ExitCode execute(DaemonOptions const& options, VersionCommand const& command);

}  // namespace cmd
