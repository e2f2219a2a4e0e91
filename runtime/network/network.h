#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/address.h"
#include "base/result.h"

namespace runtime {

struct NetworkConfig {
    std::string bridge = "covey0";
    std::string netns_dir;  // where containers' network namespaces are bound, e.g. /run/covey/netns
    int mtu = 1500;
};

// Another host's containers are reached through that host (both are on one L2).
struct Route {
    base::Prefix subnet;
    base::IpAddress via;
    friend auto operator<=>(Route const&, Route const&) = default;
};

struct Attachment {
    std::string id;
    std::string netns_path;
    base::IpAddress address;
    base::IpAddress gateway;  // the bridge: default route and nameserver
};

// This host's container network, made by netlink: a bridge that holds the first address of the
// host's subnet, a veth pair and a namespace per container, host routes, forwarding, and source NAT
// for what leaves the fleet. Safe to call from several threads. Calls are idempotent, so that a
// restarted agent repeats them over what it finds.
class Network {
public:
    virtual ~Network() = default;

    // Bridge, address, forwarding, NAT. `fleet` is the range that all hosts' subnets come from:
    // traffic inside it is routed unchanged. A different subnet than before is an error while
    // containers are attached.
    virtual base::Result<void> set_subnet(base::Prefix subnet, base::Prefix fleet) = 0;
    // Exactly these routes, replacing those set before; others' routes are left alone.
    virtual base::Result<void> set_routes(std::span<Route const> routes) = 0;
    // Every address of the range is local to this host (a route of type local), so that virtual
    // addresses need no interface of their own.
    virtual base::Result<void> set_virtual_range(base::Prefix range) = 0;

    // The bridge's address, which answers for the host to containers; unspecified without subnet.
    [[nodiscard]] virtual base::IpAddress gateway() = 0;

    // A namespace with loopback up and one interface `eth0` that has the lowest free address of
    // the subnet and a default route. Its MAC address is made from that address if none is given,
    // such as "02:42:ac:11:65:43"; who gives one answers for no other on this host having it.
    virtual base::Result<Attachment> attach(std::string const& id,
                                            std::string const& mac_address = {}) = 0;
    // Frees namespace, veth and address. Of an unknown id: nothing to do.
    virtual base::Result<void> detach(std::string const& id) = 0;
    // What exists now, whoever made it.
    virtual base::Result<std::vector<Attachment>> attachments() = 0;
    // Removes bridge, routes, NAT table and every attachment.
    virtual base::Result<void> clear() = 0;
};

[[nodiscard]] base::Result<std::unique_ptr<Network>> open_network(NetworkConfig config);

}  // namespace runtime
