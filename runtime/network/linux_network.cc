#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/log.h"
#include "base/text.h"
#include "runtime/network/nat.h"
#include "runtime/network/net_namespace.h"
#include "runtime/network/network.h"
#include "runtime/network/rtnetlink.h"

namespace runtime {

namespace {

using netlink::IfPresent;
using netlink::KernelRoute;
using netlink::Link;
using netlink::LinkAddress;
using netlink::RouteKind;
using netlink::Routing;

// The kernel keeps this number with each route: how a later agent knows its own.
constexpr std::uint8_t route_protocol = 192;
// With the address it fits into an interface alias (255 bytes), and it is a file name.
constexpr std::size_t id_size_max = 200;
constexpr std::uint8_t subnet_length_min = 16;
constexpr std::uint8_t subnet_length_max = 29;
constexpr std::string_view veth_prefix = "cv";

std::string veth_name(std::string_view id) {
    base::ByteWriter hash;
    hash.u64(base::stable_hash(id));
    return base::concat(veth_prefix, base::hex(hash.view().first(6)));
}

// Fixed by the address, so that neighbours need not learn anew when the address is used again.
netlink::Mac mac_of(base::IpAddress const& address) {
    auto const& bytes = address.bytes;
    return {0x02, 0xc0, bytes[12], bytes[13], bytes[14], bytes[15]};
}

// Nothing if it is none, or a group's.
std::optional<netlink::Mac> parse_mac(std::string_view text) {
    auto const parts = base::split(text, ':');
    netlink::Mac mac{};
    if (parts.size() != mac.size()) {
        return std::nullopt;
    }
    for (std::size_t at = 0; at < mac.size(); ++at) {
        auto const byte = base::unhex(parts[at]);
        if (!byte || byte->size() != 1) {
            return std::nullopt;
        }
        mac[at] = std::to_integer<std::uint8_t>(byte->front());
    }
    return (mac[0] & 1) == 0 ? std::optional(mac) : std::nullopt;
}

base::Result<void> check_id(std::string_view id) {
    bool const plain = std::ranges::all_of(
        id, [](char letter) { return letter > ' ' && letter != '/' && letter != 0x7f; });
    if (id.empty() || id.size() > id_size_max || id.front() == '.' || !plain) {
        return base::fail(base::concat("'", id, "' cannot name a container's network"));
    }
    return {};
}

base::Result<void> write_setting(std::string const& path, std::string_view value) {
    base::Descriptor const file(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
    if (!file || ::write(file.get(), value.data(), value.size()) < 0) {
        return base::fail_errno(errno, base::concat("write ", value, " to ", path));
    }
    return {};
}

base::Prefix network_of(LinkAddress const& address) {
    std::uint64_t const mask = 0xffffffff00000000U >> address.length;
    return {address.address & static_cast<std::uint32_t>(mask), address.length};
}

// The veth's alias is the record of a complete attachment: "10.128.0.5/24 ID". It is written last
// and vanishes with the veth, so nothing has to be kept on disk.
struct Record {
    std::string id;
    LinkAddress address;
};

std::string alias_of(Record const& record) {
    return base::concat(base::to_string(base::IpAddress::v4(record.address.address)), '/',
                        int{record.address.length}, ' ', record.id);
}

std::optional<Record> parse_alias(std::string_view alias) {
    std::size_t const slash = alias.find('/');
    std::size_t const space = alias.find(' ');
    if (slash == alias.npos || space == alias.npos || space < slash) {
        return std::nullopt;
    }
    auto const ip = base::parse_ip(alias.substr(0, slash));
    auto const length =
        base::parse_integer<std::uint8_t>(alias.substr(slash + 1, space - slash - 1));
    std::string_view const id = alias.substr(space + 1);
    if (!ip || !ip->is_v4() || !length || *length < subnet_length_min ||
        *length > subnet_length_max || !check_id(id)) {
        return std::nullopt;
    }
    return Record{std::string(id), {ip->v4_value(), *length}};
}

class LinuxNetwork final : public Network {
public:
    explicit LinuxNetwork(NetworkConfig config) : config_(std::move(config)) {}

    // Removes what an agent that was killed left half made.
    base::Result<void> sweep();

    base::Result<void> set_subnet(base::Prefix subnet, base::Prefix fleet) override;
    base::Result<void> set_routes(std::span<Route const> routes) override;
    base::Result<void> set_virtual_range(base::Prefix range) override;
    base::IpAddress gateway() override;
    base::Result<Attachment> attach(std::string const& id, std::string const& mac_address) override;
    base::Result<void> detach(std::string const& id) override;
    base::Result<std::vector<Attachment>> attachments() override;
    base::Result<void> clear() override;

private:
    [[nodiscard]] std::string netns_path(std::string_view id) const {
        return base::concat(config_.netns_dir, '/', id);
    }

    base::Result<std::vector<Link>> veths(Routing& routing);
    base::Result<std::vector<Record>> records(Routing& routing);
    base::Result<std::vector<std::string>> namespaces() const;
    base::Result<Link> ensure_bridge(Routing& routing, LinkAddress gateway);
    base::Result<void> remove_attachment(Routing& routing, std::string const& id);
    base::Result<void> make_attachment(Routing& routing, Link const& bridge, Record const& record,
                                       std::optional<netlink::Mac> mac);
    base::Result<LinkAddress> free_address(std::vector<Record> const& used) const;
    [[nodiscard]] Attachment attachment_of(Record const& record) const;

    NetworkConfig config_;
    std::mutex mutex_;  // one operation at a time: each reads, decides and changes
    std::optional<base::Prefix> subnet_;
    std::string nat_warning_;  // logged last, so that repeated calls do not repeat it
};

Attachment LinuxNetwork::attachment_of(Record const& record) const {
    return {.id = record.id,
            .netns_path = netns_path(record.id),
            .address = base::IpAddress::v4(record.address.address),
            .gateway = network_of(record.address).host(1)};
}

// Those of this bridge, and those that have none: somebody deleted a bridge, ours or another's.
base::Result<std::vector<Link>> LinuxNetwork::veths(Routing& routing) {
    auto links = TRY(routing.links());
    auto const bridge = std::ranges::find(links, config_.bridge, &Link::name);
    int const master = bridge == links.end() ? 0 : bridge->index;
    std::erase_if(links, [&](Link const& link) {
        return (link.master != master && link.master != 0) || !link.name.starts_with(veth_prefix);
    });
    return links;
}

base::Result<std::vector<Record>> LinuxNetwork::records(Routing& routing) {
    std::vector<Record> found;
    for (Link const& link : TRY(veths(routing))) {
        auto record = parse_alias(link.alias);
        if (record && is_net_namespace(netns_path(record->id))) {
            found.push_back(std::move(*record));
        }
    }
    std::ranges::sort(found, {}, &Record::id);
    return found;
}

base::Result<std::vector<std::string>> LinuxNetwork::namespaces() const {
    std::vector<std::string> names;
    std::error_code error;
    std::filesystem::directory_iterator at(config_.netns_dir, error);
    for (; !error && at != std::filesystem::directory_iterator(); at.increment(error)) {
        names.push_back(at->path().filename());
    }
    if (error) {
        return base::fail(base::concat("read ", config_.netns_dir, ": ", error.message()));
    }
    return names;
}

// What cannot be removed keeps no container from running.
static void warn_if_failed(base::Result<void> const& removed) {
    if (!removed) {
        base::log(base::LogLevel::warning, "network", removed.error().message);
    }
}

base::Result<void> LinuxNetwork::sweep() {
    std::scoped_lock const lock(mutex_);
    auto routing = TRY(Routing::open());
    std::set<std::string> complete;
    for (Record const& record : TRY(records(routing))) {
        complete.insert(record.id);
    }
    for (Link const& link : TRY(veths(routing))) {
        auto const record = parse_alias(link.alias);
        if (link.master != 0 && (!record || !complete.contains(record->id))) {
            warn_if_failed(routing.delete_link(link));
        }
    }
    for (std::string const& name : TRY(namespaces())) {
        if (!complete.contains(name)) {
            warn_if_failed(remove_net_namespace(netns_path(name)));
        }
    }
    return {};
}

base::Result<Link> LinuxNetwork::ensure_bridge(Routing& routing, LinkAddress gateway) {
    auto bridge = TRY(routing.find_link(config_.bridge));
    if (!bridge) {
        // An address of its own; else it would take that of its lowest port and change with it.
        auto const mac = mac_of(base::IpAddress::v4(gateway.address));
        TRY_VOID(routing.create_bridge(config_.bridge, mac, config_.mtu));
        bridge = TRY(routing.find_link(config_.bridge));
    }
    if (!bridge) {
        return base::fail(base::concat("bridge ", config_.bridge, " vanished; was it deleted?"));
    }
    for (LinkAddress const& address : TRY(routing.addresses(*bridge))) {
        if (address != gateway) {
            TRY_VOID(routing.delete_address(*bridge, address));
        }
    }
    TRY_VOID(routing.add_address(*bridge, gateway));
    TRY_VOID(routing.set_up(*bridge));
    for (Link const& link : TRY(veths(routing))) {
        auto const record = parse_alias(link.alias);
        if (link.master == 0 && record && is_net_namespace(netns_path(record->id))) {
            TRY_VOID(routing.set_master(link, *bridge));
        }
    }
    return std::move(*bridge);
}

base::Result<void> LinuxNetwork::set_subnet(base::Prefix subnet, base::Prefix fleet) {
    std::scoped_lock const lock(mutex_);
    if (subnet.length < subnet_length_min || subnet.length > subnet_length_max) {
        return base::fail(base::concat("subnet ", base::to_string(subnet),
                                       " has no usable size: give one from /16 to /29"));
    }
    auto routing = TRY(Routing::open());
    for (Record const& record : TRY(records(routing))) {
        if (network_of(record.address) != subnet) {
            return base::fail(base::concat("cannot change to subnet ", base::to_string(subnet),
                                           " while container ", record.id, " uses one of ",
                                           base::to_string(network_of(record.address))));
        }
    }
    TRY(ensure_bridge(routing, {subnet.host(1).v4_value(), subnet.length}));
    subnet_ = subnet;
    TRY_VOID(write_setting("/proc/sys/net/ipv4/ip_forward", "1"));
    // Without NAT containers still reach the whole fleet: a warning, not a failure.
    auto const nat = set_masquerade(config_.bridge, fleet);
    std::string const warning = nat ? "" : nat.error().message;
    if (!warning.empty() && warning != nat_warning_) {
        base::log(base::LogLevel::warning, "network",
                  base::concat(warning, "; containers reach nothing outside the fleet"));
    }
    nat_warning_ = warning;
    return {};
}

base::Result<void> LinuxNetwork::set_routes(std::span<Route const> routes) {
    std::scoped_lock const lock(mutex_);
    auto routing = TRY(Routing::open());
    std::map<base::Prefix, std::uint32_t> wanted;
    std::string problems;
    for (Route const& route : routes) {
        if (route.via.is_v4()) {
            wanted[route.subnet] = route.via.v4_value();
        } else {
            problems += base::concat("route ", base::to_string(route.subnet), " via ",
                                     base::to_string(route.via), ": not an IPv4 address; ");
        }
    }
    std::set<base::Prefix> ours;
    for (KernelRoute const& route : TRY(routing.routes(route_protocol))) {
        if (route.kind != RouteKind::forwarded) {
            continue;
        }
        auto const want = wanted.find(route.destination);
        if (want == wanted.end()) {
            TRY_VOID(routing.delete_route(route));
        } else if (want->second == route.via) {
            wanted.erase(want);
        } else {
            ours.insert(route.destination);
        }
    }
    // One host that cannot be reached does not keep the routes to the others from being made.
    for (auto const& [subnet, via] : wanted) {
        auto const added =
            routing.add_route({.destination = subnet,
                               .kind = RouteKind::forwarded,
                               .via = via,
                               .protocol = route_protocol},
                              ours.contains(subnet) ? IfPresent::replace : IfPresent::fail);
        if (!added) {
            problems += base::concat(added.error().message, "; ");
        }
    }
    if (!problems.empty()) {
        problems.resize(problems.size() - 2);
        return base::fail(std::move(problems));
    }
    return {};
}

base::Result<void> LinuxNetwork::set_virtual_range(base::Prefix range) {
    std::scoped_lock const lock(mutex_);
    auto routing = TRY(Routing::open());
    auto const loopback = TRY(routing.find_link("lo"));
    if (!loopback) {
        return base::fail("this host has no loopback interface");
    }
    // A fresh network namespace has it down, and routes through it are refused then.
    TRY_VOID(routing.set_up(*loopback));
    bool present = false;
    for (KernelRoute const& route : TRY(routing.routes(route_protocol))) {
        if (route.kind == RouteKind::local && route.destination == range) {
            present = true;
        } else if (route.kind == RouteKind::local) {
            TRY_VOID(routing.delete_route(route));
        }
    }
    if (present) {
        return {};
    }
    return routing.add_route({.destination = range,
                              .kind = RouteKind::local,
                              .interface_index = loopback->index,
                              .protocol = route_protocol},
                             IfPresent::fail);
}

base::Result<LinkAddress> LinuxNetwork::free_address(std::vector<Record> const& used) const {
    std::set<std::uint32_t> taken;
    for (Record const& record : used) {
        taken.insert(record.address.address);
    }
    // The first is the bridge's, the last is broadcast.
    std::uint32_t const end = (std::uint32_t{1} << (32 - subnet_->length)) - 1;
    for (std::uint32_t index = 2; index < end; ++index) {
        std::uint32_t const address = subnet_->host(index).v4_value();
        if (!taken.contains(address)) {
            return LinkAddress{address, subnet_->length};
        }
    }
    return base::fail(base::concat("all ", end - 2, " addresses of ", base::to_string(*subnet_),
                                   " are in use on this host"));
}

// Inside the container's namespace: loopback, address, default route, and the two settings that let
// a process without privileges serve port 80 and send pings.
static base::Result<void> configure_inside(LinkAddress address) {
    auto routing = TRY(Routing::open());
    auto const loopback = TRY(routing.find_link("lo"));
    auto const ethernet = TRY(routing.find_link("eth0"));
    if (!loopback || !ethernet) {
        return base::fail("the container's network namespace lacks lo or eth0");
    }
    TRY_VOID(routing.set_up(*loopback));
    TRY_VOID(routing.add_address(*ethernet, address));
    TRY_VOID(routing.set_up(*ethernet));
    TRY_VOID(routing.add_route({.destination = {},
                                .kind = RouteKind::forwarded,
                                .via = network_of(address).host(1).v4_value(),
                                .protocol = route_protocol},
                               IfPresent::fail));
    TRY(routing.find_link(ethernet->name));  // so that its carrier counts at once
    TRY_VOID(write_setting("/proc/sys/net/ipv4/ip_unprivileged_port_start", "0"));
    return write_setting("/proc/sys/net/ipv4/ping_group_range", "0 2147483647");
}

base::Result<void> LinuxNetwork::make_attachment(Routing& routing, Link const& bridge,
                                                 Record const& record,
                                                 std::optional<netlink::Mac> mac) {
    std::string const path = netns_path(record.id);
    TRY_VOID(create_net_namespace(path));
    auto const netns = TRY(open_net_namespace(path));
    auto const ip = base::IpAddress::v4(record.address.address);
    TRY_VOID(routing.create_veth({.name = veth_name(record.id),
                                  .master = bridge.index,
                                  .peer_name = "eth0",
                                  .peer_mac = mac.value_or(mac_of(ip)),
                                  .peer_netns = netns.get(),
                                  .mtu = config_.mtu}));
    TRY_VOID(in_net_namespace(netns, [&] { return configure_inside(record.address); }));
    auto const veth = TRY(routing.find_link(veth_name(record.id)));
    if (!veth) {
        return base::fail(base::concat(veth_name(record.id), " vanished; was it deleted?"));
    }
    TRY(routing.find_link(bridge.name));  // as above, after its port's
    return routing.set_alias(*veth, alias_of(record));
}

base::IpAddress LinuxNetwork::gateway() {
    std::scoped_lock const lock(mutex_);
    return subnet_ ? subnet_->host(1) : base::IpAddress{};
}

base::Result<Attachment> LinuxNetwork::attach(std::string const& id,
                                              std::string const& mac_address) {
    TRY_VOID(check_id(id));
    std::optional<netlink::Mac> const mac = parse_mac(mac_address);
    if (!mac && !mac_address.empty()) {
        return base::fail(base::concat("MAC address '", mac_address,
                                       "' is not one host's, such as 02:42:ac:11:65:43"));
    }
    std::scoped_lock const lock(mutex_);
    auto routing = TRY(Routing::open());
    auto const used = TRY(records(routing));
    if (auto const found = std::ranges::find(used, id, &Record::id); found != used.end()) {
        return attachment_of(*found);
    }
    if (!subnet_) {
        return base::fail(base::concat("attach ", id, ": this host has no subnet yet"));
    }
    TRY_VOID(remove_attachment(routing, id));
    auto const address = TRY(free_address(used));
    auto const bridge = TRY(ensure_bridge(routing, {subnet_->host(1).v4_value(), subnet_->length}));
    Record const record{id, address};
    if (auto made = make_attachment(routing, bridge, record, mac); !made) {
        // Best effort: what cannot be removed now is swept at the next start.
        [[maybe_unused]] auto const removed = remove_attachment(routing, id);
        return base::fail(base::concat("attach ", id, ": ", made.error().message));
    }
    return attachment_of(record);
}

base::Result<void> LinuxNetwork::remove_attachment(Routing& routing, std::string const& id) {
    if (auto const veth = TRY(routing.find_link(veth_name(id)))) {
        TRY_VOID(routing.delete_link(*veth));
    }
    return remove_net_namespace(netns_path(id));
}

base::Result<void> LinuxNetwork::detach(std::string const& id) {
    TRY_VOID(check_id(id));
    std::scoped_lock const lock(mutex_);
    auto routing = TRY(Routing::open());
    return remove_attachment(routing, id);
}

base::Result<std::vector<Attachment>> LinuxNetwork::attachments() {
    std::scoped_lock const lock(mutex_);
    auto routing = TRY(Routing::open());
    std::vector<Attachment> found;
    for (Record const& record : TRY(records(routing))) {
        found.push_back(attachment_of(record));
    }
    return found;
}

base::Result<void> LinuxNetwork::clear() {
    std::scoped_lock const lock(mutex_);
    auto routing = TRY(Routing::open());
    for (Record const& record : TRY(records(routing))) {
        TRY_VOID(remove_attachment(routing, record.id));
    }
    for (Link const& link : TRY(veths(routing))) {
        if (link.master != 0) {
            TRY_VOID(routing.delete_link(link));
        }
    }
    for (std::string const& name : TRY(namespaces())) {
        TRY_VOID(remove_net_namespace(netns_path(name)));
    }
    for (KernelRoute const& route : TRY(routing.routes(route_protocol))) {
        TRY_VOID(routing.delete_route(route));
    }
    if (auto const bridge = TRY(routing.find_link(config_.bridge))) {
        TRY_VOID(routing.delete_link(*bridge));
    }
    subnet_.reset();
    return remove_masquerade(config_.bridge);
}

}  // namespace

base::Result<std::unique_ptr<Network>> open_network(NetworkConfig config) {
    if (config.bridge.empty() || config.bridge.size() >= IFNAMSIZ) {
        return base::fail(
            base::concat("'", config.bridge, "' is no interface name: 1 to 15 bytes"));
    }
    std::error_code error;
    std::filesystem::create_directories(config.netns_dir, error);
    if (error) {
        return base::fail(base::concat("create ", config.netns_dir, ": ", error.message()));
    }
    auto network = std::make_unique<LinuxNetwork>(std::move(config));
    TRY_VOID(network->sweep());
    return network;
}

}  // namespace runtime
