#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "dns/zone.h"

namespace dns {

struct Srv {
    std::uint16_t port{};
    std::string target;
    friend auto operator<=>(Srv const&, Srv const&) = default;
};

// What a name holds. A name without records exists nevertheless: an empty non-terminal (RFC 8020).
struct Entry {
    std::vector<base::IpAddress> v4;
    std::vector<base::IpAddress> v6;
    std::vector<Srv> services;
    std::vector<std::string> pointers;  // PTR targets
    bool apex{};                        // of a zone that is ours: everything beneath is, too
};

class Zone {
public:
    explicit Zone(ZoneData const& data);

    // Nothing: the name does not exist. All names in wire form, lower case.
    [[nodiscard]] Entry const* find(std::string_view name) const;
    // What completes a client's short names, such as "\4shop\5covey\10internal\0"; else empty.
    [[nodiscard]] std::string_view project_suffix(base::IpAddress const& client) const;

    // See resolvers_of().
    [[nodiscard]] std::vector<base::SocketAddress> resolvers(base::IpAddress const& client) const;

    [[nodiscard]] std::string_view name_server() const { return name_server_; }

    // The data of the SOA record.
    [[nodiscard]] base::ByteView authority() const { return authority_; }

private:
    Entry& entry(std::string_view name);
    void add_service(ServiceRecord const& service);
    [[nodiscard]] std::vector<Entry*> srv_entries(std::string_view service,
                                                  ServicePort const& port);
    void add_host(HostRecord const& host);
    void add_pointer(base::IpAddress const& address, std::string const& target);

    std::string origin_;
    std::string name_server_;
    base::Bytes authority_;
    std::map<std::string, Entry, std::less<>> entries_;
    std::map<base::IpAddress, std::string> project_suffixes_;
    std::map<base::IpAddress, std::vector<base::SocketAddress>> resolvers_;
};

}  // namespace dns
