#include "gossip/rate_limit.h"

#include <algorithm>

namespace gossip {

bool RateLimit::take(base::Instant now, int rate) {
    double const burst = 2.0 * rate;
    now = std::max(now, last_);
    std::chrono::duration<double> const passed = now - last_;
    tokens_ = tokens_ < 0 ? burst : std::min(burst, tokens_ + passed.count() * rate);
    last_ = now;
    if (tokens_ < 1) {
        return false;
    }
    tokens_ -= 1;
    return true;
}

}  // namespace gossip
