#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <optional>

#include <unistd.h>

#include "base/text.h"
#include "tests/fleet/harness.h"
#include "tests/fleet/host_death.h"
#include "tests/fleet/http.h"

// ./dev demo: a fleet of three hosts on this machine, shown step by step as its user would see it.
namespace {

namespace fs = std::filesystem;

using fleet::Failure;
using fleet::Fleet;
using fleet::Host;

constexpr auto run_name = "demo";
constexpr auto service = "shop/web";
constexpr std::uint16_t port = 80;
constexpr std::uint16_t published_port = 8080;
constexpr std::size_t requests_shown = 30;
constexpr base::Duration patience = base::seconds(60);

void say(std::string_view text) {
    std::fwrite(text.data(), 1, text.size(), stdout);
    std::fputc('\n', stdout);
    std::fflush(stdout);
}

void heading(std::string_view text) {
    bool const colours = ::isatty(STDOUT_FILENO) == 1;
    say(base::concat(colours ? "\n\x1b[1m" : "\n", "== ", text, colours ? "\x1b[0m" : ""));
}

void prompt(std::string_view where, std::string_view command) {
    bool const colours = ::isatty(STDOUT_FILENO) == 1;
    say(base::concat(colours ? "\x1b[36m" : "", where, "#", colours ? "\x1b[0m " : " ", command));
}

void say_output(fleet::Output const& output) {
    std::string text = output.out + output.err;
    if (!text.empty()) {
        say(text.substr(0, text.find_last_not_of('\n') + 1));
    }
}

// Runs and shows a command of the agent; `shown` replaces arguments too long to read.
fleet::Output run(Host const& host, std::vector<std::string> const& arguments,
                  std::string shown = {}) {
    if (shown.empty()) {
        for (std::string const& argument : arguments) {
            shown += base::concat(" ", argument);
        }
        shown = base::concat("agent", shown);
    }
    prompt(host.name(), shown);
    fleet::Output output = host.agent(arguments);
    say_output(output);
    if (output.exit_code != 0) {
        throw Failure(base::concat("that ended with exit code ", output.exit_code));
    }
    return output;
}

std::string short_token(std::string const& token) {
    constexpr std::size_t shown = 12;
    return token.substr(0, shown) + "...";
}

void wait_healthy(Host const& host, std::string_view name, std::uint32_t replicas) {
    bool const healthy = fleet::wait_until(patience, [&] {
        auto const report = host.service(name);
        return report.healthy == replicas && report.replicas == replicas;
    });
    if (!healthy) {
        say_output(host.agent({"ps", "-o", "wide"}));
        throw Failure(base::concat(name, " did not become healthy"));
    }
}

void make_fleet(Fleet& fleet) {
    heading("Three hosts: network namespaces of this machine, each with its own link and agent");
    for (std::size_t index = 0; index < fleet.size(); ++index) {
        say(base::concat("  ", fleet.host(index).name(), "  ",
                         to_string(fleet.host(index).address())));
    }

    heading("The first host founds a fleet, the others join it");
    Host& first = fleet.host(0);
    std::string const founded = run(first, {"init"}).out;
    std::string const token = fleet::join_token(founded);
    std::string const peer = to_string(first.address());
    for (std::size_t index = 1; index < fleet.size(); ++index) {
        run(fleet.host(index), {"join", peer, "--token", token},
            base::concat("agent join ", peer, " --token ", short_token(token)));
    }

    heading("Every host gets a small image, made of this machine's busybox: no registry needed");
    for (std::size_t index = 0; index < fleet.size(); ++index) {
        run(fleet.host(index), {"image", "load", fleet.image()}, "agent image load busybox.tar");
    }
}

void deploy(Fleet& fleet) {
    heading("A service file is dropped into one host's services directory");
    Host& first = fleet.host(0);
    fs::path const source = fs::path(COVEY_SOURCE_DIR) / "packaging/demo/shop.yaml";
    std::ifstream file(source);
    std::string const text{std::istreambuf_iterator<char>(file), {}};
    if (text.empty()) {
        throw Failure(base::concat("cannot read ", source.string()));
    }
    prompt(first.name(), "cat shop.yaml");
    say(base::trim(text));
    prompt(first.name(), base::concat("cp shop.yaml ", first.services_dir(), "/"));
    base::Instant const dropped = fleet::now();
    first.put_file("shop.yaml", text);
    wait_healthy(first, service, 3);
    wait_healthy(first, "shop/client", 1);
    say(base::concat("All replicas were healthy after ",
                     fleet::in_milliseconds(fleet::now() - dropped), "."));
}

void look_around(Fleet& fleet) {
    heading("Any host answers any question");
    run(fleet.host(1), {"nodes"});
    run(fleet.host(2), {"services"});
    run(fleet.host(2), {"ps"});

    heading("Names are answered inside containers");
    for (std::size_t index = 0; index < fleet.size(); ++index) {
        Host const& host = fleet.host(index);
        for (agent::InstanceReport const& instance : host.instances("shop/client")) {
            if (instance.node == host.name()) {
                prompt(base::concat("client on ", host.name()), "nslookup web.shop.covey.internal");
                say_output(host.exec(instance.id, {"nslookup", "web.shop.covey.internal"}));
                prompt(base::concat("client on ", host.name()), "wget -q -O - http://web/");
                say_output(host.exec(instance.id, {"wget", "-q", "-O", "-", "http://web/"}));
            }
        }
    }
}

void spread_requests(Fleet& fleet) {
    heading("Requests through the virtual address are spread over the replicas");
    Host& first = fleet.host(0);
    auto const vip = first.service(service).vip;
    if (!vip) {
        throw Failure(base::concat(service, " has no virtual address"));
    }
    prompt(first.name(), base::concat("for i in $(seq ", requests_shown, "); do curl -s http://",
                                      to_string(*vip), "/; done | sort | uniq -c"));
    std::map<std::string, int> answers;
    for (std::size_t count = 0; count < requests_shown; ++count) {
        auto const answer = fleet::http_get(first.netns(), {*vip, port});
        ++answers[answer.ok() ? std::string(base::trim(answer.body)) : answer.problem];
    }
    for (auto const& [name, count] : answers) {
        std::printf("%7d %s\n", count, name.c_str());
    }
    say("Every host publishes port 8080, whether it runs a replica or not:");
    for (std::size_t index = 0; index < fleet.size(); ++index) {
        Host const& host = fleet.host(index);
        std::string const url = base::concat("http://", to_string(host.address()), ":8080/");
        auto const answer = fleet::http_get(first.netns(), {host.address(), published_port});
        prompt(first.name(), base::concat("curl -s ", url));
        say(answer.ok() ? base::trim(answer.body) : std::string_view(answer.problem));
    }
}

// A host with a replica; the first, where the file is, only if there is no other.
std::size_t choose_victim(Fleet& fleet) {
    auto const instances = fleet.host(0).instances(service);
    for (std::size_t index = fleet.size(); index-- > 0;) {
        if (std::ranges::any_of(instances, [&](agent::InstanceReport const& instance) {
                return instance.node == fleet.host(index).name();
            })) {
            return index;
        }
    }
    throw Failure("no host runs a replica");
}

std::size_t kill_one(Fleet& fleet) {
    std::size_t const victim = choose_victim(fleet);
    std::size_t const client = victim == 0 ? 1 : 0;
    Host const& survivor = fleet.host(client);
    heading(base::concat(fleet.host(victim).name(),
                         " dies: its link is cut, its agent and containers are killed, at once"));
    say(base::concat("Meanwhile ", survivor.name(),
                     " asks the virtual address every 10 ms, with a time-out of 2 s."));
    auto const death = fleet::measure_host_death(fleet, victim, client, service, port);
    run(survivor, {"nodes"});
    run(survivor, {"ps"});
    say("");
    say(base::concat("  the survivors knew after       ", fleet::in_milliseconds(death.detection)));
    say(base::concat("  all replicas healthy after     ", fleet::in_milliseconds(death.recovery)));
    say(base::concat("  requests since the death       ", death.requests));
    say(base::concat("  failed                         ", death.failed));
    say(base::concat("  failed after the first second  ", death.failed_after_1s));
    for (std::string const& problem : death.problems) {
        say(base::concat("    ", problem));
    }
    return victim;
}

void keep(Fleet& fleet, std::size_t victim) {
    heading(base::concat("The fleet stays; ", fleet.host(victim).name(), " gets its power back"));
    fleet.return_host(victim);
    wait_healthy(fleet.host(victim), service, 3);
    fleet.guardian().dismiss();
    say("Talk to it by each host's own command line:");
    for (std::size_t index = 0; index < fleet.size(); ++index) {
        say(base::concat("  ", fleet.host(index).directory(), "/agent ps"));
    }
    Host const& first = fleet.host(0);
    say("Edit, add or delete service files:");
    say(base::concat("  ", first.services_dir(), "/shop.yaml"));
    say("Run a program on a host:");
    say(base::concat("  nsenter --net=", first.directory(), "/netns wget -qO- http://",
                     to_string(first.address()), ":8080/"));
    say("Remove everything:\n  ./dev demo --clean");
}

void show(std::string const& agent, bool kept) {
    Fleet fleet({.agent = agent,
                 .hosts = 3,
                 .run = run_name,
                 .signals = fleet::Guardian::Signals::handled});
    base::Instant const started = fleet::now();
    make_fleet(fleet);
    deploy(fleet);
    look_around(fleet);
    spread_requests(fleet);
    std::size_t const victim = kill_one(fleet);
    if (kept) {
        keep(fleet, victim);
        return;
    }
    heading("The end: everything is removed");
    say(base::concat("That took ",
                     std::chrono::duration_cast<base::seconds>(fleet::now() - started).count(),
                     " s."));
}

// Those of the last run, which was kept or is going on.
int clean() {
    bool const found = !fleet::leftovers(run_name).empty();
    fleet::clean_up(run_name);
    auto const rest = fleet::leftovers(run_name);
    for (std::string const& line : rest) {
        say(base::concat("still there: ", line));
    }
    if (rest.empty()) {
        say(found ? "The demo's fleet is removed." : "There is no demo fleet.");
    }
    return rest.empty() ? 0 : 1;
}

struct Options {
    std::string agent;
    bool keep = false;
    bool clean = false;
};

std::optional<Options> parse(std::vector<std::string> const& arguments) {
    Options options;
    for (std::size_t index = 0; index < arguments.size(); ++index) {
        if (arguments[index] == "--keep") {
            options.keep = true;
        } else if (arguments[index] == "--clean") {
            options.clean = true;
        } else if (arguments[index] == "--agent" && index + 1 < arguments.size()) {
            options.agent = arguments[++index];
        } else {
            return std::nullopt;
        }
    }
    return options.agent.empty() && !options.clean ? std::nullopt : std::optional(options);
}

int complain(std::string_view text) {
    std::string const line = base::concat("demo: ", text, "\n");
    std::fwrite(line.data(), 1, line.size(), stderr);
    return 1;
}

}  // namespace

int main(int argc, char** argv) {
    auto const options = parse({argv + 1, argv + argc});
    if (!options) {
        complain("usage: demo --agent PATH [--keep] | demo --clean");
        return 2;
    }
    try {
        if (options->clean) {
            return ::geteuid() == 0 ? clean() : complain("run as root");
        }
        if (std::string const reason = fleet::reason_to_skip(options->agent); !reason.empty()) {
            return complain(reason);
        }
        if (!fleet::leftovers(run_name).empty()) {
            return complain("there is a demo fleet already: ./dev demo --clean removes it");
        }
        show(options->agent, options->keep);
        return 0;
    } catch (std::exception const& error) {
        return complain(error.what());
    }
}
