#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "base/time.h"
#include "net/admin/admin_port.h"

namespace boost::asio {
class io_context;
}

namespace net {

inline constexpr std::size_t admin_connections_max = 32;
inline constexpr std::size_t admin_body_max = 4 * 1024 * 1024;
inline constexpr base::Duration admin_idle_max = base::seconds(30);

// The admin socket: HTTP/1.1 with JSON bodies on a unix socket, for those who may open the file
// (root and the group "covey"). Runs on the thread of `io`. A connection beyond the bound is
// answered 503; one that is silent, or does not read its answer, for admin_idle_max is closed.
class AdminServer {
public:
    // Makes the socket file (mode 0660), replacing one that nobody answers on. Fails when another
    // agent answers there. `port` and `io` must outlive the server.
    [[nodiscard]] static base::Result<AdminServer> listen(boost::asio::io_context& io,
                                                          std::string const& path, AdminPort& port);
    // Closes the socket and every connection, and removes the file. A `done` that is called later
    // has no effect, but `io` must still be there.
    ~AdminServer();
    AdminServer(AdminServer&&) noexcept;
    AdminServer& operator=(AdminServer&&) = delete;

    // Accepts no more, lets requests under way be answered, then calls `finished`: for a daemon
    // that exits after answering `leave`. Once.
    void finish(std::function<void()> finished);

private:
    class Listener;
    explicit AdminServer(std::shared_ptr<Listener> listener);
    std::shared_ptr<Listener> listener_;  // shared with the coroutines of the connections
};

}  // namespace net
