#pragma once

namespace cmd {

// Tells systemd that the service is up, if it waits for that ($NOTIFY_SOCKET, sd_notify(3)).
void notify_ready();

}  // namespace cmd
