#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace spec {

enum class NetworkMode : std::uint8_t { bridge, host, none };

// The service on one network.
struct Attachment {
    std::set<std::string> aliases{};  // further names of the service there
    bool internal{};                  // of the network: no way out of the fleet
    std::int32_t priority{};          // the highest is the container's default route
    friend bool operator==(Attachment const&, Attachment const&) = default;
};

struct Networking {
    NetworkMode mode{};
    // By name in the fleet: PROJECT_NAME, or as the top level says. None: the project's default.
    std::map<std::string, Attachment> networks{};
    std::vector<std::string> dns{};  // servers asked for names outside the fleet, in this order
    std::vector<std::string> dns_search{};
    std::set<std::string> dns_opt{};
    std::map<std::string, std::set<std::string>> extra_hosts{};  // name -> addresses
    std::string hostname{};                                      // empty: SERVICE-SLOT
    std::string domainname{};
    std::string mac_address{};  // "02:42:ac:11:65:43"
    friend bool operator==(Networking const&, Networking const&) = default;
};

}  // namespace spec
