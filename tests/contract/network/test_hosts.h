#pragma once

#include <cstdint>
#include <future>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "base/address.h"
#include "base/descriptor.h"

// Network namespaces can be made here; if not, says so in the test's output.
[[nodiscard]] bool can_make_hosts();

// A directory that is removed, with what is bound in it, at the end of the test.
class TestDirectory {
public:
    TestDirectory();
    ~TestDirectory();

    [[nodiscard]] std::string const& path() const { return path_; }

    // Entries in it plus mounts below it.
    [[nodiscard]] std::size_t remains() const;

private:
    std::string path_;
};

// A host: a network namespace that ends with the object.
class TestHost {
public:
    TestHost();

    // Runs `work` inside, on a thread of its own; what it throws, this throws.
    template <class Work>
    auto run(Work work) const {
        return run_in(netns_.get(), std::move(work));
    }

    // A shell command inside; the test fails when the command does.
    void shell(std::string const& command) const;
    // Whether the command succeeds.
    [[nodiscard]] bool succeeds(std::string const& command) const;

    [[nodiscard]] int netns() const { return netns_.get(); }

    template <class Work>
    static auto run_in(int netns, Work work) {
        std::packaged_task<decltype(work())()> task([&] {
            enter(netns);
            return work();
        });
        auto result = task.get_future();
        std::thread(std::ref(task)).join();
        return result.get();
    }

private:
    static void enter(int netns);

    base::Descriptor netns_;
};

// A cable between two hosts, with an address at each end: "192.168.77.1/24".
void link_hosts(TestHost const& left, std::string const& left_address, TestHost const& right,
                std::string const& right_address);

// A TCP listener in that namespace on any port of `ip`.
struct TestListener {
    base::Descriptor socket;
    base::SocketAddress address;
};

[[nodiscard]] TestListener listen_in(int netns, base::IpAddress ip);

// Connects from a namespace; the client's address as the listener sees it, or nothing when the
// connection is refused or takes longer than `seconds`.
[[nodiscard]] std::optional<base::IpAddress> seen_client(int from_netns, TestListener const& to,
                                                         int seconds = 5);
