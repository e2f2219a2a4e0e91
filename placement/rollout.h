#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "placement/placement.h"

namespace placement {

// What is known of one slot while a service moves to a new revision.
struct SlotState {
    std::uint32_t slot{};
    std::string revision;
    Phase phase{};
};

// Whether the host of `slot` may replace its container by `target` now: every lower slot is healthy
// at `target` already, and no other slot is on its way (one at a time). Stale knowledge can only
// delay a step. A slot that runs nothing may always start.
[[nodiscard]] bool may_update(std::uint32_t slot, std::string_view target,
                              std::span<SlotState const> slots);

}  // namespace placement
