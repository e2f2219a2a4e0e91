#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>

#include <catch2/catch.hpp>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "cmd/launch.h"
#include "cmd/notify.h"

namespace {

struct TemporaryDirectory {
    TemporaryDirectory() {
        path = (std::filesystem::temp_directory_path() / "covey-start.XXXXXX").string();
        REQUIRE(::mkdtemp(path.data()) != nullptr);
    }

    ~TemporaryDirectory() { std::filesystem::remove_all(path); }

    std::string path;
};

}  // namespace

TEST_CASE("A daemon that ends at once is reported with its last words") {
    // The program that is started is this test, which does not know the arguments.
    TemporaryDirectory const directory;
    cmd::DaemonOptions options;
    options.state_dir = directory.path;
    options.run_dir = directory.path;
    base::Result<void> const launched = cmd::launch_daemon(options);
    REQUIRE_FALSE(launched.has_value());
    CHECK_THAT(launched.error().message,
               Catch::StartsWith("the agent did not start:\n  ") && Catch::Contains("--state-dir"));
    CHECK(std::filesystem::file_size(directory.path + "/agent.log") > 0);
}

TEST_CASE("A daemon without a place for its log is not started") {
    cmd::DaemonOptions options;
    options.state_dir = "/nonexistent";
    CHECK_THAT(cmd::launch_daemon(options).error().message,
               Catch::Contains("/nonexistent/agent.log"));
}

TEST_CASE("systemd is told that the agent is ready") {
    TemporaryDirectory const directory;
    std::string const path = directory.path + "/notify";
    int const socket = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.data(), path.size());
    REQUIRE(::bind(socket, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);

    ::setenv("NOTIFY_SOCKET", path.c_str(), 1);
    cmd::notify_ready();
    ::unsetenv("NOTIFY_SOCKET");
    char message[64];
    ssize_t const size = ::recv(socket, message, sizeof message, MSG_DONTWAIT);
    REQUIRE(size > 0);
    CHECK(std::string(message, static_cast<std::size_t>(size)) == "READY=1");
    cmd::notify_ready();
    CHECK(::recv(socket, message, sizeof message, MSG_DONTWAIT) < 0);
    ::close(socket);
}
