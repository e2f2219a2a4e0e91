#include <cstdio>
#include <cstdlib>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "cmd/commands.h"
#include "cmd/output.h"
#include "cmd/parse.h"
#include "runtime/oci/init_process.h"
#include "runtime/oci/shim.h"

namespace {

std::optional<std::string> environment(std::string const& name) {
    char const* const value = std::getenv(name.c_str());
    return value != nullptr ? std::optional<std::string>(value) : std::nullopt;
}

}  // namespace

int main(int count, char** words) {
    std::vector<std::string> const arguments(words + (count > 0 ? 1 : 0), words + count);
    // The supervisor of one container: started by the agent, not for people.
    if (!arguments.empty() && arguments.front() == "shim") {
        return runtime::shim_main(arguments);
    }
    // Process 1 of a container that asks for one.
    if (!arguments.empty() && arguments.front() == "init-process") {
        return runtime::init_main(arguments);
    }
    auto const parsed = cmd::parse(arguments, environment);
    if (!parsed) {
        if (parsed.error().code == cmd::ExitCode::done) {
            cmd::print(parsed.error().text);
        } else {
            std::fwrite(parsed.error().text.data(), 1, parsed.error().text.size(), stderr);
        }
        return static_cast<int>(parsed.error().code);
    }
    auto const run = [&](auto const& command) { return cmd::execute(parsed->options, command); };
    return static_cast<int>(std::visit(run, parsed->command));
}
