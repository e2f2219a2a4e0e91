#include "runtime/oci/exec.h"

#include <optional>

#include <boost/json.hpp>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/text.h"
#include "runtime/oci/user.h"

namespace runtime {
namespace {

namespace json = boost::json;

constexpr std::size_t pid_file_max = 64;
constexpr std::size_t cgroup_file_max = 65536;
constexpr std::size_t config_size_max = 4 << 20;

bool is_in_cgroup(pid_t pid, std::string const& cgroup) {
    auto const text = read_file(base::concat("/proc/", pid, "/cgroup"), cgroup_file_max);
    for (std::string_view const line : base::split(text ? *text : std::string(), '\n')) {
        if (line.ends_with(cgroup) || line.contains(cgroup + "/")) {
            return true;
        }
    }
    return false;
}

// Killing the runtime's own process would leave the program running.
void kill_executed(void* context) {
    auto const& place = *static_cast<ExecPlace const*>(context);
    auto const text = read_file(place.pid_file, pid_file_max);
    auto const pid = text ? base::parse_integer<pid_t>(base::trim(*text)) : std::nullopt;
    if (!pid || *pid <= 1) {
        return;
    }
    // The number may be a stranger's by now. Opened before the look, the descriptor can only be of
    // the process that was looked at, or of one that has ended.
    auto const process = open_process(*pid);
    if (process && is_in_cgroup(*pid, place.cgroup)) {
        send_signal(*process, SIGKILL);
    }
}

void set_variable(json::array& environment, std::string const& name, std::string const& value) {
    std::string const begin = base::concat(name, "=");
    json::array others;
    for (json::value const& variable : environment) {
        if (!std::string_view(variable.as_string()).starts_with(begin)) {
            others.push_back(variable);
        }
    }
    others.emplace_back(begin + value);
    environment = std::move(others);
}

// The process of a hook: what its container's first process is, but for what the hook says. Some
// runtimes forget the rest as soon as an option of `exec` is given.
base::Result<std::string> hook_process(ExecPlace const& place, Hook const& hook,
                                       CapabilitySet granted) {
    std::string const text = TRY(read_file(place.bundle + "/config.json", config_size_max));
    std::optional<User> user;
    if (!hook.user.empty()) {
        user = TRY(resolve_user(place.bundle + "/rootfs", hook.user));
    }
    try {
        json::object process = json::parse(text).at("process").as_object();
        process["terminal"] = false;
        process["args"] = json::value_from(hook.command);
        for (auto const& [name, value] : hook.environment) {
            set_variable(process.at("env").as_array(), name, value);
        }
        if (!hook.working_dir.empty()) {
            process["cwd"] = hook.working_dir;
        }
        if (user) {
            process["user"] = {{"uid", user->uid},
                               {"gid", user->gid},
                               {"additionalGids", json::value_from(user->groups)}};
        }
        if (hook.privileged) {
            json::value const all = json::value_from(capability_names(granted));
            process["capabilities"] = {{"bounding", all}, {"effective", all}, {"permitted", all}};
        }
        return json::serialize(process);
    } catch (std::exception const& error) {
        return base::fail(base::concat(place.bundle, "/config.json is damaged: ", error.what()));
    }
}

}  // namespace

base::Result<Outcome> execute(ExecPlace const& place, std::vector<std::string> const& options,
                              std::vector<std::string> const& command, base::Duration timeout,
                              int stop) {
    // That of the program before must not be taken for this one's.
    unlink(place.pid_file.c_str());
    std::vector<std::string> line = place.runtime;
    line.insert(line.end(), {"exec", "--pid-file", place.pid_file});
    line.insert(line.end(), options.begin(), options.end());
    line.push_back(place.id);
    line.insert(line.end(), command.begin(), command.end());
    ExecPlace context = place;
    return run_program(std::move(line), timeout, exec_output_max, kill_executed, &context, stop);
}

base::Result<void> run_hook(ExecPlace const& place, Hook const& hook, CapabilitySet granted,
                            base::Duration timeout, int stop) {
    std::string const process_file = place.bundle + "/hook.json";
    std::string const process = TRY(hook_process(place, hook, granted));
    TRY_VOID(replace_file(process_file, process));
    Outcome const outcome = TRY(execute(place, {"--process", process_file}, {}, timeout, stop));
    if (outcome.timed_out) {
        return base::fail("did not end in time");
    }
    if (outcome.wait_status != 0) {
        return base::fail(base::concat(describe_wait_status(outcome.wait_status), ": ",
                                       base::trim(outcome.output)));
    }
    return {};
}

}  // namespace runtime
