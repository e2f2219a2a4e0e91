#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace spec {

// A program that the host runs at a turn of a container's life.
struct Hook {
    std::vector<std::string> command{};
    std::string user{};         // empty: the container's
    std::string working_dir{};  // empty: the container's
    std::map<std::string, std::string> environment{};
    bool privileged{};
    friend bool operator==(Hook const&, Hook const&) = default;
};

// RLIMIT_*; -1: no limit.
struct Ulimit {
    std::int64_t soft{};
    std::int64_t hard{};
    friend bool operator==(Ulimit const&, Ulimit const&) = default;
};

struct Logging {
    std::string driver{};  // empty: Covey's own files
    std::map<std::string, std::string> options{};
    friend bool operator==(Logging const&, Logging const&) = default;
};

// How the container's first process is run and ended.
struct Process {
    bool init{};  // a process 1 of ours that reaps and passes signals on
    bool tty{};
    bool stdin_open{};
    std::string stop_signal{};  // "SIGTERM"; empty: the image's
    std::set<std::string> group_add{};
    std::map<std::string, Ulimit> ulimits{};  // "nofile"
    std::int32_t oom_score_adj{};             // -1000 to 1000
    std::vector<Hook> post_start{};
    std::vector<Hook> pre_stop{};
    Logging logging;
    friend bool operator==(Process const&, Process const&) = default;
};

}  // namespace spec
