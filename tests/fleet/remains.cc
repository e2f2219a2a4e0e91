#include "tests/fleet/remains.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <utility>

#include <poll.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/descriptor.h"
#include "base/text.h"
#include "tests/fleet/command.h"

namespace fleet {
namespace {

namespace fs = std::filesystem;

constexpr auto cgroup_root = "/sys/fs/cgroup";
constexpr base::Duration patience = base::seconds(5);

std::string read_text(fs::path const& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

struct Mount {
    std::string point;
    std::string root;  // of a bound namespace: "net:[4026532000]"
};

std::vector<Mount> mounts_below(std::string const& directory) {
    std::vector<Mount> found;
    std::ifstream mounts("/proc/self/mountinfo");
    for (std::string line; std::getline(mounts, line);) {
        auto const fields = base::split(line, ' ');
        if (fields.size() > 4 && fields[4].starts_with(base::concat(directory, "/"))) {
            found.push_back({std::string(fields[4]), std::string(fields[3])});
        }
    }
    return found;
}

bool names_cgroup(Scope const& scope, std::string_view name) {
    return scope.cgroup.ends_with('-') ? name.starts_with(scope.cgroup) : name == scope.cgroup;
}

bool in_cgroup(Scope const& scope, fs::path const& process) {
    std::string const text = read_text(process / "cgroup");
    for (std::string_view const line : base::split(text, '\n')) {
        auto const names = base::split(line, '/');
        if (names.size() > 1 && names_cgroup(scope, names[1])) {
            return true;
        }
    }
    return false;
}

std::vector<std::pair<pid_t, fs::path>> all_processes() {
    std::vector<std::pair<pid_t, fs::path>> found;
    std::error_code ignored;
    for (fs::directory_entry const& entry : fs::directory_iterator("/proc", ignored)) {
        auto const pid = base::parse_integer<pid_t>(entry.path().filename().string());
        if (pid && *pid != ::getpid() && is_running(*pid)) {
            found.emplace_back(*pid, entry.path());
        }
    }
    return found;
}

// One directory per hierarchy of cgroup v1, the root itself with v2.
std::vector<fs::path> cgroups_of(Scope const& scope) {
    std::vector<fs::path> found;
    std::error_code ignored;
    auto const look_in = [&](fs::path const& parent) {
        for (fs::directory_entry const& entry : fs::directory_iterator(parent, ignored)) {
            if (names_cgroup(scope, entry.path().filename().string())) {
                found.push_back(entry.path());
            }
        }
    };
    look_in(cgroup_root);
    for (fs::directory_entry const& entry : fs::directory_iterator(cgroup_root, ignored)) {
        if (entry.is_directory(ignored) && !entry.is_symlink(ignored)) {
            look_in(entry.path());
        }
    }
    return found;
}

// A control group is removed with rmdir(2), which leaves its files alone, from the leaves up.
void remove_cgroup(fs::path const& path) {
    std::error_code ignored;
    for (fs::directory_entry const& entry : fs::directory_iterator(path, ignored)) {
        if (entry.is_directory(ignored) && !entry.is_symlink(ignored)) {
            remove_cgroup(entry.path());
        }
    }
    ::rmdir(path.c_str());
}

}  // namespace

std::string run_directory(std::string const& run) {
    return base::concat("/tmp/covey-", run);
}

Scope scope_of_run(std::string const& run) {
    return {run_directory(run), base::concat("covey-", run, "-")};
}

std::vector<pid_t> processes_of(Scope const& scope) {
    std::set<std::string> namespaces;
    for (Mount const& mount : mounts_below(scope.directory)) {
        if (mount.root.starts_with("net:")) {
            namespaces.insert(mount.root);
        }
    }
    std::vector<pid_t> found;
    for (auto const& [pid, path] : all_processes()) {
        std::error_code error;
        fs::path const netns = fs::read_symlink(path / "ns/net", error);
        if ((!error && namespaces.contains(netns.string())) || in_cgroup(scope, path)) {
            found.push_back(pid);
        }
    }
    return found;
}

bool is_running(pid_t process) {
    base::Descriptor const handle(static_cast<int>(::syscall(SYS_pidfd_open, process, 0)));
    pollfd entry{.fd = handle.get(), .events = POLLIN, .revents = 0};
    return handle && ::poll(&entry, 1, 0) == 0;
}

void kill_processes(Scope const& scope) {
    // One whose first thread has ended is no longer listed, though the others still run.
    std::set<pid_t> killed;
    (void)wait_until(patience, [&] {
        auto const processes = processes_of(scope);
        for (pid_t const pid : processes) {
            ::kill(pid, SIGKILL);
            killed.insert(pid);
        }
        std::erase_if(killed, [](pid_t pid) { return !is_running(pid); });
        return processes.empty() && killed.empty();
    });
}

void release(Scope const& scope) {
    kill_processes(scope);
    (void)wait_until(patience, [&] {
        auto const mounts = mounts_below(scope.directory);
        for (auto mount = mounts.rbegin(); mount != mounts.rend(); ++mount) {
            ::umount2(mount->point.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW);
        }
        auto const cgroups = cgroups_of(scope);
        std::ranges::for_each(cgroups, remove_cgroup);
        return mounts.empty() && cgroups.empty();
    });
}

void clean_up(std::string const& run) {
    release(scope_of_run(run));
    // Unmounted or not: nothing below a mount may be deleted.
    if (mounts_below(run_directory(run)).empty()) {
        std::error_code ignored;
        fs::remove_all(run_directory(run), ignored);
    }
}

std::vector<std::string> leftovers(std::string const& run) {
    Scope const scope = scope_of_run(run);
    std::vector<std::string> found;
    std::set<pid_t> const known = [&] {
        auto const processes = processes_of(scope);
        return std::set<pid_t>(processes.begin(), processes.end());
    }();
    for (auto const& [pid, path] : all_processes()) {
        std::string line = read_text(path / "cmdline");
        std::ranges::replace(line, '\0', ' ');
        if (known.contains(pid) || line.find(scope.directory + "/") != std::string::npos) {
            found.push_back(base::concat("process ", pid, ": ", line));
        }
    }
    for (Mount const& mount : mounts_below(scope.directory)) {
        found.push_back(base::concat(
            mount.root.starts_with("net:") ? "network namespace " : "mount ", mount.point));
    }
    for (fs::path const& path : cgroups_of(scope)) {
        found.push_back(base::concat("control group ", path.string()));
    }
    if (fs::exists(scope.directory)) {
        found.push_back(base::concat("files in ", scope.directory));
    }
    return found;
}

}  // namespace fleet
