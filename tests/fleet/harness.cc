#include "tests/fleet/harness.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <utility>

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/text.h"
#include "runtime/system/file.h"
#include "tests/support/busybox_image.h"

namespace fleet {
namespace {

namespace fs = std::filesystem;

constexpr base::Duration agent_start_max = base::seconds(15);
constexpr base::Duration agent_end_max = base::seconds(15);

std::string read_text(fs::path const& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

void write_text(fs::path const& path, std::string_view text) {
    std::ofstream file(path, std::ios::binary);
    file << text;
    if (!file.flush()) {
        throw Failure(base::concat("cannot write ", path.string()));
    }
}

template <class T>
T must(net::Answer<T> answer) {
    if (!answer) {
        throw Failure(answer.error().message);
    }
    return std::move(*answer);
}

// What an earlier run of the same name left; then the directory.
std::string make_directory(std::string const& run) {
    clean_up(run);
    std::string const directory = run_directory(run);
    fs::create_directory(directory);
    return directory;
}

void check_done(Output const& output, std::string_view what) {
    if (output.exit_code != 0) {
        throw Failure(
            base::concat(what, " ended with ", output.exit_code, ": ", output.err, output.out));
    }
}

void keep_logs(std::deque<Host> const& hosts, std::string const& run) {
    char const* const directory = std::getenv("COVEY_FLEET_LOGS");
    if (directory == nullptr) {
        return;
    }
    std::error_code ignored;
    fs::create_directories(directory, ignored);
    for (Host const& host : hosts) {
        fs::copy_file(base::concat(host.state_dir(), "/agent.log"),
                      base::concat(directory, "/", run, "-", host.name(), ".log"),
                      fs::copy_options::overwrite_existing, ignored);
    }
}

}  // namespace

std::string reason_to_skip(std::string const& agent) {
    if (::geteuid() != 0) {
        return "fleets of real hosts need root";
    }
    for (char const* const tool : {"/usr/bin/nsenter", "/bin/busybox"}) {
        if (!fs::exists(tool)) {
            return base::concat(tool, " is missing: run ./dev setup");
        }
    }
    std::string const doctor =
        base::concat("'", agent, "' doctor --socket /nonexistent >/dev/null 2>&1");
    return std::system(doctor.c_str()) == 0
               ? std::string()
               : base::concat("this machine cannot run containers: see `", agent, " doctor`");
}

std::string join_token(std::string_view init_output) {
    constexpr std::string_view option = "--token ";
    std::size_t const at = init_output.find(option);
    if (at == std::string_view::npos) {
        throw Failure(base::concat("no token in what `agent init` printed: ", init_output));
    }
    std::string_view const rest = init_output.substr(at + option.size());
    return std::string(rest.substr(0, rest.find_first_of(" \n")));
}

Host::Host(Wiring& wiring, std::size_t index, std::string run, std::string agent)
    : wiring_(wiring),
      index_(index),
      name_(base::concat("host", index + 1)),
      agent_(std::move(agent)),
      scope_{base::concat(run_directory(run), "/", name_),
             base::concat("covey-", run, "-", name_)} {
    for (std::string const& directory : {scope_.directory, state_dir(), services_dir()}) {
        fs::create_directory(directory);
    }
    std::string const config = base::concat(directory(), "/agent.toml");
    write_text(config, base::concat("state-dir = \"", state_dir(), "\"\n",        //
                                    "run-dir = \"", directory(), "/run\"\n",      //
                                    "services-dir = \"", services_dir(), "\"\n",  //
                                    "name = \"", name_, "\"\n",                   //
                                    "cgroup-parent = \"", scope_.cgroup, "\"\n"));
    std::string const script = base::concat(directory(), "/agent");
    write_text(script, base::concat("#!/bin/sh\n# The agent's command line on ", name_, ".\n",
                                    "exec nsenter --net=", directory(), "/netns -- ", agent_,
                                    " --config ", config, " \"$@\"\n"));
    fs::permissions(script, fs::perms::owner_all);
    boot();
}

void Host::boot() {
    wiring_.add_host(index_, base::concat(directory(), "/netns"));
    fs::create_directory(base::concat(directory(), "/run"));
}

std::string Host::state_dir() const {
    return base::concat(directory(), "/state");
}

std::string Host::services_dir() const {
    return base::concat(directory(), "/services");
}

std::string Host::log() const {
    return read_text(base::concat(state_dir(), "/agent.log"));
}

Output Host::agent(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(),
                     {agent_, "--config", base::concat(directory(), "/agent.toml")});
    return run_in(netns(), {.arguments = std::move(arguments)});
}

net::AdminClient Host::client() const {
    return net::AdminClient(base::concat(directory(), "/run/agent.sock"));
}

std::vector<agent::InstanceReport> Host::instances(std::string_view service) const {
    auto answer = client().instances(service);
    if (!answer && answer.error().code == net::AdminErrc::refused) {
        return {};
    }
    return must(std::move(answer));
}

agent::ServiceReport Host::service(std::string_view service) const {
    for (agent::ServiceReport& report : must(client().services())) {
        if (report.service == service) {
            return std::move(report);
        }
    }
    return {};
}

std::vector<agent::NodeReport> Host::nodes() const {
    return must(client().nodes());
}

void Host::start_agent() {
    std::string const log = base::concat(state_dir(), "/agent.log");
    pid_t const child = start_in(
        netns(),
        {.arguments = {agent_, "run", "--config", base::concat(directory(), "/agent.toml")}}, log);
    net::AdminClient const agent = client();
    bool ended = false;
    bool const answers = wait_until(agent_start_max, [&] {
        ended = ::waitpid(child, nullptr, WNOHANG) == child;
        auto const info = agent.info();
        return ended || (info && info->pid == child);
    });
    if (ended || !answers) {
        throw Failure(base::concat("the agent of ", name_, ended ? " ended" : " does not answer",
                                   ":\n", read_text(log)));
    }
}

void Host::stop_agent() {
    end_agent(SIGTERM);
}

void Host::kill_agent() {
    end_agent(SIGKILL);
}

pid_t Host::agent_pid() const {
    return static_cast<pid_t>(must(client().info()).pid);
}

void Host::end_agent(int signal) {
    pid_t const agent = agent_pid();
    ::kill(agent, signal);
    bool const ended = wait_until(agent_end_max, [&] {
        ::waitpid(agent, nullptr, WNOHANG);
        return !is_running(agent);
    });
    if (!ended) {
        throw Failure(base::concat("the agent of ", name_, " does not end on signal ", signal));
    }
}

void Host::put_file(std::string const& name, std::string_view text) const {
    fs::path const written = base::concat(directory(), "/", name);
    write_text(written, text);
    fs::rename(written, base::concat(services_dir(), "/", name));
}

void Host::remove_file(std::string const& name) const {
    fs::remove(base::concat(services_dir(), "/", name));
}

std::vector<std::string> Host::containers() const {
    return runtime::list_directory(base::concat(state_dir(), "/containers"));
}

pid_t Host::container_process(std::string const& id) const {
    std::string const processes = cgroup_file(id, "pids/cgroup.procs");
    for (std::string_view const line : base::split(base::trim(processes), '\n')) {
        std::string const status = read_text(base::concat("/proc/", line, "/status"));
        std::size_t const at = status.find("NSpid:");
        std::string const numbers = status.substr(at, status.find('\n', at) - at);
        if (at != std::string::npos && numbers.ends_with("\t1")) {
            return base::parse_integer<pid_t>(line).value_or(-1);
        }
    }
    throw Failure(base::concat("container ", id, " has no process on ", name_));
}

base::Descriptor Host::container_netns(std::string const& id) const {
    std::string const path = base::concat("/proc/", container_process(id), "/ns/net");
    base::Descriptor netns(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!netns) {
        throw Failure(base::concat("cannot open ", path));
    }
    return netns;
}

Output Host::exec(std::string const& id, std::vector<std::string> arguments) const {
    std::string const process = std::to_string(container_process(id));
    arguments.insert(arguments.begin(),
                     {"nsenter", "-t", process, "-m", "-u", "-i", "-n", "-p", "-r", "-w", "--"});
    return run_in(netns(), {.arguments = std::move(arguments)});
}

std::string Host::cgroup_file(std::string const& id, std::string const& file) const {
    std::string const name = base::concat(scope_.cgroup, "/", id, "/");
    fs::path const path(file);
    fs::path const v1 = fs::path("/sys/fs/cgroup") / *path.begin() / name / path.filename();
    fs::path const v2 = fs::path("/sys/fs/cgroup") / name / path.filename();
    return read_text(fs::exists(v1) ? v1 : v2);
}

Fleet::Fleet(Options options)
    : run_(options.run.empty() ? std::to_string(::getpid()) : options.run),
      guardian_(run_, options.signals),
      directory_(make_directory(run_)),
      wiring_(base::concat(directory_, "/switch")) {
    for (std::size_t index = 0; index < options.hosts; ++index) {
        hosts_.emplace_back(wiring_, index, run_, fs::canonical(options.agent).string());
    }
}

Fleet::~Fleet() {
    keep_logs(hosts_, run_);
}

std::string Fleet::image() {
    std::string path = base::concat(directory_, "/busybox.tar");
    if (!fs::exists(path)) {
        must(support::write_busybox_image(path, "busybox"));
    }
    return path;
}

void Fleet::join_all() {
    Output const init = hosts_.front().agent({"init"});
    check_done(init, "agent init");
    std::string const token = join_token(init.out);
    for (Host& host : hosts_) {
        if (&host != &hosts_.front()) {
            check_done(host.agent({"join", to_string(hosts_.front().address()), "--token", token}),
                       "agent join");
        }
    }
}

void Fleet::found() {
    join_all();
    for (Host const& host : hosts_) {
        check_done(host.agent({"image", "load", image()}), "agent image load");
    }
}

void Fleet::kill_host(std::size_t index) {
    wiring_.unplug(index);
    kill_processes(hosts_.at(index).scope_);
}

void Fleet::return_host(std::size_t index) {
    Host& host = hosts_.at(index);
    release(host.scope_);
    wiring_.remove_host(index);
    fs::remove_all(base::concat(host.directory(), "/run"));
    fs::remove(base::concat(host.directory(), "/netns"));
    host.boot();
    host.start_agent();
}

}  // namespace fleet
