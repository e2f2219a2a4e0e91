#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <deque>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <string>
#include <vector>

#include <catch2/catch.hpp>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include "base/text.h"
#include "runtime/oci/records.h"
#include "runtime/system/process.h"
#include "tests/contract/runtime/oci_host.h"
#include "tests/sim/fake_driver.h"
#include "tests/support/busybox_image.h"

namespace contract {

// The simulated driver, in simulated time.
class FakeFixture {
public:
    FakeFixture() {
        machine_.images.insert("busybox");
        machine_.program_of = [](runtime::ContainerSpec const& spec) {
            std::string const& script = spec.command->back();
            sim::Program program;
            program.output = "hello\n";
            if (script.contains("exit 3")) {
                program.runs_for = base::milliseconds(1);
                program.exit.code = 3;
            }
            program.ignores_term = !script.contains("trap");
            return program;
        };
        restart();
    }

    runtime::Driver& driver() { return *driver_; }

    std::vector<runtime::Adopted> restart() {
        driver_ = std::make_unique<sim::FakeDriver>(machine_);
        auto adopted = driver_->adopt([this](runtime::Event event) { events_.push_back(event); });
        REQUIRE(adopted);
        return *adopted;
    }

    // Lets what an event follows from happen while no agent looks.
    void wait_unseen() {
        driver_->advance(machine_.now + base::seconds(1));
        events_.clear();
    }

    // Ends a container's program without the driver.
    void kill(std::string const& id) {
        machine_.kill(id, {.code = 137, .signal = 9});
        driver_->advance(machine_.now);
    }

    std::size_t waiting_events() { return events_.size(); }

    runtime::Event next() {
        for (int step = 0; step < 1000 && events_.empty(); ++step) {
            driver_->advance(driver_->next_deadline());
        }
        REQUIRE_FALSE(events_.empty());
        runtime::Event event = events_.front();
        events_.pop_front();
        return event;
    }

private:
    sim::FakeMachine machine_{base::Prng(1)};
    std::unique_ptr<sim::FakeDriver> driver_;
    std::deque<runtime::Event> events_;
};

// The real driver with runc or crun, in a directory and cgroups of its own.
class OciFixture {
public:
    OciFixture() : OciFixture(std::vector<std::string>{"crun", "runc"}) {}

    explicit OciFixture(std::vector<std::string> runtimes)
        : host_(make_directory(), base::concat("covey-test-", getpid()), COVEY_TEST_AGENT) {
        if (geteuid() != 0) {
            FAIL("the contract of the real driver needs root");
        }
        host_.runtimes = std::move(runtimes);
        restart();
        std::string const image = host_.directory + "/busybox.tar";
        REQUIRE(support::write_busybox_image(image, "busybox"));
        auto const loaded = host_.images->load(image);
        INFO((loaded ? "" : loaded.error().message));
        REQUIRE(loaded);
    }

    ~OciFixture() {
        clean();
        std::filesystem::remove_all(host_.directory);
    }

    OciFixture(OciFixture const&) = delete;
    OciFixture& operator=(OciFixture const&) = delete;

    runtime::OciDriver& driver() { return *host_.driver; }

    OciHost& host() { return host_; }

    std::vector<runtime::Adopted> restart() {
        host_.start_driver();
        auto adopted = host_.driver->adopt([this](runtime::Event event) {
            std::lock_guard const lock(mutex_);
            events_.push_back(std::move(event));
            ready_.notify_one();
        });
        REQUIRE(adopted);
        return *adopted;
    }

    // Ends the driver, so that nobody sees what happens next.
    void wait_unseen() {
        host_.driver.reset();
        std::string const containers = host_.directory + "/state/containers/";
        for (auto const& entry : std::filesystem::directory_iterator(containers)) {
            auto const deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
            while (!std::filesystem::exists(entry.path() / "exit.json") &&
                   std::chrono::steady_clock::now() < deadline) {
                std::this_thread::yield();
            }
        }
    }

    // Ends a container's program without the driver, and waits for the end of its shim.
    void kill(std::string const& id) {
        auto const record =
            runtime::read_shim(host_.directory + "/state/containers/" + id + "/shim.json");
        REQUIRE(record);
        auto const shim = runtime::open_process(record->shim);
        REQUIRE(shim);
        ::kill(record->container.pid, SIGKILL);
        pollfd polled{shim->get(), POLLIN, 0};
        REQUIRE(poll(&polled, 1, 30'000) == 1);
    }

    std::size_t waiting_events() {
        std::lock_guard const lock(mutex_);
        return events_.size();
    }

    runtime::Event next() {
        std::unique_lock lock(mutex_);
        REQUIRE(
            ready_.wait_for(lock, std::chrono::seconds(30), [this] { return !events_.empty(); }));
        runtime::Event event = std::move(events_.front());
        events_.pop_front();
        return event;
    }

    // What this host still holds of containers: mounts, namespaces, cgroups, directories.
    std::vector<std::string> leftovers() {
        std::vector<std::string> found;
        std::ifstream mounts("/proc/self/mountinfo");
        for (std::string line; std::getline(mounts, line);) {
            if (line.contains(host_.directory)) {
                found.push_back(line);
            }
        }
        for (std::string const part : {"/state/containers", "/netns", "/run/oci"}) {
            for (std::string const& name : runtime::list_directory(host_.directory + part)) {
                found.push_back(part + "/" + name);
            }
        }
        for (std::string const& path : cgroups()) {
            for (auto const& entry : std::filesystem::directory_iterator(path)) {
                if (entry.is_directory()) {
                    found.push_back(entry.path());
                }
            }
        }
        return found;
    }

private:
    static std::string make_directory() {
        char path[] = "/tmp/covey-contract.XXXXXX";
        REQUIRE(mkdtemp(path) != nullptr);
        return path;
    }

    // The parent cgroups of this test in all hierarchies, version 1 and 2.
    [[nodiscard]] std::vector<std::string> cgroups() const {
        std::vector<std::string> found;
        std::vector<std::string> roots{"/sys/fs/cgroup"};
        for (std::string const& name : runtime::list_directory("/sys/fs/cgroup")) {
            roots.push_back("/sys/fs/cgroup/" + name);
        }
        for (std::string const& root : roots) {
            std::string path = root + "/" + host_.cgroup_parent;
            if (std::filesystem::is_directory(path)) {
                found.push_back(std::move(path));
            }
        }
        return found;
    }

    // Frees what a failed test left: a new driver adopts it, and it is removed.
    void clean() {
        host_.start_driver();
        auto const adopted = host_.driver->adopt([this](runtime::Event event) {
            std::lock_guard const lock(mutex_);
            events_.push_back(std::move(event));
            ready_.notify_one();
        });
        std::size_t missing = 0;
        if (adopted) {
            for (runtime::Adopted const& one : *adopted) {
                host_.driver->perform(runtime::Remove{one.id});
                ++missing;
            }
        }
        std::unique_lock lock(mutex_);
        ready_.wait_for(lock, std::chrono::seconds(30), [&] {
            return static_cast<std::size_t>(std::ranges::count_if(events_, [](auto const& event) {
                       return std::holds_alternative<runtime::Removed>(event);
                   })) >= missing;
        });
        lock.unlock();
        host_.driver.reset();
        for (std::string const& path : cgroups()) {
            rmdir(path.c_str());
        }
    }

    std::mutex mutex_;
    std::condition_variable ready_;
    std::deque<runtime::Event> events_;
    OciHost host_;
};

template <class Event, class Fixture>
Event expect(Fixture& fixture) {
    runtime::Event event = fixture.next();
    if (auto const* const failed = std::get_if<runtime::StartFailed>(&event)) {
        INFO("start failed: " << failed->reason);
        REQUIRE(std::holds_alternative<Event>(event));
    }
    REQUIRE(std::holds_alternative<Event>(event));
    return std::get<Event>(event);
}

// Waits until a container's log ends so; there may be no log yet.
template <class Fixture>
void wait_for_log(Fixture& fixture, std::string const& id, std::string const& ending) {
    auto const deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    std::string text;
    while (!text.ends_with(ending) && std::chrono::steady_clock::now() < deadline) {
        auto const log = fixture.driver().read_log(id, 0, false, 10000);
        text = log ? log->text : "";
    }
    REQUIRE(text.ends_with(ending));
}

// Waits until the program of a container has said hello: it has set its traps by then.
template <class Fixture>
void wait_for_hello(Fixture& fixture, std::string const& id) {
    wait_for_log(fixture, id, "hello\n");
}

inline runtime::Start start_of(std::string id, std::string script) {
    runtime::Start start;
    start.id = std::move(id);
    start.assignment = {"shop/web", 1, "r1"};
    start.spec.image = "busybox";
    start.spec.command = {"sh", "-c", std::move(script)};
    return start;
}

// Runs a container to its end and gives what it printed.
inline std::string output_of(OciFixture& fixture, runtime::Start const& start) {
    fixture.driver().perform(start);
    expect<runtime::Started>(fixture);
    expect<runtime::Exited>(fixture);
    auto log = fixture.driver().read_log(start.id, 0, false, 10000);
    REQUIRE(log);
    fixture.driver().perform(runtime::Remove{start.id});
    expect<runtime::Removed>(fixture);
    return log->text;
}

inline constexpr char const* prints_and_exits = "echo hello; exit 3";
inline constexpr char const* heeds_term =
    "trap 'exit 0' TERM; echo hello; while :; do sleep 0.05; done";
inline constexpr char const* ignores_term = "echo hello; while :; do sleep 0.05; done";

}  // namespace contract
