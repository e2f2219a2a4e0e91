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

ExitCode complain(net::AdminError const& error) {
    complain(error.message);
    return error.code == net::AdminErrc::unreachable ? ExitCode::unreachable : ExitCode::failed;
}

}  // namespace cmd
