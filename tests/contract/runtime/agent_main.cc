#include <cstdio>
#include <string>
#include <vector>

#include <unistd.h>

#include "base/text.h"
#include "runtime/oci/init_process.h"
#include "runtime/oci/shim.h"
#include "tests/contract/runtime/oci_host.h"

namespace {

// Starts containers until somebody kills it.
int run_agent(std::string const& directory, std::string const& cgroup_parent) {
    contract::OciHost host(directory, cgroup_parent, "/proc/self/exe");
    host.start_driver();
    auto const adopted = host.driver->adopt([](runtime::Event const&) {});
    if (!adopted) {
        return 1;
    }
    std::puts("ready");
    std::fflush(stdout);
    for (int number = 0; number < 4; ++number) {
        runtime::Start start;
        start.id = base::concat("crash.", getpid(), ".", number);
        start.assignment = {"test/crash", static_cast<std::uint32_t>(number), "r"};
        start.spec.image = "busybox";
        start.spec.command = {"sleep", "1000"};
        host.driver->perform(start);
    }
    for (;;) {
        pause();
    }
}

}  // namespace

int main(int argc, char** argv) {
    std::vector<std::string> const arguments(argv + 1, argv + argc);
    if (!arguments.empty() && arguments[0] == "shim") {
        return runtime::shim_main(arguments);
    }
    if (!arguments.empty() && arguments[0] == "init-process") {
        return runtime::init_main(arguments);
    }
    if (arguments.size() == 3 && arguments[0] == "agent") {
        return run_agent(arguments[1], arguments[2]);
    }
    return 2;
}
