#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/address.h"
#include "base/time.h"
#include "runtime/isolation.h"
#include "runtime/limits.h"

namespace runtime {

enum class CheckKind : std::uint8_t { none, exec, tcp, http };

struct HealthCheck {
    CheckKind kind{};
    std::vector<std::string> command;
    std::uint16_t port{};
    std::string path;
    base::Duration interval{}, timeout{}, start_period{}, start_interval{};
    std::uint32_t retries = 3;
    friend bool operator==(HealthCheck const&, HealthCheck const&) = default;
};

// A program run inside a running container.
struct Hook {
    std::vector<std::string> command{};
    std::string user{};         // empty: the container's
    std::string working_dir{};  // empty: the container's
    std::map<std::string, std::string> environment{};
    bool privileged = false;
    friend bool operator==(Hook const&, Hook const&) = default;
};

// How the first process is run and ended.
struct Process {
    bool init = false;  // a process 1 of ours that reaps, and passes signals on to it
    bool tty = false;
    bool stdin_open = false;       // else it reads the end of file
    std::string stop_signal{};     // "SIGTERM"; empty: the image's
    std::vector<Hook> post_start;  // it counts as started when all have ended well
    std::vector<Hook> pre_stop;    // before the stop signal, within the grace
    friend bool operator==(Process const&, Process const&) = default;
};

enum class PullPolicy : std::uint8_t { missing, always, never };

// What a driver needs to make one container. Where a field is empty the image decides.
struct ContainerSpec {
    std::string image;
    std::optional<std::vector<std::string>> entrypoint;
    std::optional<std::vector<std::string>> command;
    std::map<std::string, std::string> environment;
    std::string working_dir;
    std::string user;
    std::string platform;  // "linux/arm64", refused on another; empty: the host's
    PullPolicy pull{};
    Process process{};
    Security security{};
    Isolation isolation{};
    Networking networking{};
    std::map<std::string, Tmpfs> tmpfs{};  // by absolute path
    Limits limits{};
    std::map<std::string, std::string> labels;
    std::map<std::string, std::string> annotations;  // for the OCI runtime
    friend bool operator==(ContainerSpec const&, ContainerSpec const&) = default;
};

// What a container is for; written into its labels, so that any later agent recognises it.
struct Assignment {
    std::string service;  // "project/name"
    std::uint32_t slot{};
    std::string revision;
    friend auto operator<=>(Assignment const&, Assignment const&) = default;
};

struct ExitStatus {
    int code{};    // what the process returned; 128 + signal when one ended it
    int signal{};  // 0: it exited by itself
    bool out_of_memory{};
    friend bool operator==(ExitStatus const&, ExitStatus const&) = default;
};

}  // namespace runtime
