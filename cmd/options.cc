#include "cmd/options.h"

#include <chrono>
#include <string_view>

#include "base/text.h"

namespace cmd {
namespace {

std::string_view runtime_name(RuntimeChoice choice) {
    switch (choice) {
        case RuntimeChoice::automatic:
            return "auto";
        case RuntimeChoice::crun:
            return "crun";
        case RuntimeChoice::runc:
            return "runc";
    }
    return {};
}

std::string_view level_name(base::LogLevel level) {
    switch (level) {
        case base::LogLevel::debug:
            return "debug";
        case base::LogLevel::info:
            return "info";
        case base::LogLevel::warning:
            return "warning";
        case base::LogLevel::error:
            return "error";
    }
    return {};
}

}  // namespace

std::string socket_path(DaemonOptions const& options) {
    return options.socket.empty() ? base::concat(options.run_dir, "/agent.sock") : options.socket;
}

std::string store_directory(DaemonOptions const& options) {
    return options.state_dir + "/state";
}

std::vector<std::string> to_arguments(DaemonOptions const& options) {
    std::vector<std::string> arguments;
    auto const give = [&](std::string_view option, std::string_view value) {
        arguments.push_back(base::concat("--", option, "=", value));
    };
    auto const give_unless_empty = [&](std::string_view option, std::string_view value) {
        if (!value.empty()) {
            give(option, value);
        }
    };
    give_unless_empty("config", options.config);
    give("state-dir", options.state_dir);
    give("run-dir", options.run_dir);
    give_unless_empty("socket", options.socket);
    give("services-dir", options.services_dir);
    give("listen", to_string(options.listen));
    if (options.advertise) {
        give("advertise", to_string(*options.advertise));
    }
    give_unless_empty("name", options.name);
    for (auto const& [key, value] : options.labels) {
        give("label", base::concat(key, "=", value));
    }
    give("cgroup-parent", options.cgroup_parent);
    give("bridge", options.bridge);
    give("runtime", runtime_name(options.runtime));
    give("log-level", level_name(options.log_level));
    give("ack", agent::hosts_text(options.ack));
    give("ack-timeout",
         base::concat(std::chrono::duration_cast<std::chrono::seconds>(options.ack.timeout).count(),
                      "s"));
    for (auto const& [name, text] : options.gossip) {
        give(name == "profile" ? name : base::concat("gossip-", name), text);
    }
    return arguments;
}

}  // namespace cmd
