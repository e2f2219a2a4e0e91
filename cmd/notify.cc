#include "cmd/notify.h"

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"

namespace cmd {

void notify_ready() {
    char const* const variable = std::getenv("NOTIFY_SOCKET");
    std::string_view const path = variable != nullptr ? variable : "";
    sockaddr_un address{};
    if (path.empty() || path.size() >= sizeof(address.sun_path)) {
        return;
    }
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.data(), path.size());
    if (path.front() == '@') {
        address.sun_path[0] = '\0';  // an abstract socket
    }
    auto const length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size());
    static constexpr std::string_view message = "READY=1";
    int const socket = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    ssize_t const sent = ::sendto(socket, message.data(), message.size(), MSG_NOSIGNAL,
                                  reinterpret_cast<sockaddr const*>(&address), length);
    if (sent < 0) {
        base::log(base::LogLevel::warning, "systemd", "could not report readiness");
    }
    ::close(socket);
}

}  // namespace cmd
