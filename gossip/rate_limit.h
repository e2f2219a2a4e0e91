#pragma once

#include "base/time.h"

namespace gossip {

// A token bucket: `rate` events a second, with a burst of twice that.
class RateLimit {
public:
    // Whether this event is within the rate; counts it if so. Time never runs backwards for it: an
    // earlier `now` than the last counts as the last.
    [[nodiscard]] bool take(base::Instant now, int rate);

private:
    base::Instant last_{};
    double tokens_ = -1;  // below 0: not used yet, full
};

}  // namespace gossip
