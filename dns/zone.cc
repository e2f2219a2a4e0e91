#include "dns/zone.h"

#include <algorithm>

#include "base/check.h"
#include "base/text.h"
#include "dns/name.h"
#include "dns/zone_index.h"

namespace dns {

namespace {

// 10.128.0.0/12, the fleet's own addresses, spans the reverse zones of 10.128 to 10.143.
constexpr int fleet_second_byte_min = 128;
constexpr int fleet_second_byte_max = 143;

constexpr std::string_view mailbox = "hostmaster";

// A record that has no valid name is left out: it could not be asked for either.
std::string name_or_empty(std::string_view text, std::string_view suffix) {
    return name_under(text, suffix).value_or("");
}

void add_address(Entry& entry, base::IpAddress const& address) {
    (address.is_v4() ? entry.v4 : entry.v6).push_back(address);
}

template <class Record>
void sort_unique(std::vector<Record>& records) {
    std::ranges::sort(records);
    records.erase(std::ranges::unique(records).begin(), records.end());
}

base::Bytes soa_data(std::string_view name_server, std::string_view contact, std::uint32_t serial) {
    base::ByteWriter writer;
    writer.raw(base::as_bytes(name_server));
    writer.raw(base::as_bytes(contact));
    writer.u32(serial);
    writer.u32(3600);  // refresh, retry and expire are for secondaries, which there are none of
    writer.u32(600);
    writer.u32(86400);
    writer.u32(negative_ttl_seconds);
    return writer.take();
}

}  // namespace

Zone::Zone(ZoneData const& data) : origin_(name_from_text(data.origin).value_or("")) {
    CHECK(valid_origin(data.origin));
    entry(origin_).apex = true;
    for (int second = fleet_second_byte_min; second <= fleet_second_byte_max; ++second) {
        auto const name = name_from_text(base::concat(second, ".10.in-addr.arpa"));
        entries_[*name].apex = true;
    }
    name_server_ = name_or_empty("ns", origin_);
    (void)entry(name_server_);
    authority_ = soa_data(name_server_, name_or_empty(mailbox, origin_), data.serial);
    // "internal" has a child, so it exists.
    std::string_view top = origin_;
    while (label_count(top) > 1) {
        top = parent(top);
    }
    (void)entries_[std::string(top)];

    for (ServiceRecord const& service : data.services) {
        add_service(service);
    }
    for (HostRecord const& host : data.hosts) {
        add_host(host);
    }
    for (auto const& [address, project] : data.projects) {
        project_suffixes_[address] = name_or_empty(project, origin_);
    }
    for (auto const& [address, resolvers] : data.resolvers) {
        auto const end = resolvers.begin() +
                         static_cast<std::ptrdiff_t>(std::min(resolvers.size(), resolvers_max));
        resolvers_[address] = {resolvers.begin(), end};
    }
    for (auto& [name, entry] : entries_) {
        sort_unique(entry.v4);
        sort_unique(entry.v6);
        sort_unique(entry.services);
        sort_unique(entry.pointers);
    }
}

Entry const* Zone::find(std::string_view name) const {
    auto const found = entries_.find(name);
    return found == entries_.end() ? nullptr : &found->second;
}

std::string_view Zone::project_suffix(base::IpAddress const& client) const {
    auto const found = project_suffixes_.find(client);
    return found == project_suffixes_.end() ? std::string_view{} : found->second;
}

std::vector<base::SocketAddress> Zone::resolvers(base::IpAddress const& client) const {
    auto const found = resolvers_.find(client);
    return found == resolvers_.end() ? std::vector<base::SocketAddress>() : found->second;
}

// The entry of a name under one of our zones; its ancestors up to the apex come to exist with it.
Entry& Zone::entry(std::string_view name) {
    auto const found = entries_.find(name);
    if (found != entries_.end()) {
        return found->second;
    }
    for (auto ancestor = parent(name); ancestor.size() > 1; ancestor = parent(ancestor)) {
        Entry const* const known = find(ancestor);
        if (known != nullptr && known->apex) {
            (void)entry(parent(name));
            break;
        }
    }
    return entries_[std::string(name)];
}

void Zone::add_service(ServiceRecord const& service) {
    std::string const project = name_or_empty(service.project, origin_);
    std::string const name = project.empty() ? project : name_or_empty(service.name, project);
    std::string const tasks = name.empty() ? name : name_or_empty("tasks", name);
    std::string const widest_slot = name.empty() ? name : name_or_empty("4294967295", name);
    if (tasks.empty() || widest_slot.empty()) {
        return;
    }
    (void)entry(name);
    (void)entry(tasks);
    if (service.vip) {
        add_address(entry(name), *service.vip);
        add_pointer(*service.vip, name);
    }
    for (Endpoint const& endpoint : service.endpoints) {
        std::string const slot = name_or_empty(std::to_string(endpoint.slot), name);
        add_address(entry(slot), endpoint.address);
        add_address(entry(tasks), endpoint.address);
        if (!service.vip) {
            add_address(entry(name), endpoint.address);
        }
        add_pointer(endpoint.address, slot);
    }
    for (ServicePort const& port : service.ports) {
        for (Entry* const found : srv_entries(name, port)) {
            for (Endpoint const& endpoint : service.endpoints) {
                found->services.push_back(
                    {port.port, name_or_empty(std::to_string(endpoint.slot), name)});
            }
        }
    }
}

// A port is asked for by its name or by its number.
std::vector<Entry*> Zone::srv_entries(std::string_view service, ServicePort const& port) {
    std::vector<Entry*> entries;
    for (std::string const& label : {port.name, std::to_string(port.port)}) {
        std::string const name =
            name_or_empty(base::concat('_', label, port.udp ? "._udp" : "._tcp"), service);
        if (!name.empty()) {
            entries.push_back(&entry(name));
        }
    }
    return entries;
}

void Zone::add_host(HostRecord const& host) {
    std::string const name = name_or_empty(host.name, name_or_empty("node", origin_));
    if (name.empty()) {
        return;
    }
    add_address(entry(name), host.address);
    add_pointer(host.address, name);
}

void Zone::add_pointer(base::IpAddress const& address, std::string const& target) {
    std::string const name = reverse_name(address);
    bool ours = false;
    for (std::string_view ancestor = name; ancestor.size() > 1; ancestor = parent(ancestor)) {
        Entry const* const known = find(ancestor);
        ours = ours || (known != nullptr && known->apex);
    }
    Entry& pointer = entry(name);
    pointer.apex = pointer.apex || !ours;
    pointer.pointers.push_back(target);
}

bool valid_origin(std::string_view origin) {
    return name_from_text(origin).has_value() &&
           !name_or_empty(mailbox, *name_from_text(origin)).empty();
}

std::shared_ptr<Zone const> make_zone(ZoneData const& data) {
    return std::make_shared<Zone const>(data);
}

std::vector<base::SocketAddress> resolvers_of(Zone const& zone, base::IpAddress client) {
    return zone.resolvers(client);
}

}  // namespace dns
