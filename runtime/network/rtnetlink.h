#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.h"
#include "base/result.h"
#include "runtime/network/netlink.h"

namespace runtime::netlink {

struct Link {
    int index{};
    int master{};  // the bridge it is a port of; 0: none
    std::string name;
    std::string alias;  // free text that the kernel keeps with the link
};

using Mac = std::array<std::uint8_t, 6>;

struct Veth {
    std::string name;       // of the end that stays here
    int master{};           // the bridge that this end joins
    std::string peer_name;  // of the end in the other namespace
    Mac peer_mac{};
    int peer_netns{};  // an open descriptor of that namespace
    int mtu{};
};

// An address of a link with the length of its network.
struct LinkAddress {
    std::uint32_t address{};
    std::uint8_t length{};
    friend bool operator==(LinkAddress const&, LinkAddress const&) = default;
};

enum class RouteKind : std::uint8_t {
    forwarded,  // through `via`, in table main
    local,      // delivered to this host, in table local
};

struct KernelRoute {
    base::Prefix destination;
    RouteKind kind{};
    std::uint32_t via{};    // forwarded
    int interface_index{};  // local
    std::uint8_t protocol{};
};

enum class IfPresent : std::uint8_t { fail, replace };

// What this project asks of rtnetlink, in the network namespace of the thread that opened it. Every
// error says what was to be done to what.
class Routing {
public:
    [[nodiscard]] static base::Result<Routing> open();

    [[nodiscard]] base::Result<std::vector<Link>> links();
    // Asked about one link, the kernel first acts on a change of its carrier that is still pending;
    // by itself it may wait a second, and drops packets meanwhile.
    [[nodiscard]] base::Result<std::optional<Link>> find_link(std::string_view name);
    [[nodiscard]] base::Result<void> create_bridge(std::string const& name, Mac mac, int mtu);
    [[nodiscard]] base::Result<void> create_veth(Veth const& veth);
    // Makes it a port of the bridge.
    [[nodiscard]] base::Result<void> set_master(Link const& link, Link const& bridge);
    [[nodiscard]] base::Result<void> set_up(Link const& link);
    [[nodiscard]] base::Result<void> set_alias(Link const& link, std::string_view alias);
    // A link that is gone already is no error.
    [[nodiscard]] base::Result<void> delete_link(Link const& link);

    [[nodiscard]] base::Result<std::vector<LinkAddress>> addresses(Link const& link);
    // An address that is there already is no error.
    [[nodiscard]] base::Result<void> add_address(Link const& link, LinkAddress address);
    [[nodiscard]] base::Result<void> delete_address(Link const& link, LinkAddress address);

    // The IPv4 routes of the main and local tables that have this protocol number.
    [[nodiscard]] base::Result<std::vector<KernelRoute>> routes(std::uint8_t protocol);
    [[nodiscard]] base::Result<void> add_route(KernelRoute const& route, IfPresent present);
    // A route that is gone already is no error.
    [[nodiscard]] base::Result<void> delete_route(KernelRoute const& route);

private:
    explicit Routing(Socket socket) : socket_(std::move(socket)) {}

    Socket socket_;
};

}  // namespace runtime::netlink
