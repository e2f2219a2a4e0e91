#include "tests/fleet/serf_fleet.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <utility>

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/text.h"
#include "tests/fleet/command.h"

namespace fleet {
namespace {

namespace fs = std::filesystem;

constexpr base::Duration start_max = base::seconds(15);
constexpr auto rpc_address = "-rpc-addr=127.0.0.1:7373";

std::string host_name(std::size_t host) {
    return base::concat("host", host + 1);
}

// What an earlier run of the same name left; then the directory.
std::string make_directory(std::string const& run) {
    clean_up(run);
    fs::create_directory(run_directory(run));
    return run_directory(run);
}

}  // namespace

SerfFleet::SerfFleet(Options options)
    : options_(std::move(options)),
      run_(base::concat(::getpid(), ".serf-", options_.profile)),
      guardian_(run_, Guardian::Signals::untouched),
      wiring_(base::concat(make_directory(run_), "/switch")),
      agents_(options_.hosts, -1),
      log_sizes_(options_.hosts) {
    for (std::size_t host = 0; host < options_.hosts; ++host) {
        fs::create_directory(directory(host));
        boot(host);
        start_agent(host);
    }
}

// The guardian kills and removes, but only this process can wait for its children.
SerfFleet::~SerfFleet() {
    kill_processes(scope_of_run(run_));
    for (pid_t const agent : agents_) {
        ::waitpid(agent, nullptr, WNOHANG);
    }
}

std::string SerfFleet::directory(std::size_t host) const {
    return base::concat(run_directory(run_), "/", host_name(host));
}

std::string SerfFleet::log(std::size_t host) const {
    return base::concat(directory(host), "/serf.log");
}

void SerfFleet::boot(std::size_t host) {
    wiring_.add_host(host, base::concat(directory(host), "/netns"));
}

void SerfFleet::start_agent(std::size_t host) {
    std::string const address = to_string(wiring_.address(host));
    std::vector<std::string> arguments{options_.serf,
                                       "agent",
                                       base::concat("-node=", host_name(host)),
                                       base::concat("-bind=", address),
                                       base::concat("-profile=", options_.profile),
                                       rpc_address};
    std::size_t const peer = (host + agents_.size() - 1) % agents_.size();
    if (agents_[peer] >= 0) {
        arguments.push_back(base::concat("-join=", to_string(wiring_.address(peer))));
    }
    agents_[host] = start_in(wiring_.netns(host), {.arguments = std::move(arguments)}, log(host));
    bool const answers = wait_until(start_max, [&] {
        return ::waitpid(agents_[host], nullptr, WNOHANG) == 0 &&
               run_in(wiring_.netns(host), {.arguments = {options_.serf, "info", rpc_address}})
                       .exit_code == 0;
    });
    if (!answers) {
        throw Failure(base::concat("the Serf agent of ", host_name(host), " does not answer: see ",
                                   log(host)));
    }
}

void SerfFleet::remember_logs() {
    for (std::size_t host = 0; host < agents_.size(); ++host) {
        log_sizes_[host] = static_cast<std::streamoff>(fs::file_size(log(host)));
    }
}

void SerfFleet::kill_agent(std::size_t host) {
    remember_logs();
    ::kill(agents_[host], SIGKILL);
    ::waitpid(agents_[host], nullptr, 0);
}

void SerfFleet::kill_host(std::size_t host) {
    remember_logs();
    wiring_.unplug(host);
    kill_processes({directory(host), base::concat("covey-", run_, "-", host_name(host))});
    ::waitpid(agents_[host], nullptr, 0);
}

void SerfFleet::return_host(std::size_t host) {
    release({directory(host), base::concat("covey-", run_, "-", host_name(host))});
    wiring_.remove_host(host);
    fs::remove(base::concat(directory(host), "/netns"));
    boot(host);
    start_agent(host);
}

bool SerfFleet::lists_failed(std::size_t observer, std::size_t host) const {
    std::ifstream file(log(observer), std::ios::binary);
    file.seekg(log_sizes_[observer]);
    std::string const text{std::istreambuf_iterator<char>(file), {}};
    return text.find(base::concat("EventMemberFailed: ", host_name(host), " ")) !=
           std::string::npos;
}

bool SerfFleet::is_whole() const {
    for (std::size_t host = 0; host < agents_.size(); ++host) {
        Output const members =
            run_in(wiring_.netns(host),
                   {.arguments = {options_.serf, "members", "-status=alive", rpc_address}});
        if (static_cast<std::size_t>(std::ranges::count(members.out, '\n')) != agents_.size()) {
            return false;
        }
    }
    return true;
}

}  // namespace fleet
