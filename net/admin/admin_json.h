#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "net/admin/admin_port.h"
#include "runtime/driver.h"

// The bodies of the admin protocol, version 1: JSON objects, or arrays of them for listings.
// Identifiers, addresses and digests are strings, durations are milliseconds, specs and log bytes
// are base64. A missing or mistyped field makes a body unusable; unknown fields are ignored.
namespace net {

// `terms` may be missing from the body of a change: they are the usual ones then.
struct ApplyRequest {
    std::vector<spec::ServiceSpec> services;
    agent::AckTerms terms;
};

struct RemoveRequest {
    std::string service;
    agent::AckTerms terms;
};

struct ScaleRequest {
    std::string service;
    std::uint32_t replicas{};
    agent::AckTerms terms;
};

struct EvictRequest {
    std::string host;
    bool undo{};
    agent::AckTerms terms;
};

struct ConflictRequest {
    std::string id;
    agent::Settling how{};
    agent::AckTerms terms;
};

struct TokenRequest {
    std::uint64_t ttl_seconds{};
    std::uint32_t uses{};
};

struct LoadRequest {
    std::string path;
};

struct TokenReply {
    std::string token;
};

struct ErrorReply {
    std::string error;
};

// A body without content: {}.
struct EmptyReply {};

inline constexpr std::size_t list_max = 100'000;

// Defined for the types above and for the reports of AdminPort, alone or in vectors where a
// listing is one. Text that is not UTF-8 has its bad bytes replaced by '?'.
template <class Body>
[[nodiscard]] std::string to_json(Body const& body);

// Never throws; text that nobody vouches for.
template <class Body>
[[nodiscard]] base::Result<Body> from_json(std::string_view text);

}  // namespace net
