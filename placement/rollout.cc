#include "placement/rollout.h"

#include <algorithm>

namespace placement {

bool may_update(std::uint32_t slot, std::string_view target, std::span<SlotState const> slots) {
    bool runs = false;
    bool turn = true;
    for (SlotState const& other : slots) {
        bool const at_target = other.revision == target;
        if (other.slot == slot) {
            if (at_target) {
                return false;
            }
            runs = runs || !other.revision.empty();
        } else if (!at_target || other.phase != Phase::healthy) {
            // A higher slot that fails at an older revision waits for its own turn: the new
            // revision may be its cure.
            bool const on_its_way = at_target || other.revision.empty();
            turn = turn && !on_its_way && other.slot > slot;
        }
    }
    return turn || !runs;
}

}  // namespace placement
