#include "cmd/membership.h"

namespace cmd {

base::Result<void> found_fleet(DaemonOptions const&) {
    return base::fail("this build cannot found a fleet");
}

base::Result<void> join_fleet(DaemonOptions const&, base::SocketAddress const&, std::string_view) {
    return base::fail("this build cannot join a fleet");
}

}  // namespace cmd
