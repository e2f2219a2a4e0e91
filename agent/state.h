#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "agent/records.h"
#include "base/address.h"
#include "base/ids.h"
#include "spec/spec.h"

namespace agent {

struct ServiceState {
    spec::ServiceSpec spec;
    std::string revision;
};

// Instances by (service, slot), so that one service's are neighbours.
struct SlotKey {
    std::string service;
    std::uint32_t slot{};
    friend auto operator<=>(SlotKey const&, SlotKey const&) = default;
};

// The shared state as types: decoded once per change, read by planning, tables and reports. It
// holds exactly what the map's live entries say; an entry that does not decode is as if absent, but
// for services of a later version, whose keys are in newer().
class State {
public:
    // The current value of `key` (nullptr: absent or erased).
    void update(std::string_view key, base::Bytes const* value);

    [[nodiscard]] std::map<std::string, ServiceState, std::less<>> const& services() const {
        return services_;
    }

    // Services that only a later version of the agent understands.
    [[nodiscard]] std::set<std::string, std::less<>> const& newer() const { return newer_; }

    [[nodiscard]] std::map<base::NodeId, NodeFacts> const& nodes() const { return nodes_; }

    [[nodiscard]] std::map<base::NodeId, NodeWish> const& wishes() const { return wishes_; }

    [[nodiscard]] bool evicted(base::NodeId node) const;

    [[nodiscard]] std::map<base::NodeId, std::map<SlotKey, InstanceRecord>> const& instances()
        const {
        return instances_;
    }

    [[nodiscard]] std::map<base::Prefix, base::NodeId> const& subnets() const { return subnets_; }

    [[nodiscard]] std::map<base::IpAddress, std::string> const& vips() const { return vips_; }

    // The scale override, or what the spec says.
    [[nodiscard]] std::uint32_t replicas(std::string_view service) const;

    [[nodiscard]] bool scaled(std::string_view service) const { return scales_.contains(service); }

    // The lowest address claimed for the service.
    [[nodiscard]] std::optional<base::IpAddress> vip(std::string_view service) const;

private:
    void update_service(std::string_view service, base::Bytes const* value);
    void update_instance(std::string_view rest, base::Bytes const* value);

    std::map<std::string, ServiceState, std::less<>> services_;
    std::set<std::string, std::less<>> newer_;
    std::map<std::string, std::uint32_t, std::less<>> scales_;
    std::map<base::NodeId, NodeFacts> nodes_;
    std::map<base::NodeId, NodeWish> wishes_;
    std::map<base::NodeId, std::map<SlotKey, InstanceRecord>> instances_;
    std::map<base::Prefix, base::NodeId> subnets_;
    std::map<base::IpAddress, std::string> vips_;
    std::map<std::string, std::set<base::IpAddress>, std::less<>> vips_of_;
};

}  // namespace agent
