#include "test_hosts.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <arpa/inet.h>
#include <catch2/catch.hpp>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/text.h"

namespace {

sockaddr_in to_sockaddr(base::SocketAddress const& address) {
    sockaddr_in out{};
    out.sin_family = AF_INET;
    out.sin_port = htons(address.port);
    out.sin_addr.s_addr = htonl(address.ip.v4_value());
    return out;
}

bool wait_for(int fd, short events, int seconds) {
    pollfd entry{.fd = fd, .events = events, .revents = 0};
    return ::poll(&entry, 1, seconds * 1000) == 1;
}

std::vector<std::string> mounts_below(std::string const& path) {
    std::vector<std::string> found;
    std::ifstream mounts("/proc/self/mountinfo");
    for (std::string line; std::getline(mounts, line);) {
        std::string const point(base::split(line, ' ')[4]);
        if (point.starts_with(path + "/")) {
            found.push_back(point);
        }
    }
    return found;
}

}  // namespace

bool can_make_hosts() {
    if (::geteuid() == 0) {
        return true;
    }
    WARN("skipped: network namespaces need root");
    return false;
}

TestDirectory::TestDirectory() {
    char name[] = "/tmp/covey-network-XXXXXX";
    REQUIRE(::mkdtemp(name) != nullptr);
    path_ = name;
}

TestDirectory::~TestDirectory() {
    for (std::string const& point : mounts_below(path_)) {
        ::umount2(point.c_str(), MNT_DETACH);
    }
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}

std::size_t TestDirectory::remains() const {
    std::size_t count = mounts_below(path_).size();
    for ([[maybe_unused]] auto const& entry : std::filesystem::directory_iterator(path_)) {
        ++count;
    }
    return count;
}

TestHost::TestHost() {
    std::thread([&] {
        if (::unshare(CLONE_NEWNET) == 0) {
            netns_ = base::Descriptor(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
        }
    }).join();
    REQUIRE(netns_);
    shell("ip link set lo up");
}

void TestHost::enter(int netns) {
    if (::setns(netns, CLONE_NEWNET) != 0) {
        throw std::system_error(errno, std::generic_category(), "setns");
    }
}

bool TestHost::succeeds(std::string const& command) const {
    return run([&] { return std::system(command.c_str()); }) == 0;
}

void TestHost::shell(std::string const& command) const {
    INFO(command);
    REQUIRE(succeeds(command));
}

void link_hosts(TestHost const& left, std::string const& left_address, TestHost const& right,
                std::string const& right_address) {
    left.shell(base::concat("ip link add cable type veth peer name cable netns /proc/",
                            int{::getpid()}, "/fd/", right.netns()));
    left.shell(base::concat("ip addr add ", left_address, " dev cable && ip link set cable up"));
    right.shell(base::concat("ip addr add ", right_address, " dev cable && ip link set cable up"));
}

TestListener listen_in(int netns, base::IpAddress ip) {
    return TestHost::run_in(netns, [&] {
        TestListener made{base::Descriptor(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)), {}};
        sockaddr_in address = to_sockaddr({ip, 0});
        socklen_t size = sizeof address;
        auto* const generic = reinterpret_cast<sockaddr*>(&address);
        REQUIRE(::bind(made.socket.get(), generic, size) == 0);
        REQUIRE(::listen(made.socket.get(), 16) == 0);
        REQUIRE(::getsockname(made.socket.get(), generic, &size) == 0);
        made.address = {ip, ntohs(address.sin_port)};
        return made;
    });
}

std::optional<base::IpAddress> seen_client(int from_netns, TestListener const& to, int seconds) {
    return TestHost::run_in(from_netns, [&]() -> std::optional<base::IpAddress> {
        base::Descriptor const client(
            ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
        sockaddr_in address = to_sockaddr(to.address);
        if (::connect(client.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 &&
            errno != EINPROGRESS) {
            return std::nullopt;
        }
        if (!wait_for(to.socket.get(), POLLIN, seconds)) {
            return std::nullopt;
        }
        sockaddr_in peer{};
        socklen_t size = sizeof peer;
        base::Descriptor const accepted(
            ::accept4(to.socket.get(), reinterpret_cast<sockaddr*>(&peer), &size, SOCK_CLOEXEC));
        REQUIRE(accepted);
        char letter = 'x';
        bool const carried = wait_for(client.get(), POLLOUT, seconds) &&
                             ::send(client.get(), &letter, 1, MSG_NOSIGNAL) == 1 &&
                             wait_for(accepted.get(), POLLIN, seconds) &&
                             ::recv(accepted.get(), &letter, 1, 0) == 1;
        if (!carried) {
            return std::nullopt;
        }
        return base::IpAddress::v4(ntohl(peer.sin_addr.s_addr));
    });
}
