#include "runtime/oci/host_abilities.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <initializer_list>
#include <optional>

#include <elf.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/text.h"
#include "runtime/system/file.h"

namespace runtime {
namespace {

constexpr std::size_t small_file_max = 65536;
constexpr std::uint32_t cpu_max = 8191;
constexpr CapabilitySet may_raise_limits = CapabilitySet{1} << 24;  // CAP_SYS_RESOURCE
constexpr std::string_view deleted = " (deleted)";

constexpr std::pair<char const*, int> ulimits[] = {
    {"core", RLIMIT_CORE},         {"cpu", RLIMIT_CPU},
    {"data", RLIMIT_DATA},         {"fsize", RLIMIT_FSIZE},
    {"locks", RLIMIT_LOCKS},       {"memlock", RLIMIT_MEMLOCK},
    {"msgqueue", RLIMIT_MSGQUEUE}, {"nice", RLIMIT_NICE},
    {"nofile", RLIMIT_NOFILE},     {"nproc", RLIMIT_NPROC},
    {"rss", RLIMIT_RSS},           {"rtprio", RLIMIT_RTPRIO},
    {"rttime", RLIMIT_RTTIME},     {"sigpending", RLIMIT_SIGPENDING},
    {"stack", RLIMIT_STACK}};

std::string text_of(std::string const& path) {
    auto const text = read_file(path, small_file_max);
    return text ? std::string(base::trim(*text)) : std::string();
}

// The capabilities that /proc/self/status gives in hexadecimal.
CapabilitySet own_capabilities() {
    std::string const status = text_of("/proc/self/status");
    for (std::string_view const line : base::split(status, '\n')) {
        if (line.starts_with("CapBnd:")) {
            std::string_view const digits = base::trim(line.substr(7));
            CapabilitySet set = 0;
            std::from_chars(digits.data(), digits.data() + digits.size(), set, 16);
            return set & all_capabilities();
        }
    }
    return 0;
}

// Whoever may raise limits is bound by the kernel's alone, which exists for open files.
std::int64_t ulimit_max(std::string_view name, int resource, bool may_raise) {
    if (may_raise) {
        auto const files = base::parse_integer<std::int64_t>(text_of("/proc/sys/fs/nr_open"));
        return name == "nofile" ? files.value_or(1 << 20) : -1;
    }
    rlimit own{};
    getrlimit(static_cast<__rlimit_resource_t>(resource), &own);
    return own.rlim_max == RLIM_INFINITY ? -1 : static_cast<std::int64_t>(own.rlim_max);
}

bool any_exists(std::initializer_list<std::string> paths) {
    return std::ranges::any_of(paths, [](std::string const& path) { return file_exists(path); });
}

std::string architecture() {
    utsname host{};
    uname(&host);
    std::string const machine = host.machine;
    if (machine == "x86_64") {
        return "amd64";
    }
    return machine == "aarch64" ? "arm64" : machine;
}

// A program that asks for an interpreter needs libraries, which images do not have.
bool runs_alone(std::string const& path) {
    auto const file = open_file(path, O_RDONLY);
    Elf64_Ehdr header{};
    if (!file || read(file->get(), &header, sizeof header) != sizeof header ||
        std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 ||
        header.e_phentsize != sizeof(Elf64_Phdr)) {
        return false;
    }
    for (int index = 0; index < header.e_phnum; ++index) {
        Elf64_Phdr segment{};
        auto const at = static_cast<off_t>(header.e_phoff) + index * header.e_phentsize;
        if (pread(file->get(), &segment, sizeof segment, at) != sizeof segment ||
            segment.p_type == PT_INTERP) {
            return false;
        }
    }
    return true;
}

// The path by which others find the agent's program: /proc/self/exe is their own to them.
std::string init_program(std::string const& agent_path) {
    char target[PATH_MAX];
    ssize_t const size = readlink(agent_path.c_str(), target, sizeof target);
    std::string path = size > 0 ? std::string(target, static_cast<std::size_t>(size)) : agent_path;
    if (path.ends_with(deleted)) {
        path.resize(path.size() - deleted.size());  // an upgrade has put another in its place
    }
    return path.starts_with('/') && runs_alone(path) ? path : std::string();
}

}  // namespace

HostAbilities find_host_abilities(HostQuestion const& question) {
    HostAbilities host;
    host.architecture = architecture();
    host.capabilities = own_capabilities();
    bool const may_raise = (host.capabilities & may_raise_limits) != 0;
    for (auto const& [name, resource] : ulimits) {
        host.ulimits_max[name] = ulimit_max(name, resource, may_raise);
    }
    if (!may_raise) {
        host.oom_score_adj_min =
            base::parse_integer<std::int32_t>(text_of("/proc/self/oom_score_adj")).value_or(0);
    }
    host.cpus = parse_cpus(text_of("/sys/devices/system/cpu/online"));
    // Version 1 of cgroups has a tree for each controller, version 2 one tree for all.
    std::string const memory = "/sys/fs/cgroup/memory/";
    std::string const block =
        base::concat("/sys/fs/cgroup/blkio/", question.cgroup_parent, "/blkio.");
    std::string const unified = base::concat("/sys/fs/cgroup/", question.cgroup_parent, "/");
    host.swap_limit =
        any_exists({memory + "memory.memsw.limit_in_bytes", unified + "memory.swap.max"});
    host.swappiness = any_exists({memory + "memory.swappiness"});
    host.oom_kill_disable = any_exists({memory + "memory.oom_control"});
    // In version 1 crun knows the weight under its old name alone.
    std::string const bfq = question.runtime.starts_with("runc") ? block + "bfq." : block;
    host.block_weight = any_exists(
        {block + "weight", bfq + "weight", unified + "io.weight", unified + "io.bfq.weight"});
    host.block_device_weight =
        any_exists({block + "weight_device", bfq + "weight_device", unified + "io.weight"});
    host.block_rate = any_exists({block + "throttle.read_bps_device", unified + "io.max"});
    host.apparmor = text_of("/sys/module/apparmor/parameters/enabled") == "Y";
    host.selinux = any_exists({"/sys/fs/selinux/enforce"});
    host.init_program = init_program(question.agent_path);
    return host;
}

std::set<std::uint32_t> parse_cpus(std::string_view text) {
    std::set<std::uint32_t> cpus;
    for (std::string_view const part : base::split(text, ',')) {
        std::size_t const dash = part.find('-');
        auto const first = base::parse_integer<std::uint32_t>(part.substr(0, dash));
        auto const last = dash == std::string_view::npos
                              ? first
                              : base::parse_integer<std::uint32_t>(part.substr(dash + 1));
        if (!first || !last || *first > *last || *last > cpu_max) {
            return {};
        }
        for (std::uint32_t cpu = *first; cpu <= *last; ++cpu) {
            cpus.insert(cpu);
        }
    }
    return cpus;
}

}  // namespace runtime
