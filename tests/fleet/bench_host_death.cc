#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>

#include "base/text.h"
#include "tests/fleet/harness.h"
#include "tests/fleet/host_death.h"
#include "tests/fleet/usage.h"

// ./dev bench: five deaths of a host, and what the agent costs, as tables for docs/benchmarks.md.
namespace {

namespace fs = std::filesystem;

using fleet::Fleet;
using fleet::Host;
using fleet::HostDeath;

constexpr std::size_t hosts = 3;
constexpr std::size_t runs = 5;
constexpr auto service = "bench/web";
constexpr std::uint16_t port = 80;
constexpr base::Duration patience = base::seconds(60);
constexpr base::Duration idle = base::seconds(10);
constexpr base::Duration detection_target = base::seconds(2);
constexpr base::Duration recovery_target = base::seconds(3);

// Two replicas for each host: whichever dies has some, with near certainty.
constexpr std::string_view service_file = R"(services:
  web:
    image: busybox
    command: ["sh", "-c", "hostname > /var/www/index.html; exec httpd -f -p 80 -h /var/www"]
    expose: [80]
    healthcheck:
      x-covey: {http: 80/}
      interval: 1s
      timeout: 500ms
      start_period: 5s
      start_interval: 100ms
    stop_grace_period: 1s
    deploy: {replicas: 6}
)";

void say(std::string_view text) {
    std::fwrite(text.data(), 1, text.size(), stdout);
    std::fputc('\n', stdout);
    std::fflush(stdout);
}

bool whole(Fleet& fleet) {
    for (std::size_t index = 0; index < fleet.size(); ++index) {
        Host const& host = fleet.host(index);
        auto const nodes = host.nodes();
        auto const alive =
            std::ranges::count(nodes, agent::NodeStatus::alive, &agent::NodeReport::status);
        auto const report = host.service(service);
        if (static_cast<std::size_t>(alive) != fleet.size() || report.replicas == 0 ||
            report.healthy != report.replicas) {
            return false;
        }
    }
    return true;
}

// A host with a replica, another one each time if possible.
std::size_t choose_victim(Fleet& fleet, std::size_t run) {
    auto const instances = fleet.host(0).instances(service);
    for (std::size_t step = 0; step < fleet.size(); ++step) {
        std::size_t const index = (run + step) % fleet.size();
        bool const runs_one = std::ranges::any_of(instances, [&](auto const& instance) {
            return instance.node == fleet.host(index).name();
        });
        if (runs_one) {
            return index;
        }
    }
    throw fleet::Failure("no host runs a replica");
}

void deploy(Fleet& fleet) {
    fleet.found();
    fleet.host(0).put_file("bench.yaml", service_file);
    if (!fleet::wait_until(patience, [&] { return whole(fleet); })) {
        throw fleet::Failure("the service did not become healthy");
    }
}

// A fleet of its own each time: no run inherits what another left.
HostDeath death_run(std::string const& agent, std::size_t run) {
    Fleet fleet({.agent = agent, .hosts = hosts});
    deploy(fleet);
    std::size_t const victim = choose_victim(fleet, run);
    return fleet::measure_host_death(fleet, victim, (victim + 1) % hosts, service, port);
}

template <class Value>
Value median(std::vector<HostDeath> const& deaths, Value HostDeath::* field) {
    std::vector<Value> values;
    for (HostDeath const& death : deaths) {
        values.push_back(death.*field);
    }
    std::ranges::sort(values);
    return values[values.size() / 2];
}

void say_row(std::string_view name, HostDeath const& death) {
    say(base::concat("| ", name, " | ", fleet::in_milliseconds(death.detection), " | ",
                     fleet::in_milliseconds(death.recovery), " | ", death.requests, " | ",
                     death.failed, " | ", death.failed_after_1s, " |"));
}

// The targets that were missed, in words.
std::string missed_of(HostDeath const& median) {
    std::string missed;
    auto const check = [&](bool met, std::string_view what, std::string const& measured) {
        if (!met) {
            missed += base::concat(missed.empty() ? "" : "; ", what, measured);
        }
    };
    check(median.detection < detection_target,
          "median detection: ", fleet::in_milliseconds(median.detection));
    check(median.recovery < recovery_target,
          "median recovery: ", fleet::in_milliseconds(median.recovery));
    check(median.failed_after_1s == 0,
          "requests that failed after 1 s, median: ", std::to_string(median.failed_after_1s));
    return missed;
}

std::string bench_deaths(std::string const& agent) {
    say("| host death, run | detection | recovery | requests | failed | failed after 1 s |");
    say("|---|---|---|---|---|---|");
    std::vector<HostDeath> deaths;
    for (std::size_t run = 0; run < runs; ++run) {
        deaths.push_back(death_run(agent, run));
        say_row(std::to_string(run + 1), deaths.back());
    }
    HostDeath const middle{.detection = median(deaths, &HostDeath::detection),
                           .recovery = median(deaths, &HostDeath::recovery),
                           .requests = median(deaths, &HostDeath::requests),
                           .failed = median(deaths, &HostDeath::failed),
                           .failed_after_1s = median(deaths, &HostDeath::failed_after_1s)};
    say_row("median", middle);
    return missed_of(middle);
}

std::string resident_memory(pid_t process) {
    auto const kib = fleet::usage_of(process).resident_bytes / 1024;
    return base::concat(kib / 1024, ".", kib % 1024 * 10 / 1024, " MiB");
}

// From the start of the process until its socket answers.
base::Duration start_time(Host& host) {
    base::Instant const started = fleet::now();
    host.start_agent();
    return fleet::now() - started;
}

void bench_costs(std::string const& agent) {
    Fleet fleet({.agent = agent, .hosts = hosts});
    fleet.found();
    if (!fleet::wait_until(patience, [&] { return fleet.host(0).nodes().size() == hosts; })) {
        throw fleet::Failure("the hosts do not know each other");
    }
    (void)fleet::wait_until(idle, [] { return false; });
    std::string const memory = resident_memory(fleet.host(0).agent_pid());

    std::vector<base::Duration> starts;
    for (std::size_t run = 0; run < runs; ++run) {
        fleet.host(1).stop_agent();
        starts.push_back(start_time(fleet.host(1)));
    }
    std::ranges::sort(starts);

    say("\n| the agent | |");
    say("|---|---|");
    say(base::concat("| binary | ", fs::file_size(agent) / 1024, " KiB |"));
    say(base::concat("| memory (RSS), fleet of 3 hosts, idle | ", memory, " |"));
    say(base::concat("| start until the admin socket answers, median of ", runs, " | ",
                     fleet::in_milliseconds(starts[runs / 2]), " |"));
}

}  // namespace

int main(int argc, char** argv) {
    std::vector<std::string> const arguments(argv + 1, argv + argc);
    if (arguments.size() != 2 || arguments[0] != "--agent") {
        std::fputs("usage: bench_host_death --agent PATH\n", stderr);
        return 2;
    }
    try {
        if (std::string const reason = fleet::reason_to_skip(arguments[1]); !reason.empty()) {
            throw fleet::Failure(reason);
        }
        std::string const missed = bench_deaths(arguments[1]);
        bench_costs(arguments[1]);
        if (!missed.empty()) {
            throw fleet::Failure(base::concat("missed: ", missed));
        }
        return 0;
    } catch (std::exception const& error) {
        std::fprintf(stderr, "bench_host_death: %s\n", error.what());
        return 1;
    }
}
