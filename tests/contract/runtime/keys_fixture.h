#pragma once

#include <set>
#include <string>
#include <utility>
#include <vector>

#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "runtime/oci/host_abilities.h"
#include "tests/contract/runtime/fixtures.h"

namespace contract {

// A driver on one of the OCI runtimes, for what a specification does inside a real container.
class KeysFixture : public OciFixture {
public:
    explicit KeysFixture(std::string const& runtime)
        : OciFixture((leave_unified_cgroups(), std::vector<std::string>{runtime})) {
        INFO(driver().description() << "; " << driver().diagnose().front());
        REQUIRE(driver().description().starts_with("oci (" + runtime));
    }

    // What the container printed; `start` may leave the command to this.
    std::string output(runtime::ContainerSpec spec, std::string script) {
        runtime::Start start = start_of(base::concat("keys.", ++count_), std::move(script));
        spec.image = start.spec.image;
        spec.command = start.spec.command;
        start.spec = std::move(spec);
        notice_.clear();
        driver().perform(start);
        notice_ = expect<runtime::Started>(*this).notice;
        exit_ = expect<runtime::Exited>(*this).status;
        auto log = driver().read_log(start.id, 0, false, 10000);
        REQUIRE(log);
        driver().perform(runtime::Remove{start.id});
        expect<runtime::Removed>(*this);
        return log->text;
    }

    // Why the container is refused.
    std::string refusal(runtime::ContainerSpec spec) {
        runtime::Start start = start_of(base::concat("keys.", ++count_), "true");
        spec.image = start.spec.image;
        spec.command = start.spec.command;
        start.spec = std::move(spec);
        driver().perform(start);
        runtime::Event const event = next();
        REQUIRE(std::holds_alternative<runtime::StartFailed>(event));
        CHECK(leftovers() == std::vector<std::string>{});
        return std::get<runtime::StartFailed>(event).reason;
    }

    runtime::HostAbilities host_abilities() {
        return runtime::find_host_abilities({.cgroup_parent = host().cgroup_parent,
                                             .agent_path = COVEY_TEST_AGENT,
                                             .runtime = driver().diagnose().front()});
    }

    // Of the last output().
    [[nodiscard]] std::string const& notice() const { return notice_; }

    [[nodiscard]] runtime::ExitStatus exit() const { return exit_; }

private:
    // Some crun refuse a host whose cgroups are of both versions: this process sees version 1.
    static void leave_unified_cgroups() {
        static bool left = false;
        if (std::exchange(left, true) || !runtime::file_exists("/sys/fs/cgroup/unified")) {
            return;
        }
        char tree[] = "/tmp/covey-cgroups.XXXXXX";
        REQUIRE(unshare(CLONE_NEWNS) == 0);
        REQUIRE(mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0);
        REQUIRE(mkdtemp(tree) != nullptr);
        REQUIRE(mount("tmpfs", tree, "tmpfs", 0, "mode=755") == 0);
        for (std::string const& name : runtime::list_directory("/sys/fs/cgroup")) {
            if (name != "unified") {
                std::string const from = "/sys/fs/cgroup/" + name;
                std::string const to = base::concat(tree, "/", name);
                REQUIRE(mkdir(to.c_str(), 0755) == 0);
                REQUIRE(mount(from.c_str(), to.c_str(), nullptr, MS_BIND, nullptr) == 0);
            }
        }
        REQUIRE(mount(tree, "/sys/fs/cgroup", nullptr, MS_MOVE, nullptr) == 0);
        rmdir(tree);
    }

    int count_ = 0;  // each container has a log of its own
    std::string notice_;
    runtime::ExitStatus exit_;
};

}  // namespace contract
