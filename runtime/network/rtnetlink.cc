#include "runtime/network/rtnetlink.h"

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>

#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <sys/socket.h>

#include "base/text.h"

namespace runtime::netlink {

namespace {

constexpr std::uint16_t change_flags = NLM_F_REQUEST | NLM_F_ACK;
constexpr std::uint16_t create_flags = change_flags | NLM_F_CREATE | NLM_F_EXCL;
// A dump is repeated when what it lists changed meanwhile.
constexpr int dump_attempts_max = 10;

// Splits a message's payload into its family header and its attributes.
template <class Header>
std::optional<Header> take_header(base::ByteView& payload) {
    Header header;
    if (payload.size() < sizeof header) {
        return std::nullopt;
    }
    std::memcpy(&header, payload.data(), sizeof header);
    payload = payload.subspan(std::min<std::size_t>(NLMSG_ALIGN(sizeof header), payload.size()));
    return header;
}

std::uint32_t attribute_v4(base::ByteView area, std::uint16_t type) {
    std::uint32_t const value = attribute_u32(area, type);
    return std::endian::native == std::endian::little ? std::byteswap(value) : value;
}

base::Result<void> outcome(Errno error, std::string context) {
    if (error != 0) {
        return base::fail_errno(error, std::move(context));
    }
    return {};
}

std::string text_of(LinkAddress const& address) {
    return base::concat(base::to_string(base::IpAddress::v4(address.address)), '/',
                        int{address.length});
}

std::string text_of(KernelRoute const& route) {
    return route.kind == RouteKind::local
               ? base::concat("local ", base::to_string(route.destination))
               : base::concat(base::to_string(route.destination), " via ",
                              base::to_string(base::IpAddress::v4(route.via)));
}

Request link_request(std::uint16_t type, std::uint16_t flags, int index, unsigned up) {
    Request request(type, flags);
    ifinfomsg header{};
    header.ifi_family = AF_UNSPEC;
    header.ifi_index = index;
    header.ifi_flags = up;
    header.ifi_change = up;
    request.header(header);
    return request;
}

Request address_request(std::uint16_t type, std::uint16_t flags, Link const& link,
                        LinkAddress address) {
    Request request(type, flags);
    ifaddrmsg header{};
    header.ifa_family = AF_INET;
    header.ifa_prefixlen = address.length;
    header.ifa_scope = RT_SCOPE_UNIVERSE;
    header.ifa_index = static_cast<std::uint32_t>(link.index);
    request.header(header);
    request.put_v4(IFA_LOCAL, address.address);
    request.put_v4(IFA_ADDRESS, address.address);
    if (address.length < 31) {
        request.put_v4(IFA_BROADCAST, address.address | (0xffffffffU >> address.length));
    }
    return request;
}

Request route_request(std::uint16_t type, std::uint16_t flags, KernelRoute const& route) {
    bool const local = route.kind == RouteKind::local;
    Request request(type, flags);
    rtmsg header{};
    header.rtm_family = AF_INET;
    header.rtm_dst_len = route.destination.length;
    header.rtm_table = local ? RT_TABLE_LOCAL : RT_TABLE_MAIN;
    header.rtm_protocol = route.protocol;
    header.rtm_scope = local ? RT_SCOPE_HOST : RT_SCOPE_UNIVERSE;
    header.rtm_type = local ? RTN_LOCAL : RTN_UNICAST;
    request.header(header);
    request.put_v4(RTA_DST, route.destination.address);
    if (local) {
        request.put_u32(RTA_OIF, static_cast<std::uint32_t>(route.interface_index));
    } else {
        request.put_v4(RTA_GATEWAY, route.via);
    }
    return request;
}

// What `parse` makes of the entries of a dump, repeated until nothing changed under way.
template <class Entry>
base::Result<std::vector<Entry>> list(Socket& socket, Request request, std::string const& context,
                                      std::function<std::optional<Entry>(base::ByteView)> parse) {
    for (int attempt = 1;; ++attempt) {
        std::vector<Entry> found;
        Errno const error = socket.dump(request, [&](std::uint16_t, base::ByteView payload) {
            if (auto entry = parse(payload)) {
                found.push_back(std::move(*entry));
            }
        });
        if (error == 0) {
            return found;
        }
        if (error != EINTR || attempt == dump_attempts_max) {
            return base::fail_errno(error, context);
        }
    }
}

std::optional<Link> parse_link(base::ByteView payload) {
    auto const header = take_header<ifinfomsg>(payload);
    if (!header) {
        return std::nullopt;
    }
    return Link{.index = header->ifi_index,
                .master = static_cast<int>(attribute_u32(payload, IFLA_MASTER)),
                .name = std::string(attribute_text(payload, IFLA_IFNAME)),
                .alias = std::string(attribute_text(payload, IFLA_IFALIAS))};
}

std::optional<KernelRoute> parse_route(base::ByteView payload) {
    auto const header = take_header<rtmsg>(payload);
    if (!header) {
        return std::nullopt;
    }
    bool const local = header->rtm_table == RT_TABLE_LOCAL && header->rtm_type == RTN_LOCAL;
    if (!local && (header->rtm_table != RT_TABLE_MAIN || header->rtm_type != RTN_UNICAST)) {
        return std::nullopt;
    }
    return KernelRoute{.destination = {attribute_v4(payload, RTA_DST), header->rtm_dst_len},
                       .kind = local ? RouteKind::local : RouteKind::forwarded,
                       .via = attribute_v4(payload, RTA_GATEWAY),
                       .interface_index = static_cast<int>(attribute_u32(payload, RTA_OIF)),
                       .protocol = header->rtm_protocol};
}

}  // namespace

base::Result<Routing> Routing::open() {
    return Routing(TRY(Socket::open(NETLINK_ROUTE)));
}

base::Result<std::vector<Link>> Routing::links() {
    return list<Link>(socket_, link_request(RTM_GETLINK, NLM_F_REQUEST | NLM_F_DUMP, 0, 0),
                      "list network interfaces", parse_link);
}

base::Result<std::optional<Link>> Routing::find_link(std::string_view name) {
    Request request = link_request(RTM_GETLINK, NLM_F_REQUEST, 0, 0);
    request.put_text(IFLA_IFNAME, name);
    std::optional<Link> found;
    Errno const error = socket_.get(
        request, [&](std::uint16_t, base::ByteView payload) { found = parse_link(payload); });
    if (error != 0 && error != ENODEV) {
        return base::fail_errno(error, base::concat("find ", name));
    }
    return found;
}

base::Result<void> Routing::create_bridge(std::string const& name, Mac mac, int mtu) {
    Request request = link_request(RTM_NEWLINK, create_flags, 0, 0);
    request.put_text(IFLA_IFNAME, name);
    request.put_u32(IFLA_MTU, static_cast<std::uint32_t>(mtu));
    request.put(IFLA_ADDRESS, std::as_bytes(std::span(mac)));
    std::size_t const info = request.open(IFLA_LINKINFO);
    request.put_text(IFLA_INFO_KIND, "bridge");
    request.close(info);
    return outcome(socket_.change(request), base::concat("create bridge ", name));
}

base::Result<void> Routing::create_veth(Veth const& veth) {
    Request request = link_request(RTM_NEWLINK, create_flags, 0, IFF_UP);
    request.put_text(IFLA_IFNAME, veth.name);
    request.put_u32(IFLA_MTU, static_cast<std::uint32_t>(veth.mtu));
    request.put_u32(IFLA_MASTER, static_cast<std::uint32_t>(veth.master));
    std::size_t const info = request.open(IFLA_LINKINFO);
    request.put_text(IFLA_INFO_KIND, "veth");
    std::size_t const data = request.open(IFLA_INFO_DATA);
    std::size_t const peer = request.open(VETH_INFO_PEER);
    request.header(ifinfomsg{});
    request.put_text(IFLA_IFNAME, veth.peer_name);
    request.put_u32(IFLA_MTU, static_cast<std::uint32_t>(veth.mtu));
    request.put(IFLA_ADDRESS, std::as_bytes(std::span(veth.peer_mac)));
    request.put_u32(IFLA_NET_NS_FD, static_cast<std::uint32_t>(veth.peer_netns));
    request.close(peer);
    request.close(data);
    request.close(info);
    return outcome(socket_.change(request), base::concat("create veth pair ", veth.name));
}

base::Result<void> Routing::set_master(Link const& link, Link const& bridge) {
    Request request = link_request(RTM_NEWLINK, change_flags, link.index, 0);
    request.put_u32(IFLA_MASTER, static_cast<std::uint32_t>(bridge.index));
    return outcome(socket_.change(request),
                   base::concat("make ", link.name, " a port of ", bridge.name));
}

base::Result<void> Routing::set_up(Link const& link) {
    Request request = link_request(RTM_NEWLINK, change_flags, link.index, IFF_UP);
    return outcome(socket_.change(request), base::concat("set ", link.name, " up"));
}

base::Result<void> Routing::set_alias(Link const& link, std::string_view alias) {
    Request request = link_request(RTM_NEWLINK, change_flags, link.index, 0);
    request.put(IFLA_IFALIAS, base::as_bytes(alias));
    return outcome(socket_.change(request), base::concat("label ", link.name));
}

base::Result<void> Routing::delete_link(Link const& link) {
    Request request = link_request(RTM_DELLINK, change_flags, link.index, 0);
    Errno const error = socket_.change(request);
    return outcome(error == ENODEV ? 0 : error, base::concat("delete ", link.name));
}

base::Result<std::vector<LinkAddress>> Routing::addresses(Link const& link) {
    Request request(RTM_GETADDR, NLM_F_REQUEST | NLM_F_DUMP);
    ifaddrmsg header{};
    header.ifa_family = AF_INET;
    request.header(header);
    auto const parse = [&](base::ByteView payload) -> std::optional<LinkAddress> {
        auto const found = take_header<ifaddrmsg>(payload);
        if (!found || found->ifa_index != static_cast<std::uint32_t>(link.index)) {
            return std::nullopt;
        }
        return LinkAddress{attribute_v4(payload, IFA_LOCAL), found->ifa_prefixlen};
    };
    return list<LinkAddress>(socket_, std::move(request),
                             base::concat("list the addresses of ", link.name), parse);
}

base::Result<void> Routing::add_address(Link const& link, LinkAddress address) {
    Request request = address_request(RTM_NEWADDR, create_flags, link, address);
    Errno const error = socket_.change(request);
    return outcome(error == EEXIST ? 0 : error,
                   base::concat("add ", text_of(address), " to ", link.name));
}

base::Result<void> Routing::delete_address(Link const& link, LinkAddress address) {
    Request request = address_request(RTM_DELADDR, change_flags, link, address);
    return outcome(socket_.change(request),
                   base::concat("delete ", text_of(address), " from ", link.name));
}

base::Result<std::vector<KernelRoute>> Routing::routes(std::uint8_t protocol) {
    Request request(RTM_GETROUTE, NLM_F_REQUEST | NLM_F_DUMP);
    rtmsg header{};
    header.rtm_family = AF_INET;
    request.header(header);
    auto const parse = [&](base::ByteView payload) -> std::optional<KernelRoute> {
        auto route = parse_route(payload);
        return route && route->protocol == protocol ? route : std::nullopt;
    };
    return list<KernelRoute>(socket_, std::move(request), "list routes", parse);
}

base::Result<void> Routing::add_route(KernelRoute const& route, IfPresent present) {
    std::uint16_t const flags =
        present == IfPresent::fail ? create_flags : change_flags | NLM_F_CREATE | NLM_F_REPLACE;
    Request request = route_request(RTM_NEWROUTE, flags, route);
    return outcome(socket_.change(request), base::concat("add route ", text_of(route)));
}

base::Result<void> Routing::delete_route(KernelRoute const& route) {
    Request request = route_request(RTM_DELROUTE, change_flags, route);
    Errno const error = socket_.change(request);
    return outcome(error == ESRCH ? 0 : error, base::concat("delete route ", text_of(route)));
}

}  // namespace runtime::netlink
