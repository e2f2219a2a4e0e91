#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "spec/compose.h"

namespace cmd {

// Compose files as a user names them.
struct ComposeFiles {
    std::vector<std::string> files;      // "-": standard input; the later over the earlier
    std::vector<std::string> env_files;  // none: .env beside the first file
    std::vector<std::string> profiles;
};

// Reads them, with the user's environment over the env files.
[[nodiscard]] spec::ComposeFile read_compose_files(ComposeFiles const& files);

// Every diagnostic to standard error, a line each.
void print_diagnostics(spec::ComposeFile const& file);

// The services of files whose diagnostics were printed; an error if they are not usable.
[[nodiscard]] base::Result<std::vector<spec::ServiceSpec>> read_services(ComposeFiles const& files);

}  // namespace cmd
