#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.h"
#include "base/bytes.h"

namespace dns {

struct ServicePort {
    std::string name;  // "http", or the number as text
    std::uint16_t port{};
    bool udp{};
    friend bool operator==(ServicePort const&, ServicePort const&) = default;
};

struct Endpoint {
    std::uint32_t slot{};
    base::IpAddress address;
    friend bool operator==(Endpoint const&, Endpoint const&) = default;
};

struct ServiceRecord {
    std::string project;
    std::string name;
    std::optional<base::IpAddress> vip;  // nothing: the name resolves to the endpoints
    std::vector<ServicePort> ports;
    std::vector<Endpoint> endpoints;  // those that may be used now
    friend bool operator==(ServiceRecord const&, ServiceRecord const&) = default;
};

struct HostRecord {
    std::string name;
    base::IpAddress address;
    friend bool operator==(HostRecord const&, HostRecord const&) = default;
};

inline constexpr std::size_t resolvers_max = 8;

// Everything this host answers for, as data. A record whose names are no DNS names is left out.
// Hosts share the names of a project called `node`.
struct ZoneData {
    std::string origin = "covey.internal";
    std::uint32_t serial{};
    std::vector<ServiceRecord> services;
    std::vector<HostRecord> hosts;
    // Container address -> its project, so that inside project `shop` the name `web` is enough.
    std::map<base::IpAddress, std::string> projects;
    // Container address -> whom it wants asked for names of elsewhere, instead of the host's
    // resolvers; those beyond resolvers_max are not.
    std::map<base::IpAddress, std::vector<base::SocketAddress>> resolvers;
    friend bool operator==(ZoneData const&, ZoneData const&) = default;
};

// Whether a configured origin can be one: a DNS name, not the root, with room for names beneath.
[[nodiscard]] bool valid_origin(std::string_view origin);

// ZoneData made ready for lookups; immutable, shared by the server's threads.
class Zone;
// valid_origin(data.origin) must hold.
[[nodiscard]] std::shared_ptr<Zone const> make_zone(ZoneData const& data);

enum class Transport : std::uint8_t { udp, tcp };

struct Answer {
    enum class Kind : std::uint8_t {
        reply,    // `message` goes back
        forward,  // not ours: ask the client's resolvers or the host's, pass their answer back
        drop,     // not a query; answering could feed a loop
    };
    Kind kind{};
    base::Bytes message;
};

inline constexpr std::uint32_t ttl_seconds = 1;
inline constexpr std::uint32_t negative_ttl_seconds = 1;
inline constexpr std::size_t udp_payload_max = 1232;  // DNS flag day 2020

// Answers one query (RFC 1035, 2308, 2782, 6891, 8020, 8482). Any bytes are accepted; never throws.
// `client` picks the project of single-label names. `rotation` turns the order of addresses, so
// that clients which take the first spread. A UDP answer that does not fit is truncated with TC.
[[nodiscard]] Answer answer(Zone const& zone, base::ByteView query, Transport transport,
                            base::IpAddress client, std::uint32_t rotation);

// Whom a client wants asked instead of the host's resolvers; empty: nobody.
[[nodiscard]] std::vector<base::SocketAddress> resolvers_of(Zone const& zone,
                                                            base::IpAddress client);

// SERVFAIL for a query that could not be forwarded.
[[nodiscard]] base::Bytes servfail(base::ByteView query);

}  // namespace dns
