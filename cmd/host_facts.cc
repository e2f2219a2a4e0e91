#include "cmd/host_facts.h"

#include <fstream>
#include <memory>
#include <string>

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/descriptor.h"
#include "base/text.h"
#include "cmd/version.h"

namespace cmd {

namespace {

constexpr std::uint16_t dns_port = 53;

base::IpAddress from_sockaddr(sockaddr_in const& address) {
    return base::IpAddress::v4(ntohl(address.sin_addr.s_addr));
}

// The source address the kernel would use; connecting a UDP socket sends nothing.
std::optional<base::IpAddress> source_towards(base::SocketAddress const& member) {
    if (!member.ip.is_v4()) {
        return std::nullopt;
    }
    base::Descriptor const socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    if (!socket) {
        return std::nullopt;
    }
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(member.port);
    address.sin_addr.s_addr = htonl(member.ip.v4_value());
    socklen_t size = sizeof address;
    std::optional<base::IpAddress> found;
    if (::connect(socket.get(), reinterpret_cast<sockaddr*>(&address), size) == 0 &&
        ::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &size) == 0) {
        found = from_sockaddr(address);
    }
    return found;
}

std::optional<base::IpAddress> first_interface_address(std::string const& bridge) {
    ifaddrs* list = nullptr;
    if (::getifaddrs(&list) != 0) {
        return std::nullopt;
    }
    std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> const owner(list, ::freeifaddrs);
    for (ifaddrs const* entry = list; entry != nullptr; entry = entry->ifa_next) {
        bool const usable = (entry->ifa_flags & IFF_UP) != 0 &&
                            (entry->ifa_flags & IFF_LOOPBACK) == 0 && entry->ifa_name != bridge;
        if (usable && entry->ifa_addr != nullptr && entry->ifa_addr->sa_family == AF_INET) {
            return from_sockaddr(*reinterpret_cast<sockaddr_in const*>(entry->ifa_addr));
        }
    }
    return std::nullopt;
}

}  // namespace

agent::Facts host_facts(DaemonOptions const& options, std::string runtime) {
    utsname system{};
    ::uname(&system);
    struct sysinfo memory{};
    ::sysinfo(&memory);
    agent::Facts facts;
    facts.name = options.name.empty() ? std::string(system.nodename) : options.name;
    facts.arch = system.machine;
    facts.cpu_milli = static_cast<std::uint64_t>(::sysconf(_SC_NPROCESSORS_ONLN)) * 1000;
    facts.memory_bytes = std::uint64_t{memory.totalram} * memory.mem_unit;
    facts.runtime = std::move(runtime);
    facts.version = version();
    facts.labels = options.labels;
    return facts;
}

base::Result<base::IpAddress> reachable_address(DaemonOptions const& options,
                                                std::vector<base::SocketAddress> const& members) {
    if (options.advertise) {
        return *options.advertise;
    }
    if (!options.listen.ip.is_unspecified()) {
        return options.listen.ip;
    }
    for (base::SocketAddress const& member : members) {
        if (auto const address = source_towards(member)) {
            return *address;
        }
    }
    // A documentation address (RFC 5737) stands for "anywhere": the default route answers.
    if (auto const address = source_towards({base::IpAddress::v4(0xc0000201), dns_port})) {
        return *address;
    }
    if (auto const address = first_interface_address(options.bridge)) {
        return *address;
    }
    return base::fail(
        "no network interface has an address: say how the others reach this host "
        "with --advertise IP");
}

std::vector<base::SocketAddress> host_resolvers(base::Prefix fleet_range) {
    std::vector<base::SocketAddress> resolvers;
    std::ifstream file("/etc/resolv.conf");
    std::string line;
    while (std::getline(file, line)) {
        std::string_view const text = base::trim(line);
        if (!text.starts_with("nameserver")) {
            continue;
        }
        auto const ip = base::parse_ip(base::trim(text.substr(10)));
        if (ip && !fleet_range.contains(*ip)) {
            resolvers.push_back({*ip, dns_port});
        }
    }
    return resolvers;
}

}  // namespace cmd
