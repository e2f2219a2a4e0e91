#pragma once

#include <string>
#include <vector>

#include "base/random.h"
#include "spec/spec.h"

namespace randomly {

inline std::string word(base::Prng& prng, std::size_t size_max = 8) {
    std::string text(static_cast<std::size_t>(prng.below(size_max) + 1), 'a');
    for (char& letter : text) {
        letter = static_cast<char>('a' + prng.below(26));
    }
    return text;
}

// Text with what YAML, quoting and variables could stumble over.
inline std::string wild(base::Prng& prng) {
    static constexpr std::string_view letters = "a1 :#'\"\\${}[]&*!|>%@`,?-\n\t\x01\xc3\xa9";
    std::string text;
    for (std::uint64_t left = prng.below(12); left > 0; --left) {
        char const c = letters[static_cast<std::size_t>(prng.below(letters.size()))];
        text += c == '\xc3' || c == '\xa9' ? std::string("\xc3\xa9") : std::string(1, c);
    }
    return text;
}

template <class E>
E one_of(base::Prng& prng, E last) {
    return static_cast<E>(prng.below(static_cast<std::uint64_t>(last) + 1));
}

inline std::map<std::string, std::string> pairs(base::Prng& prng) {
    std::map<std::string, std::string> out;
    for (std::uint64_t left = prng.below(3); left > 0; --left) {
        out[word(prng)] = wild(prng);
    }
    return out;
}

inline std::set<std::string> words(base::Prng& prng) {
    std::set<std::string> out;
    for (std::uint64_t left = prng.below(3); left > 0; --left) {
        out.insert(word(prng));
    }
    return out;
}

inline std::vector<std::string> argv(base::Prng& prng) {
    std::vector<std::string> out{word(prng)};
    for (std::uint64_t left = prng.below(3); left > 0; --left) {
        out.push_back(wild(prng));
    }
    return out;
}

inline std::string upper(std::string text) {
    for (char& c : text) {
        c = static_cast<char>(c - 'a' + 'A');
    }
    return text;
}

inline base::Duration time(base::Prng& prng) {
    return base::Duration(static_cast<base::Duration::rep>(prng.below(100'000'000'000'000)));
}

inline spec::Process process(base::Prng& prng) {
    spec::Process out;
    out.init = prng.chance(0.5);
    out.tty = prng.chance(0.5);
    out.stdin_open = prng.chance(0.5);
    out.stop_signal = prng.chance(0.5) ? "SIGUSR1" : "";
    out.group_add = words(prng);
    if (prng.chance(0.5)) {
        out.ulimits[word(prng)] = {static_cast<std::int64_t>(prng.below(100)), 100};
        out.ulimits["nofile"] = {-1, -1};
    }
    out.oom_score_adj = static_cast<std::int32_t>(prng.below(2001)) - 1000;
    if (prng.chance(0.5)) {
        out.post_start.push_back({argv(prng), word(prng), "/a", pairs(prng), prng.chance(0.5)});
        out.pre_stop.push_back({.command = argv(prng)});
    }
    out.logging = {word(prng), pairs(prng)};
    return out;
}

inline spec::Isolation isolation(base::Prng& prng) {
    return {.pid = one_of(prng, spec::Namespace::host),
            .uts = one_of(prng, spec::Namespace::host),
            .user = one_of(prng, spec::Namespace::host),
            .cgroup = one_of(prng, spec::Namespace::host),
            .ipc = one_of(prng, spec::IpcMode::none),
            .sysctls = pairs(prng),
            .runtime = word(prng)};
}

inline spec::Mount mount(base::Prng& prng, std::string const& target) {
    spec::Mount out;
    out.kind = one_of(prng, spec::MountKind::image);
    out.read_only = prng.chance(0.5);
    switch (out.kind) {
        case spec::MountKind::volume:
            out.source = prng.chance(0.8) ? "v" + target.substr(1) : "";
            out.nocopy = prng.chance(0.5);
            out.subpath = prng.chance(0.5) ? "sub" : "";
            if (!out.source.empty()) {
                out.volume = {word(prng), pairs(prng), pairs(prng), prng.chance(0.5)};
            }
            break;
        case spec::MountKind::bind:
            out.source = "/" + word(prng);
            out.propagation = one_of(prng, spec::Propagation::slave);
            out.recursive = one_of(prng, spec::Recursive::readonly);
            out.selinux = one_of(prng, spec::Selinux::private_);
            out.create_host_path = prng.chance(0.5);
            break;
        case spec::MountKind::tmpfs:
            out.tmpfs_bytes = prng.below(1 << 20);
            out.tmpfs_mode = static_cast<std::uint32_t>(prng.below(01000));
            // "ro", "rw" and the size are fields of their own.
            out.options = {"noexec", "uid=" + std::to_string(prng.below(9))};
            break;
        case spec::MountKind::image:
            out.source = "img:" + word(prng);
            out.subpath = prng.chance(0.5) ? "sub" : "";
            break;
    }
    return out;
}

inline std::map<std::string, spec::FileMount> files(base::Prng& prng, std::string const& kind,
                                                    spec::FileOrigin last) {
    std::map<std::string, spec::FileMount> out;
    for (std::uint64_t left = prng.below(3); left > 0; --left) {
        spec::FileMount file;
        file.name = kind + std::to_string(left);
        file.origin = one_of(prng, last);
        file.from = file.origin == spec::FileOrigin::external ? ""
                    : file.origin == spec::FileOrigin::file   ? "/" + word(prng)
                                                              : wild(prng);
        file.uid = prng.chance(0.5) ? "10" : "";
        file.gid = prng.chance(0.5) ? "20" : "";
        file.mode = static_cast<std::uint32_t>(prng.below(010000));
        out["/" + kind + "/" + std::to_string(left)] = file;
    }
    return out;
}

inline spec::Storage storage(base::Prng& prng) {
    spec::Storage out;
    for (std::uint64_t left = prng.below(5); left > 0; --left) {
        std::string const target = "/" + word(prng);
        out.mounts[target] = mount(prng, target);
    }
    out.secrets = files(prng, "sec", spec::FileOrigin::environment);
    out.configs = files(prng, "con", spec::FileOrigin::content);
    out.shm_bytes = prng.below(1 << 30);
    if (prng.chance(0.5)) {
        out.devices["/dev/" + word(prng)] = {"/dev/" + word(prng), "rw"};
    }
    out.device_cgroup_rules = words(prng);
    if (prng.chance(0.3)) {
        out.device_requests.push_back({word(prng), -1, words(prng), words(prng), pairs(prng)});
    }
    return out;
}

inline spec::Networking networking(base::Prng& prng) {
    spec::Networking out;
    out.mode = one_of(prng, spec::NetworkMode::none);
    for (std::uint64_t left = prng.below(3); left > 0 && out.mode == spec::NetworkMode::bridge;
         --left) {
        out.networks["n" + word(prng)] = {words(prng), prng.chance(0.5),
                                          static_cast<std::int32_t>(prng.below(9)) - 4};
    }
    if (prng.chance(0.5)) {
        out.dns = {"9.9.9.9", "2001:db8::1"};
        out.extra_hosts[word(prng)] = {"10.0.0.1", "2001:db8::2"};
        out.extra_hosts["gw"] = {"host-gateway"};
        out.mac_address = "02:42:ac:11:65:43";
    }
    out.dns_search = {word(prng), word(prng)};
    out.dns_opt = words(prng);
    out.hostname = word(prng);
    out.domainname = word(prng);
    return out;
}

inline spec::Cgroup cgroup(base::Prng& prng) {
    spec::Cgroup out;
    out.cpu_shares = prng.below(2000);
    out.cpu_quota = static_cast<std::int64_t>(prng.below(100'000)) - 1;
    out.cpu_period = prng.below(100'000);
    out.cpuset = prng.chance(0.5) ? "0-3,7" : "";
    out.oom_kill_disable = prng.chance(0.5);
    if (prng.chance(0.5)) {
        out.memory_swap = static_cast<std::int64_t>(prng.below(1 << 30)) - 1;
        out.swappiness = static_cast<std::uint32_t>(prng.below(101));
        out.block_io.weight = static_cast<std::uint32_t>(prng.below(1001));
        out.block_io.weight_device["/dev/sda"] = 500;
        out.block_io.read_bps["/dev/sda"] = prng.below(1 << 30);
        out.block_io.write_iops["/dev/sdb"] = prng.below(1 << 30);
    }
    return out;
}

inline spec::UpdateConfig update(base::Prng& prng, spec::FailureAction last) {
    return {.parallelism = static_cast<std::uint32_t>(prng.below(5)),
            .delay = time(prng),
            .failure_action = one_of(prng, last),
            .monitor = time(prng),
            .max_failure_ppm = static_cast<std::uint32_t>(prng.below(1'000'001)),
            .order = one_of(prng, spec::UpdateOrder::start_first)};
}

inline spec::Deploy deploy(base::Prng& prng) {
    spec::Deploy out;
    out.restart = {.condition = one_of(prng, spec::RestartCondition::none),
                   .delay = prng.chance(0.5) ? std::optional(time(prng)) : std::nullopt,
                   .max_attempts = static_cast<std::uint32_t>(prng.below(5)),
                   .window = time(prng)};
    out.update = update(prng, spec::FailureAction::rollback);
    out.rollback = update(prng, spec::FailureAction::proceed);
    out.endpoint_mode = one_of(prng, spec::EndpointMode::dnsrr);
    out.spread = {"node.labels." + word(prng), "node.hostname"};
    out.labels = pairs(prng);
    out.pull_policy = one_of(prng, spec::PullPolicy::refresh);
    if (out.pull_policy == spec::PullPolicy::refresh) {
        out.pull_refresh_after = time(prng) + base::seconds(1);
    }
    return out;
}

inline spec::Extension extension(base::Prng& prng) {
    spec::Extension out;
    out.partition = one_of(prng, spec::Partition::single);
    out.strategy.kind = one_of(prng, spec::StrategyKind::canary);
    out.strategy.percent = out.strategy.kind == spec::StrategyKind::canary ? 25 : 0;
    out.strategy.bake =
        out.strategy.kind == spec::StrategyKind::rolling ? base::Duration::zero() : time(prng);
    if (prng.chance(0.5)) {
        out.schedule = {"30 3 * * 1-5", word(prng), one_of(prng, spec::Overlap::replace)};
        out.autoscale = {.min = 1,
                         .max = 1 + static_cast<std::uint32_t>(prng.below(9)),
                         .cpu_percent = 70,
                         .connections = static_cast<std::uint32_t>(prng.below(100)),
                         .cooldown = time(prng)};
    }
    out.lb = {one_of(prng, spec::Balance::nearest), one_of(prng, spec::Affinity::client_ip),
              one_of(prng, spec::ProxyProtocol::v2), static_cast<std::uint32_t>(prng.below(1000))};
    out.priority = static_cast<std::int32_t>(prng.below(2001)) - 1000;
    out.standby = static_cast<std::uint32_t>(prng.below(4));
    return out;
}

inline std::vector<spec::Port> ports(base::Prng& prng, std::uint16_t first) {
    std::vector<spec::Port> out;
    out.push_back({.target = 53, .published = 0, .protocol = spec::Protocol::udp});
    if (prng.chance(0.5)) {
        out.push_back({.target = 80, .published = first});
    }
    if (prng.chance(0.5)) {
        out.push_back({.target = 443,
                       .published = static_cast<std::uint16_t>(first + 1),
                       .mode = one_of(prng, spec::PortMode::host),
                       .published_last = static_cast<std::uint16_t>(first + 5),
                       .host_ip = "127.0.0.1",
                       .name = word(prng),
                       .app_protocol = "http"});
    }
    return out;
}

// A spec as the reader of files makes them, with every field drawn anew.
inline spec::ServiceSpec spec_of(base::Prng& prng, std::string const& name, std::uint16_t port) {
    spec::ServiceSpec out;
    out.project = "shop";
    out.name = name;
    out.image = "registry.example:5000/" + word(prng) + ":1";
    if (prng.chance(0.5)) {
        out.entrypoint = argv(prng);
        out.command = prng.chance(0.5) ? argv(prng) : std::vector<std::string>();
    }
    out.environment = pairs(prng);
    out.working_dir = prng.chance(0.5) ? "/srv" : "";
    out.user = prng.chance(0.5) ? "1000:1000" : "";
    out.ports = ports(prng, port);
    out.expose = {9000, 9001};
    if (prng.chance(0.3)) {
        out.health.disabled = true;
    } else if (prng.chance(0.5)) {
        out.health.kind = spec::CheckKind::exec;
        out.health.command = argv(prng);
        out.health.interval = time(prng) + base::seconds(1);
        out.health.retries = 5;
    } else {
        out.health.kind = spec::CheckKind::http;
        out.health.port = 80;
        out.health.path = "/healthz";
    }
    out.mode = one_of(prng, spec::Mode::global);
    out.replicas = out.mode == spec::Mode::global ? 1 : static_cast<std::uint32_t>(prng.below(9));
    out.constraints = {{"node.labels.zone", true, word(prng)}, {"node.role", false, "edge"}};
    out.max_replicas_per_node = static_cast<std::uint32_t>(prng.below(3));
    out.limits = {prng.below(4000), prng.below(1 << 30), prng.below(100)};
    out.reservations = {0, out.limits.memory_bytes / 2, 0};
    out.labels = pairs(prng);
    out.stop_grace_period = time(prng);
    out.container_name = prng.chance(0.5) ? "box." + word(prng) : "";
    out.platform = prng.chance(0.5) ? "linux/arm64" : "";
    out.annotations = pairs(prng);
    out.process = process(prng);
    out.security = {prng.chance(0.5), prng.chance(0.5), {upper(word(prng))}, {"ALL"}, words(prng)};
    out.isolation = isolation(prng);
    out.storage = storage(prng);
    out.networking = networking(prng);
    out.cgroup = cgroup(prng);
    out.deploy = deploy(prng);
    out.extension = extension(prng);
    return out;
}

}  // namespace randomly
