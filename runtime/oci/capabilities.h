#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace runtime {

// A set of Linux capabilities, bit N for capability number N: capabilities(7).
using CapabilitySet = std::uint64_t;

// Docker's without raw sockets, device nodes and the audit log.
[[nodiscard]] CapabilitySet default_capabilities();
[[nodiscard]] CapabilitySet all_capabilities();

// The default, changed as Docker does: "ALL" added begins from all, "ALL" dropped from none; what
// is added and dropped by name is added, except beside "ALL" added. Names are taken in any case,
// with or without "CAP_"; an unknown one is an error.
[[nodiscard]] base::Result<CapabilitySet> change_capabilities(std::set<std::string> const& add,
                                                              std::set<std::string> const& drop);

// "CAP_CHOWN" and so on.
[[nodiscard]] std::vector<std::string> capability_names(CapabilitySet set);

}  // namespace runtime
