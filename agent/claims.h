#pragma once

#include <optional>
#include <string_view>

#include "agent/state.h"
#include "base/address.h"
#include "base/ids.h"

// Addresses are claimed by writing the claimant under the address in the shared state; a
// concurrent claim of the same address loses there like any concurrent write, and its writer
// chooses again. The first choice is a hash of the claimant, so collisions are rare.
namespace agent {

// The /24 this host has claimed; the lowest if it has several.
[[nodiscard]] std::optional<base::Prefix> own_subnet(State const& state, base::NodeId self);

// A /24 of `fleet` outside `virtual_range` that nobody has claimed; nothing when all are.
[[nodiscard]] std::optional<base::Prefix> free_subnet(State const& state, base::NodeId self,
                                                      base::Prefix fleet,
                                                      base::Prefix virtual_range);

// An address of `range` that no service has claimed; nothing when all are.
[[nodiscard]] std::optional<base::IpAddress> free_vip(State const& state, std::string_view service,
                                                      base::Prefix range);

}  // namespace agent
