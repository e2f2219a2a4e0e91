#include "tests/fleet/wiring.h"

#include <fstream>
#include <span>
#include <utility>

#include "base/check.h"
#include "base/text.h"
#include "runtime/network/net_namespace.h"
#include "tests/fleet/command.h"

namespace fleet {
namespace {

constexpr std::uint32_t network = 0x0a4d0000;  // 10.77.0.0/24
constexpr std::uint32_t first_host = 11;
constexpr std::uint32_t first_renumbered = 101;
constexpr base::Duration port_end_max = base::seconds(5);

base::Descriptor make_netns(std::string const& path) {
    must(runtime::create_net_namespace(path));
    return must(runtime::open_net_namespace(path));
}

void ip(base::Descriptor const& netns, std::span<std::string const> lines) {
    for (std::string const& line : lines) {
        std::vector<std::string> arguments{"ip"};
        for (std::string_view const word : base::split(line, ' ')) {
            arguments.emplace_back(word);
        }
        Output const output = run_in(netns, {.arguments = std::move(arguments)});
        if (output.exit_code != 0) {
            throw Failure(base::concat("ip ", line, ": ", output.err));
        }
    }
}

std::string port_of(std::size_t host) {
    return base::concat("port", host);
}

std::string bridge_of(std::size_t group) {
    return base::concat("group", group);
}

}  // namespace

Wiring::Wiring(std::string path) : path_(std::move(path)), switch_(make_netns(path_)) {
    std::vector<std::string> lines;
    for (std::size_t group = 0; group < groups_max; ++group) {
        lines.push_back(base::concat("link add ", bridge_of(group), " type bridge"));
        lines.push_back(base::concat("link set ", bridge_of(group), " up"));
    }
    // The default gateway of all hosts. It has no way out and says so: a host that asks for
    // something in the world is told "unreachable" and does not wait.
    lines.push_back(base::concat("addr add 10.77.0.1/24 dev ", bridge_of(0)));
    on_switch(lines);
    must(runtime::in_net_namespace(switch_, []() -> base::Result<void> {
        std::ofstream("/proc/sys/net/ipv4/ip_forward") << "1\n";
        return {};
    }));
}

void Wiring::add_host(std::size_t host, std::string const& path) {
    CHECK(host <= hosts_.size());
    if (host == hosts_.size()) {
        hosts_.push_back({.number = first_host + static_cast<std::uint32_t>(host)});
    }
    base::Descriptor const& netns = hosts_[host].netns = make_netns(path);
    std::vector<std::string> const lines{
        "link set lo up",
        base::concat("link add eth0 address 02:4d:00:00:00:", first_host + host,
                     " type veth peer name ", port_of(host), " netns ", path_),
        base::concat("addr add ", to_string(address(host)), "/24 dev eth0"),
        "link set eth0 up",
        "route add default via 10.77.0.1",
    };
    ip(netns, lines);
    on_switch({base::concat("link set ", port_of(host), " master ", bridge_of(0)),
               base::concat("link set ", port_of(host), " up")});
    await_carrier(host);
}

void Wiring::remove_host(std::size_t host) {
    hosts_[host].netns = {};
    // The kernel removes a namespace and its links some time after its last user, perhaps at this
    // moment; the name must be free now.
    bool const removed = wait_until(port_end_max, [&] {
        (void)run_in(switch_, {.arguments = {"ip", "link", "delete", port_of(host)}});
        return !has_port(host);
    });
    if (!removed) {
        throw Failure(base::concat(port_of(host), " cannot be deleted"));
    }
}

void Wiring::renumber(std::size_t host) {
    hosts_.at(host).number = first_renumbered + renumbered_++;
}

void Wiring::unplug(std::size_t host) {
    on_switch({base::concat("link set ", port_of(host), " down")});
}

void Wiring::plug(std::size_t host) {
    on_switch({base::concat("link set ", port_of(host), " up")});
    await_carrier(host);
}

void Wiring::partition(std::vector<std::vector<std::size_t>> const& groups) {
    CHECK(groups.size() <= groups_max);
    std::vector<std::string> lines;
    for (std::size_t group = 0; group < groups.size(); ++group) {
        for (std::size_t const host : groups[group]) {
            lines.push_back(base::concat("link set ", port_of(host), " master ", bridge_of(group)));
        }
    }
    on_switch(lines);
}

void Wiring::heal() {
    std::vector<std::size_t> all;
    for (std::size_t host = 0; host < hosts_.size(); ++host) {
        if (has_port(host)) {
            all.push_back(host);
        }
    }
    partition({all});
}

base::Descriptor const& Wiring::netns(std::size_t host) const {
    return hosts_.at(host).netns;
}

base::IpAddress Wiring::address(std::size_t host) const {
    return base::IpAddress::v4(network + hosts_.at(host).number);
}

void Wiring::on_switch(std::vector<std::string> const& lines) const {
    ip(switch_, lines);
}

void Wiring::await_carrier(std::size_t host) const {
    std::vector<std::string> const question{"link show dev eth0"};
    ip(hosts_[host].netns, question);
    on_switch({base::concat("link show dev ", port_of(host)),
               base::concat("link show dev ", bridge_of(0))});
}

bool Wiring::has_port(std::size_t host) const {
    return run_in(switch_, {.arguments = {"ip", "link", "show", port_of(host)}}).exit_code == 0;
}

}  // namespace fleet
