#include "cmd/nearest.h"

#include "base/edit_distance.h"

namespace cmd {

std::string_view nearest(std::string_view typed, std::span<std::string const> candidates) {
    constexpr std::size_t typed_max = 64;
    std::string_view best;
    std::size_t best_distance = typed.size() / 3 + 1;
    if (typed.size() > typed_max) {
        return best;
    }
    for (std::string const& candidate : candidates) {
        std::size_t const edits = base::edit_distance(typed, candidate);
        if (edits < best_distance || (edits == best_distance && best.empty())) {
            best = candidate;
            best_distance = edits;
        }
    }
    return best;
}

}  // namespace cmd
