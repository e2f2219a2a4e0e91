#include "gossip/timing.h"

#include <algorithm>
#include <cmath>

namespace gossip {

int retransmits(int mult, std::size_t members) {
    return mult * static_cast<int>(std::ceil(std::log10(static_cast<double>(members) + 1)));
}

base::Duration suspicion_timeout(int mult, std::size_t members, base::Duration interval) {
    double const scale = std::max(1.0, std::log10(std::max(1.0, static_cast<double>(members))));
    auto const millis = std::chrono::duration<double, std::milli>(interval) * scale * mult;
    return std::chrono::floor<base::milliseconds>(millis);
}

base::Duration growing(base::Duration first, std::uint32_t time, base::Duration max) {
    base::Duration grown = first;
    for (std::uint32_t further = 1; further < time && grown < max; ++further) {
        grown *= 2;
    }
    return std::min(grown, max);
}

base::Duration suspicion_time(base::Duration min, base::Duration max, int wanted,
                              int confirmations) {
    if (wanted <= 0 || confirmations >= wanted) {
        return min;
    }
    double const agreed = std::log(std::max(0, confirmations) + 1.0) / std::log(wanted + 1.0);
    std::chrono::duration<double, std::milli> const span = max - min;
    return std::max(min, base::Duration(std::chrono::floor<base::milliseconds>(
                             std::chrono::duration<double, std::milli>(max) - span * agreed)));
}

}  // namespace gossip
