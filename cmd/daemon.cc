#include "cmd/daemon.h"

#include "cmd/output.h"

namespace cmd {

int run_daemon(DaemonOptions const&) {
    return static_cast<int>(complain("this build has no daemon"));
}

}  // namespace cmd
