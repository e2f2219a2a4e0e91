#pragma once

#include <expected>
#include <functional>
#include <optional>
#include <span>
#include <string>

#include "cmd/commands.h"

namespace cmd {

// There is nothing to execute: help was asked for, or the command line is wrong.
struct ParseStop {
    ExitCode code{};
    std::string text;  // to standard output if `code` is done, else to standard error
};

using Environment = std::function<std::optional<std::string>(std::string const& name)>;

// What the arguments (without the program's name) ask for. Options of the agent come from the
// arguments, else from the environment ("COVEY_STATE_DIR"), else from the configuration file.
[[nodiscard]] std::expected<Invocation, ParseStop> parse(std::span<std::string const> arguments,
                                                         Environment const& environment);

}  // namespace cmd
