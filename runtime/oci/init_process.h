#pragma once

#include <span>
#include <string>
#include <vector>

namespace runtime {

// The arguments that init_main() understands, "init-process" first.
[[nodiscard]] std::vector<std::string> init_arguments(std::vector<std::string> command);

// The first process of a container that asks for one: runs the command in a process group of its
// own, passes every signal on to it, reaps whatever becomes its child, and ends as the
// command ended (128 + signal). `arguments` is the command line behind the program's name. Returns
// the exit code of the process: 127 if there is no such command, 126 if it cannot be run.
[[nodiscard]] int init_main(std::span<std::string const> arguments);

}  // namespace runtime
