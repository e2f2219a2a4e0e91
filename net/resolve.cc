#include "net/resolve.h"

#include <algorithm>
#include <array>
#include <cstring>

#include <ares.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "base/text.h"
#include "net/clock.h"

namespace net {

namespace {
struct Lookup {
    bool done = false;
    int status = ARES_SUCCESS;
    std::vector<base::IpAddress> addresses;
};

std::vector<base::IpAddress> addresses_of(ares_addrinfo const& info) {
    std::vector<base::IpAddress> addresses;
    for (ares_addrinfo_node const* node = info.nodes; node != nullptr; node = node->ai_next) {
        base::IpAddress ip;
        if (node->ai_family == AF_INET) {
            sockaddr_in address;
            std::memcpy(&address, node->ai_addr, sizeof address);
            ip = base::IpAddress::v4(ntohl(address.sin_addr.s_addr));
        } else if (node->ai_family == AF_INET6) {
            sockaddr_in6 address;
            std::memcpy(&address, node->ai_addr, sizeof address);
            std::memcpy(ip.bytes.data(), &address.sin6_addr, ip.bytes.size());
        } else {
            continue;
        }
        if (std::ranges::find(addresses, ip) == addresses.end()) {
            addresses.push_back(ip);
        }
    }
    return addresses;
}

void on_done(void* argument, int status, int /*timeouts*/, ares_addrinfo* info) {
    auto& lookup = *static_cast<Lookup*>(argument);
    lookup.done = true;
    lookup.status = status;
    if (info != nullptr) {
        lookup.addresses = addresses_of(*info);
        ares_freeaddrinfo(info);
    }
}

// Lets c-ares work until its next event or the deadline.
void step(ares_channel channel, base::Instant deadline) {
    std::array<ares_socket_t, ARES_GETSOCK_MAXNUM> sockets{};
    auto const wanted = static_cast<unsigned>(
        ares_getsock(channel, sockets.data(), static_cast<int>(sockets.size())));
    std::vector<pollfd> polled;
    for (std::size_t i = 0; i < sockets.size(); ++i) {
        auto const index = static_cast<unsigned>(i);
        short const events =
            static_cast<short>((ARES_GETSOCK_READABLE(wanted, index) ? POLLIN : 0) |
                               (ARES_GETSOCK_WRITABLE(wanted, index) ? POLLOUT : 0));
        if (events != 0) {
            polled.push_back({.fd = sockets[i], .events = events, .revents = 0});
        }
    }
    auto const left =
        std::max(std::chrono::ceil<base::milliseconds>(deadline - now()), base::milliseconds(0));
    timeval most{.tv_sec = static_cast<time_t>(left.count() / 1000),
                 .tv_usec = static_cast<suseconds_t>(left.count() % 1000 * 1000)};
    timeval buffer{};
    timeval const* const wait = ares_timeout(channel, &most, &buffer);
    ::poll(polled.data(), polled.size(),
           static_cast<int>(wait->tv_sec * 1000 + wait->tv_usec / 1000 + 1));
    bool any = false;
    for (pollfd const& one : polled) {
        if (one.revents != 0) {
            any = true;
            ares_process_fd(channel, (one.revents & ~POLLOUT) != 0 ? one.fd : ARES_SOCKET_BAD,
                            (one.revents & POLLOUT) != 0 ? one.fd : ARES_SOCKET_BAD);
        }
    }
    if (!any) {
        ares_process_fd(channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
    }
}
}  // namespace

base::Result<std::vector<base::IpAddress>> resolve(std::string const& host,
                                                   base::Duration timeout) {
    if (auto const ip = base::parse_ip(host)) {
        return std::vector{*ip};
    }
    if (host.empty() || host.size() > 253) {
        return base::fail(base::concat("not a host name: \"", host.substr(0, 253), '"'));
    }
    base::Instant const deadline = now() + timeout;
    ares_channel channel{};
    ares_options options{};
    std::array<char, 3> files_then_dns{'f', 'b', '\0'};
    options.lookups = files_then_dns.data();
    if (int const status = ares_init_options(&channel, &options, ARES_OPT_LOOKUPS);
        status != ARES_SUCCESS) {
        return base::fail(base::concat("cannot resolve ", host, ": ", ares_strerror(status)));
    }
    Lookup lookup;
    ares_addrinfo_hints hints{};
    hints.ai_family = AF_UNSPEC;
    ares_getaddrinfo(channel, host.c_str(), nullptr, &hints, on_done, &lookup);
    while (!lookup.done && now() < deadline) {
        step(channel, deadline);
    }
    bool const answered = lookup.done;
    // Destroying the channel ends a lookup that is still open, through on_done.
    ares_destroy(channel);
    if (!answered) {
        return base::fail(base::concat("cannot resolve ", host,
                                       ": the name servers do not answer (see /etc/resolv.conf)"));
    }
    if (lookup.status != ARES_SUCCESS || lookup.addresses.empty()) {
        return base::fail(base::concat("cannot resolve ", host, ": ",
                                       lookup.status == ARES_SUCCESS
                                           ? std::string_view("it has no address")
                                           : std::string_view(ares_strerror(lookup.status))));
    }
    return std::move(lookup.addresses);
}

}  // namespace net
