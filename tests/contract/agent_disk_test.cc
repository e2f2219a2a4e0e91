// An agent whose disk is full: it answers, refuses what it cannot keep, and goes on by itself when
// there is room again.
#include <algorithm>
#include <chrono>
#include <csignal>
#include <functional>
#include <memory>
#include <thread>

#include <catch2/catch.hpp>
#include <unistd.h>

#include "crdt/rocks_store.h"
#include "net/admin/admin_client.h"
#include "net/host.h"
#include "tests/contract/mounted.h"
#include "tests/contract/store_support.h"
#include "tests/sim/fake_driver.h"

namespace {

using support::TempDirectory;
using support::Tmpfs;

class RunningHost {
public:
    explicit RunningHost(std::string const& state) : client_(directory_.path() / "agent.sock") {
        auto opened = crdt::open_rocks_store(state);
        REQUIRE(opened);
        store_ = *std::move(opened);
        net::HostPorts ports{
            .store = *store_,
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
        auto started =
            net::Host::start({.agent = config,
                              .profile = {},
                              .identity = identity,
                              .fleet = net::make_fleet("test"),
                              .first_counter = net::first_counter(1),
                              .transport = {.bind = loopback, .port = 0},
                              .services_dir = (directory_.path() / "services").string(),
                              .socket_path = (directory_.path() / "agent.sock").string()},
                             std::move(ports));
        INFO((started ? "" : started.error().message));
        REQUIRE(started);
        host_ = *std::move(started);
        thread_ = std::thread([this] { host_->run(); });
    }

    RunningHost(RunningHost const&) = delete;
    RunningHost& operator=(RunningHost const&) = delete;

    ~RunningHost() {
        ::kill(::getpid(), SIGTERM);
        thread_.join();
    }

    [[nodiscard]] net::AdminClient const& client() const { return client_; }

private:
    TempDirectory directory_;
    net::AdminClient client_;
    std::unique_ptr<crdt::Store> store_;
    sim::FakeMachine machine_{base::Prng(1)};
    sim::FakeDriver driver_{machine_};
    std::unique_ptr<net::Host> host_;
    std::thread thread_;
};

spec::ServiceSpec service(int number) {
    spec::ServiceSpec out;
    out.project = "shop";
    out.name = "web" + std::to_string(number);
    out.image = "web:1";
    out.replicas = 0;
    for (int i = 0; i < 50; ++i) {
        out.environment["FILL" + std::to_string(i)] = std::string(2000, 'x');
    }
    return out;
}

bool within(std::chrono::seconds time, std::function<bool()> const& condition) {
    auto const deadline = std::chrono::steady_clock::now() + time;
    while (!condition()) {
        if (std::chrono::steady_clock::now() > deadline) {
            return false;
        }
    }
    return true;
}

}  // namespace

TEST_CASE("agent: a full disk refuses changes with the reason, and is left behind by itself") {
    if (!support::can_mount()) {
        return;
    }
    TempDirectory directory;
    Tmpfs const disk((directory.path() / "disk").string(), "size=24m");
    std::string const state = disk.directory() + "/state";
    REQUIRE(crdt::make_rocks_store(state));
    int applied = 0;
    {
        RunningHost const host(state);
        net::AdminClient const& client = host.client();
        auto const first = client.apply({service(applied++)}, {});
        INFO((first ? "" : first.error().message));
        REQUIRE(first);
        disk.fill();
        std::string reason;
        // The log has some room of its own.
        while (reason.empty() && applied < 200) {
            auto const answer = client.apply({service(applied++)}, {});
            reason = answer ? "" : answer.error().message;
        }
        CHECK_THAT(reason, Catch::Contains("not on this host's disk") &&
                               Catch::Contains("no space left") && Catch::Contains(state));
        auto const status = client.status();
        REQUIRE(status);
        CHECK(client.services()->size() == static_cast<std::size_t>(applied));
        disk.release();
        REQUIRE(within(std::chrono::seconds(20), [&] {
            auto const answer = client.apply({service(applied)}, {});
            return answer.has_value() && answer->changed.empty();
        }));
        ++applied;
    }
    // What was refused is on the disk as well: it was in force all the time.
    auto const kept = crdt::read_rocks_store(state);
    REQUIRE(kept);
    auto const services = std::ranges::count_if(
        kept->entries, [](crdt::Entry const& entry) { return entry.key.starts_with("service/"); });
    CHECK(services == applied);
}
