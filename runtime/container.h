#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/address.h"
#include "base/time.h"

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

struct Limits {
    std::uint64_t cpu_milli{};  // 0: none
    std::uint64_t memory_bytes{};
    std::uint64_t pids{};
    friend bool operator==(Limits const&, Limits const&) = default;
};

// What a driver needs to make one container. Where a field is empty the image decides.
struct ContainerSpec {
    std::string image;
    std::optional<std::vector<std::string>> entrypoint;
    std::optional<std::vector<std::string>> command;
    std::map<std::string, std::string> environment;
    std::string working_dir;
    std::string user;
    std::string hostname;
    std::vector<std::string> search_domains;  // of its resolv.conf; the nameserver is the host's
    Limits limits;
    std::map<std::string, std::string> labels;
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
