#pragma once

#include <csignal>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include <catch2/catch.hpp>
#include <unistd.h>

#include "net/host.h"
#include "tests/sim/fake_driver.h"
#include "tests/support/temp_dir.h"

namespace support {

// A host on loopback with a simulated driver and nothing else around it. It runs in a thread until
// the process is told to end.
class RunningHost {
public:
    // `store` outlives it.
    RunningHost(crdt::Store& store, net::Fleet const& fleet) {
        net::HostPorts ports{
            .store = store,
            .driver = driver_,
            .set_network = [](agent::NetworkPlan const&) { return base::Result<void>(); },
            .set_zone = [](dns::ZoneData const&) {},
            .set_table = [](lb::Table const&) {},
            .read_compose = [](spec::ComposeRequest const&,
                               spec::FileSource const&) { return spec::ComposeFile(); },
            .load_image = [](std::string const&) -> base::Result<std::vector<std::string>> {
                return base::fail("no images here");
            },
            .images = [] { return std::vector<net::ImageReport>(); },
            .doctor = [] { return std::vector<std::string>(); },
            .reload = {},
            .disk_full = [] { return false; },
            .problems = [] { return std::vector<std::string>(); }};
        net::Identity const identity = net::Identity::generate();
        base::IpAddress const loopback = base::IpAddress::v4(0x7f000001);
        agent::Config config;
        config.id = identity.id();
        config.address = {loopback, 0};
        config.facts.name = "host";
        config.facts.arch = "x86_64";
        auto started = net::Host::start({.agent = config,
                                         .profile = {},
                                         .identity = identity,
                                         .fleet = fleet,
                                         .first_counter = net::first_counter(1),
                                         .transport = {.bind = loopback, .port = 0},
                                         .services_dir = directory_.path("services"),
                                         .socket_path = socket()},
                                        std::move(ports));
        INFO((started ? "" : started.error().message));
        REQUIRE(started);
        host_ = *std::move(started);
        thread_ = std::thread([this] { host_->run(); });
    }

    RunningHost(RunningHost const&) = delete;
    RunningHost& operator=(RunningHost const&) = delete;

    ~RunningHost() {
        if (thread_.joinable()) {
            tell_to_end();
            join();
        }
    }

    void tell_to_end() { ::kill(::getpid(), SIGTERM); }

    void join() { thread_.join(); }

    // Of its admin socket.
    [[nodiscard]] std::string socket() const { return directory_.path("agent.sock"); }

private:
    TempDir directory_;
    sim::FakeMachine machine_{base::Prng(1)};
    sim::FakeDriver driver_{machine_};
    std::unique_ptr<net::Host> host_;
    std::thread thread_;
};

}  // namespace support
