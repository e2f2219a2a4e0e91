#include <cerrno>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>

#include "agent/agent.h"
#include "base/text.h"
#include "cmd/commands.h"
#include "cmd/output.h"
#include "cmd/state_lines.h"
#include "crdt/rocks_store.h"
#include "net/state_dir.h"

namespace cmd {
namespace {

constexpr std::size_t import_max = std::size_t{1} << 30;

// The right to look at the state: no agent runs on it, and none can start meanwhile.
base::Result<net::StateLock> lock(DaemonOptions const& options) {
    std::error_code error;
    if (!std::filesystem::is_directory(options.state_dir, error)) {
        return base::fail(base::concat("there is no state directory ", options.state_dir,
                                       ": give the right one with --state-dir"));
    }
    return net::StateLock::take(options.state_dir);
}

// Of crdt::Loaded or crdt::Batch.
template <class State>
std::string counts(State const& state) {
    std::size_t removed = 0;
    for (crdt::Entry const& entry : state.entries) {
        removed += entry.value ? 0 : 1;
    }
    return base::concat(state.entries.size(), " entries (", removed, " of them removed), ",
                        state.locals.size(), " local values, writes of ",
                        state.version.origins().size(), " hosts");
}

base::Result<std::string> read_input(std::string const& path) {
    std::ifstream file;
    if (path != "-") {
        file.open(path, std::ios::binary);
    }
    std::istream& in = path == "-" ? std::cin : file;
    std::string text;
    char buffer[65536];
    while (in.read(buffer, sizeof buffer) || in.gcount() > 0) {
        text.append(buffer, static_cast<std::size_t>(in.gcount()));
        if (text.size() > import_max) {
            return base::fail(base::concat(path, " is larger than 1 GiB, which no state is"));
        }
    }
    if (path != "-" && (!file.is_open() || file.bad())) {
        return base::fail_errno(errno, base::concat("cannot read ", path));
    }
    return text;
}

}  // namespace

ExitCode execute(DaemonOptions const& options, StateCheckCommand const&) {
    auto const state = [&]() -> base::Result<crdt::Loaded> {
        net::StateLock const locked = TRY(lock(options));
        return crdt::read_rocks_store(store_directory(options));
    }();
    if (!state) {
        return complain(state.error().message);
    }
    print(base::concat("the state in ", store_directory(options), " is sound: ", counts(*state),
                       "\n"));
    return ExitCode::done;
}

ExitCode execute(DaemonOptions const& options, StateExportCommand const& command) {
    auto const text = [&]() -> base::Result<std::string> {
        net::StateLock const locked = TRY(lock(options));
        return to_lines(TRY(crdt::read_rocks_store(store_directory(options))));
    }();
    if (!text) {
        return complain(text.error().message);
    }
    if (command.file == "-") {
        print(*text);
        return ExitCode::done;
    }
    std::string const path = std::filesystem::absolute(command.file).string();
    auto const written = net::write_state_file(path, base::as_bytes(*text));
    return written ? ExitCode::done : complain(written.error().message);
}

ExitCode execute(DaemonOptions const& options, StateImportCommand const& command) {
    auto const imported = [&]() -> base::Result<crdt::Batch> {
        std::string const text = TRY(read_input(command.file));
        auto batch = from_lines(text);
        if (!batch) {
            return base::fail(base::concat(command.file == "-" ? "standard input" : command.file,
                                           ": ", batch.error().message));
        }
        // An export is older than what this host has known since.
        crdt::Batch marked = *batch;
        marked.locals.insert_or_assign(std::string(agent::loss_local), base::Bytes());
        net::StateLock const locked = TRY(lock(options));
        TRY_VOID(crdt::make_rocks_store(store_directory(options), marked));
        return batch;
    }();
    if (!imported) {
        return complain(imported.error().message);
    }
    print(base::concat("restored ", counts(*imported), "\n"));
    return ExitCode::done;
}

ExitCode execute(DaemonOptions const& options, StateRepairCommand const&) {
    auto const repaired = [&]() -> base::Result<crdt::Repaired> {
        net::StateLock const locked = TRY(lock(options));
        return crdt::repair_rocks_store(store_directory(options), std::string(agent::loss_local));
    }();
    if (!repaired) {
        return complain(repaired.error().message);
    }
    if (repaired->lost.empty()) {
        print(base::concat("the state in ", store_directory(options),
                           " is sound: ", counts(repaired->kept), "; nothing to repair\n"));
        return ExitCode::done;
    }
    for (std::string const& line : repaired->lost) {
        print(base::concat(line, "\n"));
    }
    print(base::concat("kept ", counts(repaired->kept), "\n"));
    if (!repaired->old_directory.empty()) {
        print(base::concat("the damaged state is in ", repaired->old_directory, "\n"));
    }
    print("start the agent: if other hosts of the fleet answer, it takes their state\n");
    return ExitCode::done;
}

}  // namespace cmd
