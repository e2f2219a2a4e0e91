#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "spec/compose.h"

namespace cmd {

// A Compose file; "-" is standard input. Its diagnostics are printed to standard error.
[[nodiscard]] base::Result<spec::ComposeFile> read_service_file(std::string const& name);

// The services of several; an error when one of them is not usable.
[[nodiscard]] base::Result<std::vector<spec::ServiceSpec>> read_services(
    std::vector<std::string> const& names);

}  // namespace cmd
