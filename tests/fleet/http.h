#pragma once

#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "base/address.h"
#include "base/descriptor.h"
#include "base/time.h"

namespace fleet {

struct HttpAnswer {
    int status{};  // 0: none came, see `problem`
    std::string body;
    std::string problem;

    [[nodiscard]] bool ok() const { return status == 200; }
};

// One GET over a new connection from inside a network namespace, within `timeout` as a whole.
[[nodiscard]] HttpAnswer http_get(base::Descriptor const& netns, base::SocketAddress const& server,
                                  std::string const& path = "/",
                                  base::Duration timeout = base::seconds(2));

struct Request {
    base::Instant started;
    base::Duration took{};
    HttpAnswer answer;
};

// A client that begins a request every 10 ms, however long earlier ones take, each with a time-out
// of 2 s and a connection of its own, until it is stopped.
class RequestLoop {
public:
    RequestLoop(base::Descriptor const& netns, base::SocketAddress const& server);
    ~RequestLoop();

    // Waits for requests under way. All of them, in the order of their start.
    [[nodiscard]] std::vector<Request> stop();

private:
    void run(base::SocketAddress const& server);

    base::Descriptor stop_;  // an eventfd
    std::vector<Request> done_;
    std::thread thread_;
};

}  // namespace fleet
