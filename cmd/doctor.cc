#include "cmd/doctor.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string_view>

#include <fcntl.h>
#include <linux/magic.h>
#include <linux/sockios.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/statfs.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/text.h"
#include "cmd/commands.h"
#include "cmd/output.h"
#include "cmd/table.h"
#include "net/admin/admin_client.h"

namespace cmd {
namespace {

// What `attempt` returns in a child process, so that what it makes is gone with the child: 0, or
// the errno that stopped it.
int attempt_in_child(int (*attempt)()) {
    pid_t const child = ::fork();
    if (child == 0) {
        ::_exit(attempt() & 0xff);
    }
    int status = 0;
    if (child < 0 || ::waitpid(child, &status, 0) != child || !WIFEXITED(status)) {
        return ECHILD;
    }
    return WEXITSTATUS(status);
}

int try_namespaces() {
    constexpr int all = CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWIPC;
    return ::unshare(all) == 0 ? 0 : errno;
}

int try_bridge() {
    if (::unshare(CLONE_NEWNET) != 0) {
        return errno;
    }
    int const socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return ::ioctl(socket, SIOCBRADDBR, "covey-probe") == 0 ? 0 : errno;
}

Finding tried(std::string subject, int error, std::string_view good, std::string_view advice) {
    if (error == 0) {
        return {Verdict::good, std::move(subject), std::string(good)};
    }
    return {Verdict::missing, std::move(subject), base::concat(std::strerror(error), ": ", advice)};
}

Finding examine_rights() {
    if (::geteuid() == 0) {
        return {Verdict::good, "rights", "root"};
    }
    return {Verdict::missing, "rights", "not root: containers need it; run `sudo agent doctor`"};
}

Finding examine_kernel() {
    utsname name{};
    ::uname(&name);
    constexpr std::array<int, 2> oldest{5, 10};
    auto const parts = base::split(name.release, '.');
    auto const major = base::parse_integer<int>(parts[0]);
    auto const minor = parts.size() > 1 ? base::parse_integer<int>(parts[1]) : std::nullopt;
    std::string const text = base::concat(name.sysname, " ", name.release, " ", name.machine);
    if (major && minor && std::array{*major, *minor} < oldest) {
        return {Verdict::limited, "kernel", text + ": older than 5.10, which is not tested"};
    }
    return {Verdict::good, "kernel", text};
}

Finding examine_overlay() {
    std::ifstream file("/proc/filesystems");
    for (std::string line; std::getline(file, line);) {
        if (line.ends_with("\toverlay")) {
            return {Verdict::good, "overlayfs", "known to the kernel"};
        }
    }
    return {Verdict::missing, "overlayfs",
            "not known to the kernel: load it with `modprobe overlay`"};
}

bool is_cgroup2(char const* path) {
    struct statfs found{};
    return ::statfs(path, &found) == 0 && found.f_type == CGROUP2_SUPER_MAGIC;
}

Finding examine_cgroups() {
    if (is_cgroup2("/sys/fs/cgroup")) {
        std::ifstream file("/sys/fs/cgroup/cgroup.controllers");
        std::string controllers;
        std::getline(file, controllers);
        bool const enough = controllers.contains("cpu") && controllers.contains("memory") &&
                            controllers.contains("pids");
        return {enough ? Verdict::good : Verdict::limited, "cgroups",
                base::concat("version 2 with ", controllers,
                             enough ? "" : ": limits need cpu, memory and pids")};
    }
    bool const memory = ::access("/sys/fs/cgroup/memory", F_OK) == 0;
    if (!memory) {
        return {Verdict::missing, "cgroups",
                "no memory controller under /sys/fs/cgroup: mount the cgroup file systems"};
    }
    if (is_cgroup2("/sys/fs/cgroup/unified")) {
        return {Verdict::good, "cgroups", "hybrid: version 1 with a version 2 tree beside it"};
    }
    return {Verdict::good, "cgroups", "version 1"};
}

std::string_view to_string(Verdict verdict) {
    switch (verdict) {
        case Verdict::good:
            return "ok";
        case Verdict::limited:
            return "limited";
        case Verdict::missing:
            return "missing";
    }
    return {};
}

}  // namespace

std::vector<Finding> examine_host() {
    return {
        examine_rights(),
        examine_kernel(),
        tried("namespaces", attempt_in_child(try_namespaces),
              "network, mount, pid, uts and ipc can be made",
              "the kernel, a container or a security policy forbids new namespaces"),
        tried("bridge", attempt_in_child(try_bridge), "can be made",
              "load it with `modprobe bridge`, and run as root"),
        examine_overlay(),
        examine_cgroups(),
    };
}

ExitCode execute(DaemonOptions const& options, DoctorCommand const&) {
    std::vector<Finding> findings = examine_host();
    std::ranges::move(examine_runtimes(), std::back_inserter(findings));
    Table table{"CHECK", "RESULT", "FOUND"};
    for (Finding const& finding : findings) {
        table.add({finding.subject, std::string(to_string(finding.verdict)), finding.text});
    }
    print(table.text());
    if (auto const lines = net::AdminClient(socket_path(options)).doctor()) {
        print("\nthe running agent\n");
        for (std::string const& line : *lines) {
            print(base::concat("  ", printable(line), "\n"));
        }
    } else {
        print(base::concat("\n", lines.error().message, "\n"));
    }
    bool const able = std::ranges::none_of(
        findings, [](Finding const& finding) { return finding.verdict == Verdict::missing; });
    return able ? ExitCode::done : ExitCode::failed;
}

}  // namespace cmd
