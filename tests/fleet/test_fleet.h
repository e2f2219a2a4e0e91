#pragma once

#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "tests/fleet/harness.h"
#include "tests/fleet/http.h"

// What the cases of fleet_test share.

inline constexpr base::Duration patience = base::seconds(30);

// If fleets can be made here; if not, says so in the test's output.
[[nodiscard]] bool can_make_fleets();

// A fleet for one case. At its end the case fails if anything of it is left on this machine.
class TestFleet {
public:
    // Founded, joined, with the image "busybox" everywhere.
    static TestFleet founded(std::size_t hosts = 3);
    // Hosts without agents.
    static TestFleet bare(std::size_t hosts);

    TestFleet(TestFleet&&) = default;
    ~TestFleet();

    fleet::Fleet* operator->() { return &*fleet_; }

    fleet::Host& operator[](std::size_t index) { return fleet_->host(index); }

    // Those hosts whose agents answer, in order.
    [[nodiscard]] std::vector<fleet::Host*> answering();

    // Whether every agent that answers sees exactly `replicas` replicas of the service, all
    // healthy, of the newest revision, on hosts that are alive, and no other instance of it; and no
    // host has another container of it. Waits for that.
    [[nodiscard]] bool becomes_whole(std::string_view service, std::uint32_t replicas);
    // Every agent that answers sees as many hosts alive, and knows and decides the same. Waits.
    [[nodiscard]] bool agrees_on(std::size_t hosts_alive);

    // The container ids of a service, as host 0 sees them.
    [[nodiscard]] std::set<std::string> ids(std::string_view service);
    [[nodiscard]] agent::InstanceReport instance(std::string_view service, std::uint32_t slot = 1);
    // The host that runs it.
    [[nodiscard]] fleet::Host& host_of(agent::InstanceReport const& instance);

    // The service's virtual address and port 80.
    [[nodiscard]] base::SocketAddress vip(std::string_view service);

private:
    TestFleet() = default;

    bool is_whole(std::string_view service, std::uint32_t replicas);

    // On the heap, since hosts refer to it.
    std::unique_ptr<fleet::Fleet> fleet_;
};

// Whether this host lists the other in that state now.
[[nodiscard]] bool sees(fleet::Host const& host, std::string_view other, agent::NodeStatus status);

// A Compose file of project "shop" with service "web": busybox httpd that answers "NAME SALUTE",
// published on port 8080, checked by http.
[[nodiscard]] std::string web_file(std::uint32_t replicas, std::string_view salute = "hello");

// A Compose file of a project with one service, "job", that runs a shell script; `more` is further
// keys of it.
[[nodiscard]] std::string job_file(std::string_view project, std::string_view script,
                                   std::string_view more = "");

// The first words of the answers to as many requests; what went wrong counts as one too.
[[nodiscard]] std::set<std::string> answering_names(base::Descriptor const& netns,
                                                    base::SocketAddress const& server,
                                                    std::size_t requests = 20);
