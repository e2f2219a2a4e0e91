#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "placement/placement.h"

namespace placement {

// What is known of one slot while a service moves to a new revision. A slot that is assigned but
// runs nothing yet is listed with an empty revision.
struct SlotState {
    std::uint32_t slot{};
    std::string revision;
    Phase phase{};
};

// Whether the host of `slot` may replace its container by `target` now: every lower slot is healthy
// at `target` already, and no other slot is on its way (one at a time). Stale knowledge can only
// delay a step. A slot that runs nothing may always start; one at `target` has nothing to replace.
// A slot below `slot` that is not listed does not count (those of global services are not
// consecutive), so list every assigned one.
[[nodiscard]] bool may_update(std::uint32_t slot, std::string_view target,
                              std::span<SlotState const> slots);

}  // namespace placement
